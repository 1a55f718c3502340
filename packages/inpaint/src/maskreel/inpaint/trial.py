"""Which mode suits a shot, found by trial: larger holes are filled, and compared with the truth where it is known.

How a camera moves does not say which mode is better. Tracked corners may sit on the person; people who are not to be
removed may walk through the plate; a hole may be uncovered soon, or never. All of that shows in the pixels around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.masks import dilate
from maskreel.inpaint.background import shrink, to_analysis
from maskreel.inpaint.canvas import Canvas
from maskreel.inpaint.flow_fill import fill_by_flow
from maskreel.inpaint.mask_stage import columns
from maskreel.inpaint.temporal_fill import Memory, fill_columns

if TYPE_CHECKING:
    from maskreel.inpaint.flow_fill import FlowFillConfig
    from maskreel.inpaint.parts import Parts
    from maskreel.inpaint.survey import Shot
    from maskreel.inpaint.temporal_fill import Reveal

__all__ = ["TRIAL_FRAMES", "Trial", "Triers"]

TRIAL_FRAMES = 48
_RING = 0.05  # of the height: how much holes grow
_LEAST_PIXELS = 200  # of all frames together; fewer say nothing
_CLEARLY = 0.5  # dB by which flow must be better to replace what the survey chose
_MUCH = 0.8


@dataclass(frozen=True)
class Trial:
    """What two modes put into holes whose content is known."""

    registered: float
    """PSNR in dB where both modes find the place in another frame; nan if that could not be tried."""
    flow: float
    """The same of the mode `flow`."""
    reach: float
    """Fraction of the places that `registered` finds in other frames which flow finds too; the rest it paints."""

    @property
    def prefers_flow(self) -> bool:
        """Whether flow is clearly better, and does not paint much of what can be copied."""
        return self.flow > self.registered + _CLEARLY and self.reach > _MUCH


@dataclass(frozen=True)
class Triers:
    """What the modes are tried with; as in the job itself."""

    settings: FlowFillConfig
    parts: Parts
    tolerance: float
    reveal: Reveal

    def run(self, shot: Shot, frames: np.ndarray, masks: np.ndarray, start: int) -> Trial:
        """Try both modes on consecutive frames of a shot.

        Both fill a ring around the masked things too, where everything is known. This happens at the size of the
        survey's analysis.

        Args:
            shot: the shot, with the matrices of the survey.
            frames: uint8 (T, H, W, 3), RGB.
            masks: bool (T, H, W).
            start: index, in the video, of the first frame.
        """
        size = (frames.shape[1], frames.shape[2])
        frames = np.stack([shrink(frame) for frame in frames])
        masks = np.stack([_shrunk_mask(mask, frames.shape[1:3]) for mask in masks])
        holes = _enlarged(masks)
        trial = holes & ~masks
        if np.count_nonzero(trial) < _LEAST_PIXELS:
            return Trial(np.nan, np.nan, 0.0)
        here = slice(start - shot.start, start - shot.start + len(frames))
        to_small = to_analysis(size)
        matrices = to_small @ shot.matrices[here] @ np.linalg.inv(to_small)
        small = replace(shot, start=0, stop=len(frames), matrices=matrices)
        parts = self.parts
        by_flow = fill_by_flow(
            frames,
            holes,
            self.settings,
            estimator=parts.estimator,
            completer=parts.completer,
            inpainter=parts.inpainter,
        )
        registered, seen = self._registered(small, frames, holes)
        seen &= trial
        both = seen & ~by_flow.synthesised
        if np.count_nonzero(both) < _LEAST_PIXELS:
            return Trial(np.nan, np.nan, 0.0)
        reach = np.count_nonzero(both) / np.count_nonzero(seen)
        return Trial(_psnr(registered, frames, both), _psnr(by_flow.frames, frames, both), reach)

    def _registered(self, shot: Shot, frames: np.ndarray, holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The frames with holes filled as `registered` does, and bool (T, H, W) where some frame shows the place."""
        canvas = Canvas(shot, (frames.shape[1], frames.shape[2]))
        laid = canvas.lay(frames, holes, 0)
        places = np.flatnonzero(laid.wanted.any(axis=0))
        colours, known = columns(laid, places)
        wanted = np.stack([frame.reshape(-1)[places] for frame in laid.wanted])
        blank = Memory.blank(len(places))
        filled, confidence = fill_columns(
            colours, known, wanted, np.arange(len(frames)), blank, blank, tolerance=self.tolerance, reveal=self.reveal
        )
        results, seen = np.empty_like(frames), np.empty(holes.shape, bool)
        for t, (colour, sure) in enumerate(zip(filled, confidence, strict=True)):
            image, known_here = laid.frames[t].copy(), np.ones(canvas.size, np.float32)
            image.reshape(-1, 3)[places[wanted[t]]] = np.round(colour.T)
            known_here.reshape(-1)[places[wanted[t]]] = sure
            results[t], seen[t] = canvas.lift(image, t), canvas.lift_values(known_here, t) > 0
        return results, seen


def _enlarged(masks: np.ndarray) -> np.ndarray:
    """bool (T, H, W), grown all around."""
    return dilate(torch.from_numpy(masks), _RING * masks.shape[1]).numpy()


def _shrunk_mask(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """bool (h, w): wherever any pixel of it was masked."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA) > 0


def _psnr(result: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    error = np.mean(np.square(result[where].astype(np.float64) - truth[where]))
    return float(10 * np.log10(255**2 / max(error, 1e-6)))
