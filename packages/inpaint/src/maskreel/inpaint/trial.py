"""Which mode suits a shot, found by trial: more holes are filled, and compared with the truth where it is known.

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
from maskreel.inpaint.flow_completer import LaplaceCompleter
from maskreel.inpaint.flow_fill import fill_by_flow
from maskreel.inpaint.mask_stage import columns
from maskreel.inpaint.temporal_fill import Memory, fill_columns

if TYPE_CHECKING:
    from maskreel.inpaint.flow_completer import FlowCompleter
    from maskreel.inpaint.flow_fill import FlowFillConfig
    from maskreel.inpaint.parts import Parts
    from maskreel.inpaint.survey import Shot
    from maskreel.inpaint.temporal_fill import Reveal

__all__ = ["NO_ATTEMPT", "TRIAL_FRAMES", "Attempt", "Trial", "Triers"]

TRIAL_FRAMES = 48
_ELSEWHERE = 0.3  # of the masked pixels: how many must not be masked half a trial later, to be tried
_RING = 0.05  # of the height: how much holes grow otherwise
_LEAST_PIXELS = 200  # of all frames together; fewer say nothing
_GOOD = 36.0  # dB; copies as good as this need no rival
_CLEARLY = 0.5  # dB by which flow must be better to replace what the survey chose
_MUCH = 0.8
_MORE = 1.0  # dB by which flow that follows must be better than other flow: it is less steady, and paints more


@dataclass(frozen=True)
class Attempt:
    """What the mode `flow` puts into holes whose content is known, beside what copying puts there."""

    gain: float
    """dB by which its PSNR is higher, where both find the place in another frame; nan if that could not be tried."""
    reach: float
    """Fraction of the places that copying finds in other frames which flow finds too; the rest it paints."""

    @property
    def convinces(self) -> bool:
        """Whether it is clearly better, and does not paint much of what can be copied."""
        return self.gain > _CLEARLY and self.reach > _MUCH


NO_ATTEMPT = Attempt(np.nan, 0.0)


@dataclass(frozen=True)
class Trial:
    """What the modes put into holes whose content is known."""

    copied: float
    """PSNR in dB of the mode that the survey chose, `static` or `registered`; nan if nothing could be tried."""
    flow: Attempt = NO_ATTEMPT
    """The mode `flow`, with flow completed as in the job."""
    following: Attempt = NO_ATTEMPT
    """The same with flow that is carried on into the hole smoothly: it follows people who pass beside it."""

    @property
    def prefers_following(self) -> bool:
        """Whether flow shall follow what moves beside the hole."""
        return self.following.convinces and not self.following.gain < self.flow.gain + _MORE

    @property
    def prefers_flow(self) -> bool:
        """Whether the mode shall be `flow`."""
        return self.flow.convinces or self.prefers_following


@dataclass(frozen=True)
class Triers:
    """What the modes are tried with; as in the job itself."""

    settings: FlowFillConfig
    parts: Parts
    tolerance: float
    reveal: Reveal
    may_follow: bool = True
    """Whether flow may be completed in another way than the parts say."""

    def run(self, shot: Shot, frames: np.ndarray, masks: np.ndarray, start: int) -> Trial:
        """Try the modes on consecutive frames of a shot.

        They fill more than is masked: where the masked things are in other frames, or, if these hardly move, a ring
        around them. There everything is known. This happens at the size of the survey's analysis.

        Args:
            shot: the shot, with the matrices of the survey.
            frames: uint8 (T, H, W, 3), RGB.
            masks: bool (T, H, W).
            start: index, in the video, of the first frame.
        """
        size = (frames.shape[1], frames.shape[2])
        frames = np.stack([shrink(frame) for frame in frames])
        masks = np.stack([_shrunk_mask(mask, frames.shape[1:3]) for mask in masks])
        tried = _tried(masks)
        holes = masks | tried.where
        here = slice(start - shot.start, start - shot.start + len(frames))
        to_small = to_analysis(size)
        matrices = to_small @ shot.matrices[here] @ np.linalg.inv(to_small)
        small = replace(shot, start=0, stop=len(frames), matrices=matrices)
        copied, seen = self._copied(small, frames, holes)
        seen &= tried.where
        if np.count_nonzero(seen) < _LEAST_PIXELS:
            return Trial(np.nan)
        quality = _psnr(copied, frames, seen)
        if quality > _GOOD:
            return Trial(quality)

        def attempt(completer: FlowCompleter | None) -> Attempt:
            parts = self.parts
            by_flow = fill_by_flow(
                frames, holes, self.settings, estimator=parts.estimator, completer=completer, inpainter=parts.inpainter
            )
            both = seen & ~by_flow.synthesised
            if np.count_nonzero(both) < _LEAST_PIXELS:
                return NO_ATTEMPT
            gain = _psnr(by_flow.frames, frames, both) - _psnr(copied, frames, both)
            return Attempt(gain, np.count_nonzero(both) / np.count_nonzero(seen))

        following = attempt(LaplaceCompleter()) if self.may_follow and tried.deep else NO_ATTEMPT
        return Trial(quality, attempt(self.parts.completer), following)

    def _copied(self, shot: Shot, frames: np.ndarray, holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The frames with holes filled from the same place of other frames, and bool (T, H, W) where one
        shows it."""
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


@dataclass(frozen=True)
class _Tried:
    where: np.ndarray
    """bool (T, H, W): known pixels that are filled, too."""
    deep: bool
    """Whether they lie in holes like the real ones, not just at their border, where anything smooth does well."""


def _tried(masks: np.ndarray) -> _Tried:
    """Where the masks of other frames lie; a ring around those of each frame where that is hardly anywhere else."""
    other = np.roll(masks, len(masks) // 2, axis=0) & ~masks
    if np.count_nonzero(other) > _ELSEWHERE * np.count_nonzero(masks):
        return _Tried(other, deep=True)
    grown = dilate(torch.from_numpy(masks), _RING * masks.shape[1]).numpy()
    return _Tried(grown & ~masks, deep=False)


def _shrunk_mask(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """bool (h, w): wherever any pixel of it was masked."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA) > 0


def _psnr(result: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    error = np.mean(np.square(result[where].astype(np.float64) - truth[where]))
    return float(10 * np.log10(255**2 / max(error, 1e-6)))
