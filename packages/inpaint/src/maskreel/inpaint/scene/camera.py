"""Camera motion: how every frame of a shot lies over the shot's first frame.

Corner features are tracked with pyramidal Lucas-Kanade (Bouguet 2001) from a key frame straight into every frame, so no
drift builds up while the camera stays near the key frame. The simplest motion that explains them is fitted with
RANSAC: a similarity unless a homography fits clearly better, because a homography bends wildly where it has no
corners. People and other moving things are outliers of that fit as long as they do not carry most of the corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["CameraTracker", "Registration", "corner_shift"]

_WORKING_HEIGHT = 540  # rows; above it, tracking gets slower but no more precise
_CELLS = 16  # the shorter side of the frame in cells; spread over cells, no person holds most of the corners
_CORNERS_PER_CELL = 3
_MIN_POINTS = 12
_RANSAC_PX = 1.5
_CALM_FRAMES = 10  # after so many frames over the first one, every fourth corner shows the camera starting to move
_CALM_PX = 0.5
_CONTINUITY_PX = 6.0  # how far a corner moves between frames at most if the camera moves as people move cameras
_CUT_LEVELS = 30  # a pixel this many grey levels off has changed ...
_CUT_FRACTION = 0.45  # ... and a frame with this fraction of changed pixels starts another shot


@dataclass(frozen=True)
class Registration:
    """Where one frame lies."""

    matrix: np.ndarray
    """float64 (3, 3): maps pixel positions (x, y, 1) of this frame to the first frame of its shot."""
    inliers: float
    """Fraction of the tracked corners that follow the camera, 0 to 1."""
    residual: float
    """Median distance of those corners to the fitted motion, in pixels of the frame."""
    cut: bool
    """Whether a new shot starts here; `matrix` is then the identity."""


class CameraTracker:
    """Registers the frames of a video one by one, in order.

    `tracker.add(frame)` takes uint8 (H, W, 3) RGB and returns a `Registration`.
    """

    def __init__(self) -> None:
        self._scale = 1.0
        self._key: np.ndarray | None = None
        self._key_points = np.empty((0, 1, 2), np.float32)
        self._key_matrix = np.eye(3)
        self._to_key = np.eye(3)
        self._previous: np.ndarray | None = None
        self._calm = 0  # frames in a row that lie over the first one

    def add(self, frame: np.ndarray) -> Registration:
        """Register the next frame."""
        grey = self._shrink(frame)
        if self._key is None or self._previous is None or _is_cut(self._previous, grey):
            cut = self._key is not None
            self._start(grey, np.eye(3))
            self._previous = grey
            return Registration(np.eye(3), 1.0, 0.0, cut=cut)
        to_key, inliers, residual = self._fit(grey)
        matrix = self._key_matrix @ to_key
        self._calm = self._calm + 1 if corner_shift(matrix, grey.shape) < _CALM_PX else 0
        self._to_key = to_key
        if inliers * len(self._key_points) < 4 * _MIN_POINTS or corner_shift(to_key, grey.shape) > 0.2 * grey.shape[1]:
            self._start(grey, matrix)
        self._previous = grey
        return Registration(self._unscale(matrix), inliers, residual / self._scale, cut=False)

    def _shrink(self, frame: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        self._scale = min(1.0, _WORKING_HEIGHT / grey.shape[0])
        if self._scale == 1:
            return grey
        return cv2.resize(grey, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)

    def _start(self, grey: np.ndarray, matrix: np.ndarray) -> None:
        self._key, self._key_matrix, self._to_key = grey, matrix, np.eye(3)
        self._key_points = _corners(grey)

    def _fit(self, grey: np.ndarray) -> tuple[np.ndarray, float, float]:
        """Track the key frame's corners into `grey`; return (matrix to the key frame, inliers, residual)."""
        if len(self._key_points) < _MIN_POINTS:
            return self._to_key, 0.0, 0.0
        calm = self._calm > _CALM_FRAMES and len(self._key_points) > 16 * _MIN_POINTS
        points = np.ascontiguousarray(self._key_points[::4]) if calm else self._key_points
        guess = cv2.perspectiveTransform(points, np.linalg.inv(self._to_key)).astype(np.float32)
        assert self._key is not None
        levels = min(3, int(np.log2(max(1, min(grey.shape) / 40))))  # or a person would fill the window at the top
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            self._key, grey, points, guess.copy(), winSize=(21, 21), maxLevel=levels, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
        )  # the copy, because OpenCV writes what it finds over the guess
        good = status.ravel() == 1
        if good.sum() < _MIN_POINTS:
            return self._to_key, 0.0, 0.0
        here, there = found[good, 0], points[good, 0]
        steady = np.linalg.norm(here - guess[good, 0], axis=1) < _CONTINUITY_PX
        fit = _fit_motion(here, there)
        steady_fit = fit if steady.all() else _fit_motion(here[steady], there[steady])
        if steady_fit is not None and (fit is None or steady_fit[1].sum() > 0.6 * fit[1].sum()):
            fit = steady_fit
        if fit is None:
            return self._to_key, 0.0, 0.0
        matrix, inside, residual = fit
        return matrix, float(inside.sum()) / len(points), residual

    def _unscale(self, matrix: np.ndarray) -> np.ndarray:
        """From positions in the shrunken frames to positions in the full ones (pixel centres at integers)."""
        s = self._scale
        grow = np.array([[1 / s, 0, 0.5 / s - 0.5], [0, 1 / s, 0.5 / s - 0.5], [0, 0, 1]])
        return grow @ matrix @ np.linalg.inv(grow)


