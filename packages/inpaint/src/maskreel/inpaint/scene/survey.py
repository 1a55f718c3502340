"""The first look at a video: its shots, the camera's motion, and the background behind what moves."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from maskreel.common.array_file import read_npz, write_npz
from maskreel.inpaint.scene.background import analysis_scale, fit_background, shrink, to_analysis
from maskreel.inpaint.scene.background_files import BackgroundFiles
from maskreel.inpaint.scene.camera import CameraTracker, corner_shift

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    from maskreel.common.video import Clip
    from maskreel.inpaint.scene.background import Background

__all__ = ["FOLLOWED", "Mode", "Shot", "Survey", "Surveyor", "canvas_box"]

Mode = Literal["static", "registered", "flow"]

FOLLOWED = 0.3
"""Fraction of the tracked corners that must follow the camera, for frames to be laid over each other."""

_STATIC_SHIFT = 0.3  # pixels; below it, re-sampling would cost more sharpness than it gains
_MAX_CANVAS = 2.5  # areas of a frame; a camera that sees more than this has no common plate
_WINDOW_SAMPLES = 120
_LONGEST_PERIOD = 2.0  # seconds between samples
_BLOCK = 1024  # matrices whose corners are held at a time


@dataclass(frozen=True)
class Shot:
    """Frames `start` to `stop` of a video without a cut."""

    start: int
    stop: int
    mode: Mode
    """The mode that suits the camera."""
    matrices: np.ndarray
    """float64 (T, 3, 3): positions in each frame to positions in the shot's first frame."""
    shift: float
    """98th percentile of how far a frame's corner moves, in pixels."""
    inliers: float
    """Median fraction of tracked corners that follow the camera."""
    follows: bool = False
    """Whether, in the mode `flow`, flow follows what moves beside a hole, in place of the background behind it. Never
    set by the survey."""
    rival: Mode | None = None
    """A mode that may suit better than `mode`, to be tried; never set by the survey."""
    laid_anew: bool = False
    """Whether its frames lie on each other in another way than the survey has found; never set by the survey."""

    @property
    def has_canvas(self) -> bool:
        """Whether its frames are laid over each other, be it only for a trial."""
        return self.mode != "flow" or self.rival is not None

    def matrix(self, index: int) -> np.ndarray:
        """The matrix of frame `index` of the video."""
        return self.matrices[index - self.start]

    def held(self) -> Shot:
        """The same shot as one of a camera that stands still."""
        still = np.broadcast_to(np.eye(3), self.matrices.shape).copy()
        return replace(self, mode="static", matrices=still)


@dataclass(frozen=True)
class Survey:
    """All shots of a video, and backgrounds that cover all its frames in order."""

    size: tuple[int, int]
    shots: tuple[Shot, ...]
    backgrounds: Sequence[Background]
    """In memory, or on disk (`BackgroundFiles`), where those of hours of video belong."""

    @property
    def frame_count(self) -> int:
        """Frames in the video."""
        return self.shots[-1].stop

    def shot(self, index: int) -> Shot:
        """The shot that frame `index` is in."""
        return next(shot for shot in self.shots if shot.start <= index < shot.stop)

    def background(self, index: int) -> Background:
        """The background behind frame `index`."""
        return self.backgrounds[bisect_right(self._stops, index)]

    @cached_property
    def _stops(self) -> list[int]:
        """The frame after the last one of each background."""
        parts = self.backgrounds
        return [stop for _, stop in parts.bounds] if isinstance(parts, BackgroundFiles) else [p.stop for p in parts]

    def save(self, path: Path) -> None:
        """Write an .npz file, and files of the backgrounds beside it if they are not there; all of them atomically."""
        files = self.backgrounds
        if not isinstance(files, BackgroundFiles) or files.folder != path.parent:
            files = BackgroundFiles(path.parent)
            for background in self.backgrounds:
                files.append(background)
        parts: dict[str, np.ndarray] = {"size": np.array(self.size), "backgrounds": np.array(files.bounds)}
        for i, shot in enumerate(self.shots):
            parts[f"shot{i}"] = np.array([shot.start, shot.stop, shot.shift, shot.inliers])
            parts[f"shot{i}_mode"], parts[f"shot{i}_matrices"] = (np.array(shot.mode), shot.matrices)
        write_npz(path, parts)

    @classmethod
    def load(cls, path: Path) -> Survey:
        """Read what `save` wrote; each background when it is needed."""
        file = read_npz(path)
        shots = []
        while (name := f"shot{len(shots)}") in file:
            start, stop, shift, inliers = file[name].tolist()
            mode: Mode = str(file[f"{name}_mode"])  # pyright: ignore[reportAssignmentType]
            shots.append(Shot(int(start), int(stop), mode, file[f"{name}_matrices"], shift, inliers))
        height, width = file["size"].tolist()
        files = BackgroundFiles(path.parent, map(tuple, file["backgrounds"].tolist()))
        return cls((height, width), tuple(shots), files)


