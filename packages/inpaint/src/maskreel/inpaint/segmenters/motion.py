"""People and things that move, by comparison with the background: no weights.

A pixel is foreground if it differs from every plate that the background offers around its moment, by more than the
scene's noise explains. Hysteresis (Canny 1986) keeps weak differences, such as a shadow or an arm over a wall of nearly
its colour, only where they hang together with a strong one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.inpaint.scene.background import Background, analysis_scale, difference, shrink, to_analysis

if TYPE_CHECKING:
    from maskreel.common.video import Clip
    from maskreel.inpaint.scene.survey import Survey

__all__ = ["MotionSegmenter"]

_LEVELS = 10.0  # grey levels that pass for nothing ...
_NOISE = 2.5  # ... plus this many times the noise make a score of 1
_SEED_FRACTION = 0.15


class MotionSegmenter:
    """Segments what moves in a surveyed video. A `Segmenter`.

    Args:
        survey: the survey of the very video whose frames will be given.
        low: score that a foreground pixel needs where it hangs together with a stronger one; 1 is the edge of the
            noise.
        high: score that one pixel in seven of a region, or a disk's worth, needs for the region to count.
        min_size: smallest region, as a fraction of the frame's height: regions of less than its square are dropped.
    """

    def __init__(self, survey: Survey, *, low: float = 0.8, high: float = 1.6, min_size: float = 0.015) -> None:
        if not 0 < low <= high:
            raise ValueError(f"low and high must satisfy 0 < low <= high, got {low = }, {high = }")
        if min_size < 0:
            raise ValueError(f"min_size must not be negative, got {min_size}")
        self._survey = survey
        self._low = low
        self._high = high
        self._min_area = max(4, round((min_size * survey.size[0] * analysis_scale(survey.size)) ** 2))

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        """Segment the frames from index `start` on: bool (T, H, W)."""
        height, width = clip.size
        if clip.size != self._survey.size:
            raise ValueError(f"clip must have the surveyed size {self._survey.size}, got {clip.size}")
        masks = np.empty((len(clip), height, width), bool)
        for i, frame in enumerate(clip.numpy()):
            small = self._regions(self._score(frame, start + i))
            soft = cv2.resize(small.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR)
            masks[i] = soft >= 96  # a little less than half: the edge pixels belong to the hole
        return torch.from_numpy(masks)

    def _score(self, frame: np.ndarray, index: int) -> np.ndarray:
        """float32 (h, w): difference to the nearest plate in units of what noise explains; 0 where there is no
        plate."""
        background = self._survey.background(index)
        small = shrink(frame)
        plates, noise, seen = self._view(background, index, (small.shape[0], small.shape[1]))
        nearest = np.full(small.shape[:2], 255, np.uint8)
        for plate in plates:
            nearest = cv2.min(nearest, difference(small, plate))
        score = nearest.astype(np.float32) / (_LEVELS + _NOISE * noise)
        score[~seen] = 0
        return cv2.GaussianBlur(score, (0, 0), 0.8)

    def _view(
        self, background: Background, index: int, size: tuple[int, int]
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """The plates around frame `index`, the noise and where they are known, as this frame's camera sees them."""
        plates = [*background.plates(index), *background.without_strokes]
        shot = self._survey.shot(index)
        if shot.mode == "static" and plates[0].shape[:2] == size:
            return plates, background.noise, background.seen
        matrix = background.to_canvas @ shot.matrix(index) @ np.linalg.inv(to_analysis(self._survey.size))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        plates = [cv2.warpPerspective(plate, matrix, size[::-1], flags=flags) for plate in plates]
        noise = cv2.warpPerspective(background.noise, matrix, size[::-1], flags=flags)
        edges = self._edge_tolerance(plates[0])
        seen = cv2.warpPerspective(background.seen.astype(np.uint8) * 255, matrix, size[::-1], flags=flags) == 255
        return plates, noise + edges, seen

    @staticmethod
    def _edge_tolerance(plate: np.ndarray) -> np.ndarray:
        """Grey levels that a tenth of a pixel of misalignment makes at the plate's edges."""
        grey = cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        return 0.1 * cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, disk).astype(np.float32)

    def _regions(self, score: np.ndarray) -> np.ndarray:
        """bool (h, w): regions above `low` that hold enough above `high`."""
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        low = cv2.morphologyEx((score > self._low).astype(np.uint8), cv2.MORPH_CLOSE, disk)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(low, connectivity=8)
        area = stats[:, cv2.CC_STAT_AREA]
        strong = np.bincount(labels[score > self._high], minlength=count)
        keep = (area >= self._min_area) & (strong >= np.minimum(area * _SEED_FRACTION, self._min_area))
        keep[0] = False
        return keep[labels.astype(np.intp)]
