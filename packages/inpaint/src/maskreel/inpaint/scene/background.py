"""What a scene looks like without the things that move: plates and noise, from sampled frames.

Frames are sampled over a window of time, laid over each other by the camera's motion and reduced per pixel:

- the dominant plate: the temporal median;
- what came before and what comes after: for every sixteenth of the window, the last and the next look of a place while
  it and all that is near it stood perfectly still. So writing, the next slide or a parked car become background, but
  not somebody who stands about: people never stand like a stone;
- the noise level: the 40th percentile of the deviation from the dominant plate, robust while things cover a pixel less
  than 60 % of the time.

All images are at the analysis scale (see `analysis_scale`), RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np

__all__ = ["Background", "analysis_scale", "difference", "fit_background", "shrink", "to_analysis"]

_SEGMENTS = 16
_PART_SAMPLES = 7  # at least: in short clips, a slow thing would stand still within fewer
_CHANGE_LEVELS = 12.0  # grey levels beyond the noise that make a change
_CALM = 0.02  # fraction of unstable pixels around a calm place
_STROKE = 0.035  # of the height: the widest line of a pen
_ANALYSIS_HEIGHT = 288


@dataclass(frozen=True)
class Background:
    """The background of the frames `start` to `stop` of a video."""

    start: int
    """Index of the first frame that it describes."""
    stop: int
    """Index after the last frame."""
    to_canvas: np.ndarray
    """float64 (3, 3): positions in the shot's first frame, in full pixels, to positions in the plates."""
    dominant: np.ndarray
    """uint8 (h, w, 3): the temporal median."""
    before: np.ndarray
    """uint8 (segments, h, w, 3): the last calm look up to the end of each part of the window."""
    after: np.ndarray
    """uint8 (segments, h, w, 3): the next calm look from the start of each part."""
    noise: np.ndarray
    """float32 (h, w): typical deviation of an uncovered pixel from its plate, in grey levels."""
    seen: np.ndarray
    """bool (h, w): whether any sampled frame shows the pixel."""

    def plates(self, index: int) -> list[np.ndarray]:
        """The plates, uint8 (h, w, 3), that frame `index` may agree with."""
        count = len(self.before)
        now = min(max((index - self.start) * count // max(1, self.stop - self.start), 0), count - 1)
        return [self.dominant, self.before[now], self.after[now]]

    @cached_property
    def without_strokes(self) -> list[np.ndarray]:
        """The dominant plate without dark and without light strokes, uint8 (h, w, 3): the board before it was written
        on, which beside a writer no frame may show calmly."""
        size = round(_STROKE * self.dominant.shape[0]) | 1
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        return [cv2.morphologyEx(self.dominant, how, disk) for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)]


def analysis_scale(size: tuple[int, int]) -> float:
    """The factor from full frames of (height, width) to the frames that the background model works on."""
    return min(1.0, _ANALYSIS_HEIGHT / min(size))


def to_analysis(size: tuple[int, int]) -> np.ndarray:
    """float64 (3, 3): positions in a full frame of (height, width) to positions in the shrunken one."""
    scale = analysis_scale(size)
    return np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])


def shrink(frame: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) to the analysis scale."""
    scale = analysis_scale(frame.shape[:2])
    return frame if scale == 1 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def fit_background(
    samples: np.ndarray, inside: np.ndarray | None, start: int, stop: int, to_canvas: np.ndarray
) -> Background:
    """Reduce sampled frames, already on one canvas, to a background.

    Args:
        samples: uint8 (N, h, w, 3) RGB, in the order of time.
        inside: bool (N, h, w), where a sample has pixels at all; None means everywhere.
        start: index of the first frame of the window.
        stop: index after the last.
        to_canvas: see `Background`.
    """
    if samples.ndim != 4 or len(samples) == 0:
        raise ValueError(f"samples must have shape (N, h, w, 3) with N > 0, got {samples.shape}")
    dominant, seen = _median(samples, inside)
    noise = _noise(samples, inside, dominant)
    count = min(_SEGMENTS, max(1, len(samples) // _PART_SAMPLES))
    bounds = np.linspace(0, len(samples), count + 1).astype(int)
    parts = [slice(a, b) for a, b in pairwise(bounds)]
    looks = [_local_plate(samples[part], None if inside is None else inside[part], dominant) for part in parts]
    calm = [_is_calm(spread > _CHANGE_LEVELS + noise) for _, spread in looks]
    before = _last_calm([look for look, _ in looks], calm, dominant)
    after = _last_calm([look for look, _ in looks[::-1]], calm[::-1], dominant)[::-1]
    return Background(start, stop, to_canvas, dominant, before, after, noise, seen)


def _median(samples: np.ndarray, inside: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Per-pixel median over the samples that show the pixel: uint8 (h, w, 3), and bool (h, w) where there is one."""
    if inside is None:
        middle = np.sort(samples, axis=0)[(len(samples) - 1) // 2].copy()  # a view would hold all samples
        return middle, np.ones(samples.shape[1:3], bool)
    ordered = np.sort(np.where(inside[..., None], samples, np.uint16(999)), axis=0)
    count = inside.sum(axis=0)
    middle = np.maximum(count - 1, 0)[None, ..., None] // 2
    median = np.take_along_axis(ordered, np.broadcast_to(middle, (1, *ordered.shape[1:])), axis=0)[0]
    return np.where(count[..., None] > 0, median, 0).astype(np.uint8), count > 0


def _noise(samples: np.ndarray, inside: np.ndarray | None, dominant: np.ndarray) -> np.ndarray:
    noise = _deviation(samples, inside, dominant, 0.4).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def _deviation(samples: np.ndarray, inside: np.ndarray | None, plate: np.ndarray, share: float) -> np.ndarray:
    """The deviation from the plate that this share of the samples stays below, uint8 (h, w); 0 where there are none."""
    deviation = np.stack([difference(sample, plate) for sample in samples])
    if inside is None:
        return np.sort(deviation, axis=0)[int(share * len(samples))]
    deviation[~inside] = 0  # these come first in the order
    count = inside.sum(axis=0)
    index = np.minimum(len(samples) - count + (share * count).astype(int), len(samples) - 1)
    return np.take_along_axis(np.sort(deviation, axis=0), index[None], axis=0)[0]


def _local_plate(samples: np.ndarray, inside: np.ndarray | None, dominant: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median of a part of the window, uint8 (h, w, 3), and how far its samples spread around it, uint8 (h, w)."""
    median, seen = _median(samples, inside)
    median = np.where(seen[..., None], median, dominant)
    spread = _deviation(samples, inside, median, 0.8)
    if inside is not None:
        spread[2 * inside.sum(axis=0) < len(samples)] = 255  # too few samples to tell whether the place is calm
    return median, spread


def _is_calm(unstable: np.ndarray) -> np.ndarray:
    """Places with hardly an unstable pixel near them."""
    size = 2 * round(0.05 * unstable.shape[0]) + 1
    return cv2.blur(unstable.astype(np.float32), (size, size)) < _CALM


def _last_calm(looks: list[np.ndarray], calm: list[np.ndarray], dominant: np.ndarray) -> np.ndarray:
    """For each look in turn, the last one so far in which a place was calm: uint8 (segments, h, w, 3)."""
    plates, plate = [], dominant
    for look, still in zip(looks, calm, strict=True):
        plate = np.where(still[..., None], look, plate)
        plates.append(plate)
    return np.stack(plates)


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """uint8 (h, w): largest absolute difference over the channels."""
    channels = cv2.split(cv2.absdiff(a, b))
    return cv2.max(cv2.max(channels[0], channels[1]), channels[2])
