"""`LectureTake`: the lecture of one seed, every frame made on demand, in any order, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.world._lecture._camera import Shake
from maskreel.common.world._lecture._figure import Looks, paint_figure
from maskreel.common.world._lecture._pose import Actor
from maskreel.common.world._lecture._room import MARGIN, OVERSAMPLING, WORLD_HEIGHT, Layout, Room, paint_room
from maskreel.common.world._lecture._script import Act, Writing, plan

if TYPE_CHECKING:
    from maskreel.common.world._lecture._brush import Figure
    from maskreel.common.world._lecture._clip import LectureClip
    from maskreel.common.world._lecture._scene import LectureScene

_SHADOW = 0.16  # darkening where the shadow is full
_FAINTEST = 1 / 255


@dataclass(frozen=True)
class LectureFrame:
    """One moment of a lecture; all arrays belong to the caller."""

    frame: np.ndarray
    """uint8 (H, W, 3), RGB: what the camera recorded."""
    plate: np.ndarray
    """uint8 (H, W, 3): the same view at the same moment without the lecturer, his shadow and the sensor noise, with
    everything written up to this moment, also what nobody could see yet."""
    mask: np.ndarray
    """bool (H, W): every pixel that the lecturer touches, however faintly."""
    shadow: np.ndarray
    """bool (H, W): pixels outside `mask` that his shadow changes; empty unless `LectureScene.shadow`."""
    camera: np.ndarray
    """float64 (2, 3): affine matrix from pixels (x, y) of the still view to pixels of this frame."""


@dataclass(frozen=True)
class Staging:
    """What a frame is made from, for its truth."""

    figure: Figure
    to_frame: np.ndarray
    """float64 (2, 3): from samples of the figure to pixels."""
    opacity: np.ndarray
    """float32 (H, W): the lecturer as if he stood alone."""
    free: np.ndarray
    """float32 (H, W): share of a pixel that the desk leaves to see, where the lecturer is; 1 elsewhere."""


class LectureTake:
    """A lecture of a scene and a seed; `render(t)` gives one frame, `clip(start, stop)` several with all truth.

    Raises:
        ValueError: `seed` is negative.
    """

    def __init__(self, scene: LectureScene, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        self.scene, self.seed = scene, seed

    def __repr__(self) -> str:
        return f"LectureTake({self.scene!r}, {self.seed})"

    @property
    def frame_count(self) -> int:
        """Number of frames of the whole lecture."""
        return self.scene.frame_count

    @property
    def writings(self) -> list[Writing]:
        """Everything written on the board, in order, with its times."""
        return [act.writing for act in self._acts if act.writing is not None]

    def render(self, t: int) -> LectureFrame:
        """Frame number `t`; any order.

        Raises:
            IndexError: `t` is not in 0 .. frame_count - 1.
        """
        return self.render_staged(t)[0]

    def clip(self, start: int = 0, stop: int | None = None) -> LectureClip:
        """Frames number `start` to `stop - 1` with all truth, in memory.

        Raises:
            ValueError: there are no such frames.
        """
        from maskreel.common.world._lecture._clip import make_clip

        return make_clip(self, start, self.frame_count if stop is None else stop)

    def choose(self, frames: int | None) -> tuple[int, int]:
        """First frame and end of a part of this many frames at a place that the seed chooses; None: the whole."""
        frames = self.frame_count if frames is None else frames
        start = int(self._rng(8).integers(self.frame_count - frames + 1))
        return start, start + frames

    def render_staged(self, t: int) -> tuple[LectureFrame, Staging]:
        """Frame number `t` and what it was made from."""
        if not 0 <= t < self.frame_count:
            raise IndexError(f"t must be in 0 .. {self.frame_count - 1}, got {t}")
        seconds = float(t / self.scene.fps)
        camera = self._shake.matrix(seconds) if self.scene.camera == "handheld" else np.eye(2, 3)
        plate = _warp(self._room.at(seconds), self._from_samples(camera), self.scene.size, cv2.INTER_CUBIC)
        if self.scene.exposure_drift:
            plate = cv2.convertScaleAbs(plate, alpha=self._gain(seconds))
        figure = paint_figure(self._actor.pose(seconds), self._looks, self._samples)
        part, colour, staging = self._place(figure, camera)
        opacity = staging.opacity[part] * staging.free[part]
        mask = np.zeros(self.scene.size, bool)
        mask[part] = opacity > _FAINTEST
        seen = plate.astype(np.float32)
        shade = self._shadow_over(part, opacity) if self.scene.shadow else None
        if shade is not None:
            seen *= shade[..., None]
        there = mask[part][..., None]
        lit = colour * np.float32(self._gain(seconds))
        seen[part] = np.where(there, seen[part] * (1 - opacity[..., None]) + lit, seen[part])
        shadow = np.zeros_like(mask) if shade is None else (shade < 1) & ~mask
        return LectureFrame(self._with_noise(seen, t), plate, mask, shadow, camera), staging

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.scene.size[1] * WORLD_HEIGHT / self.scene.size[0])

    @cached_property
    def _acts(self) -> list[Act]:
        return plan(self._layout, self.scene.seconds, self._rng(1), stay=self.scene.never_seen)

    @cached_property
    def _actor(self) -> Actor:
        return Actor(self._acts, self._rng(2))

    @cached_property
    def _looks(self) -> Looks:
        return Looks.draw(self._rng(3))

    @cached_property
    def _room(self) -> Room:
        return paint_room(self._layout, self._scale, self.scene.board, self.writings, self._rng(4))

    @cached_property
    def _shake(self) -> Shake:
        return Shake(self.scene.size, self._rng(5))

    @property
    def _scale(self) -> float:
        """Pixels per world unit."""
        return self.scene.size[0] / WORLD_HEIGHT

    @property
    def _samples(self) -> float:
        return self._scale * OVERSAMPLING

    def _rng(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *purpose])

    def _gain(self, seconds: float) -> float:
        phase = self._rng(6).uniform(0, 2 * np.pi)
        slow = 0.7 * np.sin(2 * np.pi * seconds / 23 + phase) + 0.3 * np.sin(2 * np.pi * seconds / 7.1)
        return 1 + self.scene.exposure_drift * float(slow)

    def _from_samples(self, camera: np.ndarray, origin: tuple[float, float] = (-MARGIN, -MARGIN)) -> np.ndarray:
        """Affine matrix from samples of a painted layer, whose corner lies at `origin`, to pixels of the frame."""
        # Centres of samples and pixels are integers, corners are half-integers.
        to_still = np.array(
            [
                [1 / OVERSAMPLING, 0, 0.5 / OVERSAMPLING - 0.5 + origin[0] * self._scale],
                [0, 1 / OVERSAMPLING, 0.5 / OVERSAMPLING - 0.5 + origin[1] * self._scale],
                [0, 0, 1],
            ]
        )
        return camera @ to_still

    def _place(self, figure: Figure, camera: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, Staging]:
        """The figure in the frame, behind the desk: the part of the frame that holds it, colour times opacity
        (h, w, 3) of that part, and how it got there."""
        matrix = self._from_samples(camera, figure.origin)
        height, width = figure.opacity.shape
        corners = matrix @ np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]])
        frame_size = self.scene.size[::-1]
        x0, y0 = np.clip(np.floor(corners.min(axis=1)).astype(int), 0, frame_size)
        x1, y1 = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 1, (x0 + 1, y0 + 1), frame_size)
        part, shift, size = np.s_[y0:y1, x0:x1], np.array([[0, 0, x0], [0, 0, y0]]), (y1 - y0, x1 - x0)
        opacity, free = np.zeros(self.scene.size, np.float32), np.ones(self.scene.size, np.float32)
        opacity[part] = _warp(figure.opacity, matrix - shift, size, cv2.INTER_LINEAR)
        free[part] = 1 - _warp(self._room.desk, self._from_samples(camera) - shift, size, cv2.INTER_LINEAR)
        colour = _warp(figure.colour, matrix - shift, size, cv2.INTER_LINEAR)
        return part, colour * free[part][..., None], Staging(figure, matrix, opacity, free)

    def _shadow_over(self, part: tuple[slice, slice], opacity: np.ndarray) -> np.ndarray:
        """float32 (H, W): brightness left by the shadow; exactly 1 where it would not change a grey level."""
        whole = np.zeros(self.scene.size, np.float32)
        whole[part] = opacity
        shift = np.array([[1, 0, 20 * self._scale], [0, 1, 9 * self._scale]])
        cast = _warp(whole, shift, self.scene.size, cv2.INTER_LINEAR)
        cast = cv2.GaussianBlur(cast, (0, 0), 7 * self._scale)
        return np.where(cast * _SHADOW * 255 < 0.5, 1, 1 - _SHADOW * cast).astype(np.float32)

    def _with_noise(self, picture: np.ndarray, t: int) -> np.ndarray:
        if self.scene.noise:
            picture += np.float32(self.scene.noise) * self._rng(7, t).standard_normal(picture.shape, np.float32)
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _warp(layer: np.ndarray, matrix: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    return cv2.warpAffine(layer, matrix, size[::-1], flags=interpolation, borderMode=cv2.BORDER_CONSTANT)
