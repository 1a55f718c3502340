"""Which way of filling suits a shot, found by trial: more holes are filled, and compared with what was there.

How a camera moves does not say which way is better. Tracked corners may sit on the person; people who are not to be
removed may walk through the plate, or past the hole; a hole may be uncovered soon, or never. All of that shows where
the truth is known, best of all right beside the holes. So the masked things grow, once a little and once more, and what
every way puts where they have grown is compared with what was there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from maskreel.common.video import Clip
from maskreel.inpaint.flow.completer import LaplaceCompleter
from maskreel.inpaint.flow.fill import fill_by_flow
from maskreel.inpaint.running.growth import grown
from maskreel.inpaint.running.temporal_mode import PlateFill
from maskreel.inpaint.scene.canvas import Canvas
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.memories import SparseMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inpaint.flow.completer import FlowCompleter
    from maskreel.inpaint.flow.fill import FlowFillConfig
    from maskreel.inpaint.running.growth import Grown
    from maskreel.inpaint.running.parts import Parts
    from maskreel.inpaint.scene.survey import Shot
    from maskreel.inpaint.scene.temporal_fill import Reveal
    from maskreel.inpaint.segmenters.protocol import Segmenter

__all__ = ["TRIAL_FRAMES", "Trial", "Triers", "Way"]

TRIAL_FRAMES = 48
_HEIGHT = 144  # of the shorter side: as many pixels as are needed to tell good fills from bad ones
_GROWTHS = (1 / 24, 1 / 12)  # of the shorter side
_LEAST_PIXELS = 200  # of all frames together; fewer say nothing
_GOOD = 36.0  # dB; a fill as good as this needs no rival, and better ones count as this
_CLEARLY = 0.25  # dB by which a later way must be better than an earlier one

Way = Literal["static", "registered", "flow", "following"]
"""A mode; following: `flow` with flow that is carried on into holes smoothly, so that it follows what passes by."""


@dataclass(frozen=True)
class Trial:
    """How well ways of filling put back what is known."""

    quality: dict[Way, float] = field(default_factory=dict)
    """PSNR in dB, 36 at most: first of the way that the survey chose, last of the least steady. Empty if nothing could
    be tried."""

    @property
    def best(self) -> Way | None:
        """The way to fill, the plainer one where there is little between them; None if nothing is known."""
        best: Way | None = None
        for way, quality in self.quality.items():
            if best is None or quality > self.quality[best] + _CLEARLY:
                best = way
        return best


@dataclass(frozen=True)
class Triers:
    """What the modes are tried with; as in the job itself."""

    settings: FlowFillConfig
    parts: Parts
    tolerance: float
    reveal: Reveal
    may_follow: bool = True
    """Whether flow may be completed in another way than the parts say."""
    passing: Segmenter | None = None
    """Marks what clean plates shall not show, see `MaskStage`."""

    def run(self, shot: Shot, frames: np.ndarray, masks: np.ndarray, start: int) -> Trial:
        """Try what may suit consecutive frames of a shot: its mode, its rival, and flow, in both ways.

        Args:
            shot: the shot, with the matrices of the survey.
            frames: uint8 (T, H, W, 3), RGB.
            masks: bool (T, H, W).
            start: index, in the video, of the first frame.
        """
        moving = None if self.passing is None else self.passing(Clip.from_numpy(frames, Fraction(1)), start).numpy()
        small = _Shrunk.of(shot, frames, masks, moving, start)
        both = [grown(small.frames, small.masks, reach) for reach in _reaches(small.frames.shape[1:3])]
        places = [place for place in both if _tells(place, small.masks)]
        if sum(np.count_nonzero(place.where) for place in places) < _LEAST_PIXELS:
            return Trial()
        quality = dict[Way, float]()
        for way in self._ways(shot):
            quality[way] = self._quality(way, small, places)
            if quality[way] >= _GOOD:
                break
        return Trial(quality)

    def _quality(self, way: Way, small: _Shrunk, places: Sequence[Grown]) -> float:
        """PSNR in dB, the mean of all places: one where every way fails, or does well, does not decide alone."""
        found = []
        for place in places:
            filled = self._filled(way, small, place.frames, small.masks | place.where)
            error = np.mean(np.square(filled[place.where].astype(np.float64) - small.frames[place.where]))
            found.append(min(_GOOD, 10 * np.log10(255**2 / max(error, 1e-6))))
        return float(np.mean(found))

    def _ways(self, shot: Shot) -> list[Way]:
        ways: list[Way] = [shot.mode, "flow"] if shot.rival is None else [shot.mode, shot.rival, "flow"]
        return list(dict.fromkeys([*ways, "following"] if self.may_follow else ways))

    def _filled(self, way: Way, small: _Shrunk, frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
        if way == "flow":
            return self._by_flow(frames, holes, self.parts.completer)
        if way == "following":
            return self._by_flow(frames, holes, LaplaceCompleter())
        return self._copied(replace(small.shot, mode=way), frames, holes, small.moving)

    def _by_flow(self, frames: np.ndarray, holes: np.ndarray, completer: FlowCompleter | None) -> np.ndarray:
        estimator, inpainter = self.parts.estimator, self.parts.inpainter
        return fill_by_flow(
            frames, holes, self.settings, estimator=estimator, completer=completer, inpainter=inpainter
        ).frames

    def _copied(self, shot: Shot, frames: np.ndarray, holes: np.ndarray, moving: np.ndarray | None) -> np.ndarray:
        canvas = Canvas(shot, (frames.shape[1], frames.shape[2]))
        laid, plate = canvas.lay(frames, holes, 0), CleanPlate(canvas.size)
        plate.add(laid, None if moving is None else canvas.covered(moving, 0))
        assert self.parts.inpainter is not None
        filler = PlateFill(canvas, plate, tolerance=self.tolerance, reveal=self.reveal, inpainter=self.parts.inpainter)
        nothing = SparseMemory.blank()
        return np.stack([image for image, _ in filler.fill(laid, 0, nothing, nothing)])


@dataclass(frozen=True)
class _Shrunk:
    """The frames that are tried, small."""

    shot: Shot
    frames: np.ndarray
    masks: np.ndarray
    moving: np.ndarray | None

    @classmethod
    def of(cls, shot: Shot, frames: np.ndarray, masks: np.ndarray, moving: np.ndarray | None, start: int) -> _Shrunk:
        height, width = frames.shape[1:3]
        scale = min(1.0, _HEIGHT / min(height, width))
        size = round(width * scale), round(height * scale)
        across, down = size[0] / width, size[1] / height
        to_small = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])
        here = slice(start - shot.start, start - shot.start + len(frames))
        matrices = to_small @ shot.matrices[here] @ np.linalg.inv(to_small)
        small = replace(shot, start=0, stop=len(frames), matrices=matrices)
        passing = None if moving is None else _small_masks(moving, size)
        return cls(small, np.stack([_small(frame, size) for frame in frames]), _small_masks(masks, size), passing)


def _small(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame at (width, height)."""
    return frame if frame.shape[1::-1] == size else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _small_masks(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """True wherever any pixel was masked."""
    return np.stack([_small(mask.astype(np.float32), size) > 0 for mask in masks])


def _reaches(size: Sequence[int]) -> list[int]:
    """By how many pixels masks grow in frames of (height, width)."""
    return [max(1, round(share * min(size))) for share in _GROWTHS]


def _tells(place: Grown, masks: np.ndarray) -> bool:
    """Whether something is covered there, and something is left to fill it from."""
    return bool(place.where.any() and not (place.where | masks).all())
