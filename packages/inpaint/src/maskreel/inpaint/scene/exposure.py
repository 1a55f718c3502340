"""Brightness of frames against each other, so that copied pixels fit a camera that adjusts its exposure."""

from __future__ import annotations

import numpy as np

__all__ = ["pair_gain", "settled"]

_SAMPLES = 8000
_MIN_SAMPLES = 100
# Levels outside this range may be clipped and would bias the ratio.
_DARKEST, _BRIGHTEST = 10, 245
_SPREAD = 0.2
# Differences below about this ratio are noise, or local, and are left alone.
_DEADBAND = 0.02


def pair_gain(frame: np.ndarray, neighbour: np.ndarray, flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """How much brighter a frame is than its neighbour, per channel, from pixels that show the same thing.

    The median ratio finds the matching pixels, and the ratio of their sums is the gain, which blur does not change.

    Args:
        frame: uint8 (H, W, 3).
        neighbour: uint8 (H, W, 3).
        flow: float32 (H, W, 2), from `frame` to `neighbour`.
        hole: bool (H, W), True where the flow is not to be used.

    Returns:
        float64 (3,); ones where too little can be compared.
    """
    here, there = _matches(frame, neighbour, flow, hole)
    gain = np.ones(3)
    if len(here) < _MIN_SAMPLES:
        return gain
    ratio = here / there
    alike = np.abs(ratio / np.median(ratio, 0) - 1) < _SPREAD
    return (here * alike).sum(0) / (there * alike).sum(0)


def settled(gain: np.ndarray) -> np.ndarray:
    """Gains (..., 3) with small differences pulled smoothly to none, large ones kept."""
    log = np.log(gain)
    return np.exp(log * log**2 / (log**2 + _DEADBAND**2))


def _matches(
    frame: np.ndarray, neighbour: np.ndarray, flow: np.ndarray, hole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Levels float64 (n, 3) of the same points in both frames, none of them clipped."""
    height, width = hole.shape
    step = max(1, round(np.sqrt(height * width / _SAMPLES)))
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step].reshape(2, -1)
    x2, y2 = np.rint(np.stack([x, y]) + flow[y, x].T).astype(np.intp)
    use = ~hole[y, x] & (x2 >= 0) & (y2 >= 0) & (x2 < width) & (y2 < height)
    here = frame[y[use], x[use]].astype(np.float64)
    there = neighbour[y2[use], x2[use]].astype(np.float64)
    pair = np.concatenate([here, there], 1)
    sound = ((pair > _DARKEST) & (pair < _BRIGHTEST)).all(1)
    return here[sound], there[sound]