def _corners(grey: np.ndarray) -> np.ndarray:
    """The strongest corners of every cell of the frame: float32 (N, 1, 2)."""
    strength = cv2.cornerMinEigenVal(grey, blockSize=5)
    weakest = max(1e-3 * float(strength.max()), 1e-12)
    cell = max(8, min(grey.shape) // _CELLS)
    found: list[np.ndarray] = []
    for top in range(0, grey.shape[0] - cell + 1, cell):
        for left in range(0, grey.shape[1] - cell + 1, cell):
            part = strength[top : top + cell, left : left + cell].copy()
            for _ in range(_CORNERS_PER_CELL):
                _, peak, _, (x, y) = cv2.minMaxLoc(part)
                if peak < weakest:
                    break
                found.append(np.array([left + x, top + y], np.float32))
                cv2.circle(part, (x, y), cell // 4, 0.0, -1)
    return np.array(found, np.float32).reshape(-1, 1, 2)


def _fit_motion(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """The motion from positions float32 (N, 2) to positions `there`: (matrix, inliers bool (N,), median residual)."""
    if len(here) < _MIN_POINTS:
        return None
    similarity, inside = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX)
    if similarity is None or inside.sum() < _MIN_POINTS:
        return None
    simple = _judged(np.vstack([similarity, [0, 0, 1]]), here, there)
    homography, inside = cv2.findHomography(here, there, cv2.RANSAC, _RANSAC_PX)
    if homography is None or inside.sum() < _MIN_POINTS:
        return simple
    full = _judged(homography, here, there)
    gained = full[1].sum() > 1.1 * simple[1].sum() or (full[2] < 0.7 * simple[2] and full[1].sum() >= simple[1].sum())
    return full if gained else simple


def _judged(matrix: np.ndarray, here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    moved = cv2.perspectiveTransform(here[:, None].astype(np.float64), matrix)[:, 0]
    distance = np.linalg.norm(moved - there, axis=1)
    inside = distance < _RANSAC_PX
    return matrix, inside, float(np.median(distance[inside])) if inside.any() else np.inf


def corner_shift(matrix: np.ndarray, size: tuple[int, int] | tuple[int, ...]) -> float:
    """How far, in pixels, `matrix` moves the corner of a (height, width) frame that it moves most."""
    height, width = size[:2]
    corners = np.array([[[0, 0]], [[width, 0]], [[0, height]], [[width, height]]], np.float64)
    return float(np.linalg.norm(cv2.perspectiveTransform(corners, matrix) - corners, axis=-1).max())


def _is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    changed = cv2.absdiff(cv2.blur(before, (5, 5)), cv2.blur(after, (5, 5))) > _CUT_LEVELS
    return float(changed.mean()) > _CUT_FRACTION