class Surveyor:
    """Builds a `Survey` from the frames of a video, in order; holds the samples of one window, 120 at most.

    Args:
        size: (height, width) of the frames.
        fps: frames per second.
        frame_count: frames in the video; sets how often frames are sampled for the background.
        folder: where backgrounds are written as soon as they are known, so that memory does not grow with them; None:
            they stay in memory.
    """

    def __init__(self, size: tuple[int, int], fps: Fraction, frame_count: int, folder: Path | None = None) -> None:
        self._size = size
        one_window = -(-frame_count // _WINDOW_SAMPLES)
        self._stride = max(1, min(one_window, round(_LONGEST_PERIOD * float(fps))))
        self._tracker = CameraTracker()
        self._index = 0
        self._shots: list[Shot] = []
        self._backgrounds: list[Background] | BackgroundFiles = [] if folder is None else BackgroundFiles(folder)
        self._matrices = array("d")  # of the frames of the shot, nine numbers each, and ...
        self._inliers = array("d")  # ... how much follows them: packed, because a shot may last for hours
        self._samples: list[tuple[int, np.ndarray]] = []
        self._window_start = 0
        self._continues_window = False  # whether the window before shows the same part of the scene

    def add(self, clip: Clip) -> None:
        """Look at the next frames."""
        for frame in clip.numpy():
            registration = self._tracker.add(frame)
            if registration.cut:
                self._end_shot()
            self._matrices.extend(registration.matrix.ravel())
            self._inliers.append(registration.inliers)
            if (self._index - self._window_start) % self._stride == 0:
                self._sample(frame)
            self._index += 1

    def finish(self) -> Survey:
        """The survey of all frames added."""
        if self._index == 0:
            raise ValueError("a survey needs at least one frame, got none")
        self._end_shot()
        return Survey(self._size, tuple(self._shots), self._backgrounds)

    def _sample(self, frame: np.ndarray) -> None:
        full = self._canvas_is_full()
        if full or len(self._samples) == _WINDOW_SAMPLES:
            self._end_window()
            self._continues_window = not full
        # a copy, because a frame that is small already is a view, which keeps all frames that came with it
        self._samples.append((self._index, shrink(frame).copy()))

    def _matrix(self, index: int) -> np.ndarray:
        first = 9 * (index - self._shot_start)
        return np.array(self._matrices[first : first + 9]).reshape(3, 3)

    @property
    def _shot_start(self) -> int:
        return self._shots[-1].stop if self._shots else 0

    def _canvas_is_full(self) -> bool:
        if not self._samples:
            return False
        matrices = [self._matrix(i) for i in (*(i for i, _ in self._samples), self._index)]
        left, top, right, bottom = canvas_box(np.stack(matrices), self._size)
        return (right - left) * (bottom - top) > _MAX_CANVAS * self._size[0] * self._size[1]

    def _end_window(self) -> None:
        if not self._samples:
            return
        matrices = np.stack([self._matrix(i) for i, _ in self._samples])
        moving = not _stands_still(matrices, self._size)
        if len(self._samples) < _WINDOW_SAMPLES // 4 and self._continues_window:
            # Too few samples at the end of a shot to tell background from a pause: the window before knows better.
            self._backgrounds[-1] = replace(self._backgrounds[-1], stop=self._index)
        else:
            samples, inside, to_canvas = _lay_out([s for _, s in self._samples], matrices, self._size, moving=moving)
            self._backgrounds.append(fit_background(samples, inside, self._window_start, self._index, to_canvas))
        self._samples, self._window_start = [], self._index

    def _end_shot(self) -> None:
        self._end_window()
        self._continues_window = False
        matrices = np.array(self._matrices).reshape(-1, 3, 3)
        shift = float(np.percentile([corner_shift(m, self._size) for m in matrices], 98))
        inliers = float(np.median(self._inliers))
        mode = _mode(matrices, self._size, inliers)
        if mode == "static":
            matrices = np.broadcast_to(np.eye(3), matrices.shape).copy()
        self._shots.append(Shot(self._shot_start, self._index, mode, matrices, shift, inliers))
        self._matrices, self._inliers = array("d"), array("d")


def canvas_box(matrices: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The half-open box (x0, y0, x1, y1), in pixels of the first frame, that all frames together cover."""
    height, width = size
    corners = np.array([[[-0.5, -0.5]], [[width - 0.5, -0.5]], [[-0.5, height - 0.5]], [[width - 0.5, height - 0.5]]])
    ends = []
    for k in range(0, len(matrices), _BLOCK):
        points = np.concatenate([cv2.perspectiveTransform(corners, m)[:, 0] for m in matrices[k : k + _BLOCK]]) + 0.5
        ends += [points.min(axis=0), points.max(axis=0)]
    x0, y0 = np.floor(np.min(ends, axis=0) + 1e-6).astype(int)
    x1, y1 = np.ceil(np.max(ends, axis=0) - 1e-6).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _stands_still(matrices: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether the camera stands still up to the error of its measurement, which strays further in single frames."""
    shifts = [corner_shift(matrix @ np.linalg.inv(matrices[0]), size) for matrix in matrices]
    return bool(np.median(shifts) < _STATIC_SHIFT and np.percentile(shifts, 95) < 4 * _STATIC_SHIFT)


def _mode(matrices: np.ndarray, size: tuple[int, int], inliers: float) -> Mode:
    if _stands_still(matrices, size):
        return "static"
    left, top, right, bottom = canvas_box(matrices, size)
    fits = (right - left) * (bottom - top) <= _MAX_CANVAS * size[0] * size[1]
    return "registered" if fits and inliers > FOLLOWED else "flow"


def _lay_out(
    samples: list[np.ndarray], matrices: np.ndarray, size: tuple[int, int], *, moving: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Bring samples at the analysis scale onto one canvas: (frames, where they have pixels, first frame to canvas)."""
    scale, to_small = analysis_scale(size), to_analysis(size)
    if not moving:
        return np.stack(samples), None, to_small @ np.linalg.inv(matrices[0])
    left, top, right, bottom = canvas_box(matrices, size)
    to_canvas = to_small @ np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    shape = (round((bottom - top) * scale), round((right - left) * scale))
    laid = [
        _warp_sample(s, to_canvas @ m @ np.linalg.inv(to_small), shape) for s, m in zip(samples, matrices, strict=True)
    ]
    return np.stack([frame for frame, _ in laid]), np.stack([inside for _, inside in laid]), to_canvas


def _warp_sample(sample: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    full = np.full(sample.shape[:2], 255, np.uint8)
    frame = cv2.warpPerspective(sample, matrix, shape[::-1], flags=cv2.INTER_LINEAR)
    return frame, cv2.warpPerspective(full, matrix, shape[::-1], flags=cv2.INTER_LINEAR) == 255
