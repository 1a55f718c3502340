"""A generated lecture with exact truth: somebody walks, talks and writes before a board that fills.

Numpy and OpenCV only, no assets. Every frame is made on demand from the seed, in any order, in bounded memory:

    lecture = Lecture(camera="handheld", seed=3)
    for t in range(lecture.frame_count):
        shot = lecture.render(t)  # shot.frame, shot.plate, shot.mask

As a script it writes video.mkv, plate.mkv and mask.mkv (FFV1, lossless) into a folder:

    python lecture.py OUT_FOLDER --camera handheld --seconds 50
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from _lecture_figure import Figure, Looks, paint_figure
from _lecture_pose import Actor
from _lecture_room import MARGIN, OVERSAMPLING, WORLD_HEIGHT, Layout, Room, paint_room
from _lecture_script import Scene, Writing, plan

__all__ = ["Lecture", "LectureFrame", "write_lecture"]

_SHAKE_PIXELS, _SHAKE_DEGREES, _SHAKE_ZOOM = 4.0, 0.3, 0.005
_SHADOW = 0.16  # darkening where the shadow is full


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
    """bool (H, W): pixels outside `mask` that his shadow changes; empty unless `Lecture.shadow`."""
    camera: np.ndarray
    """float64 (2, 3): affine matrix from pixels (x, y) of the still view to pixels of this frame."""


@dataclass(frozen=True)
class Lecture:
    """A lecture, made from its seed; the same values give the same bytes.

    A stroke is in the plate from the moment the pen draws it. The pen runs along the leading edge of the lecturer's
    outline and his arm and body follow, so most strokes are hidden by him when they first exist and are seen only after
    he has walked on: the past of a hidden pixel shows an older board than the truth, its future a true one.
    Every pixel of the board is seen after it was last written on (for 4.8 s or more in clips of 20 and 50 s, measured
    for seeds 0 to 5), unless `never_seen`.
    """

    size: tuple[int, int] = (360, 640)
    """Height and width in pixels; width / height between 1.3 and 2.4, height of 64 or more."""
    seconds: float = 50.0
    """Length; 4 or more. About 45 s fill the board, then he walks and talks on."""
    fps: float = 10.0
    """Frames per second."""
    seed: int = 0
    """Room, text, looks, walk, camera and noise follow from it."""
    camera: Literal["static", "handheld"] = "static"
    """A hand-held camera moves smoothly within 4 px (at 360 px height), 0.3 degrees and 0.5 % of zoom."""
    board: Literal["white", "green"] = "white"
    """White board with markers or green board with chalk."""
    noise: float = 2.0
    """Standard deviation of the sensor noise, grey levels, independent for every pixel, channel and frame."""
    exposure_drift: float = 0.0
    """Largest slow change of brightness, as a fraction; it is in the plate too."""
    shadow: bool = False
    """Whether the lecturer casts a soft shadow on the wall and the board."""
    never_seen: bool = False
    """Whether he stays at one place, so that a part of the board is never seen."""

    def __post_init__(self) -> None:
        height, width = self.size
        if height < 64 or not 1.3 <= width / height <= 2.4:
            raise ValueError(
                f"size must be (height, width) with height >= 64 and width/height 1.3 to 2.4, got {self.size}"
            )
        if self.seconds < 4:
            raise ValueError(f"seconds must be 4 or more, got {self.seconds}")
        if self.fps <= 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        if self.camera not in ("static", "handheld"):
            raise ValueError(f"camera must be 'static' or 'handheld', got {self.camera!r}")
        if self.board not in ("white", "green"):
            raise ValueError(f"board must be 'white' or 'green', got {self.board!r}")
        if self.noise < 0 or not 0 <= self.exposure_drift < 1:
            raise ValueError(
                f"noise must be >= 0 and exposure_drift in [0, 1), got {self.noise}, {self.exposure_drift}"
            )

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)

    @property
    def writings(self) -> list[Writing]:
        """Everything written on the board, in order, with its times."""
        return [scene.writing for scene in self._scenes if scene.writing is not None]

    def render(self, t: int) -> LectureFrame:
        """Frame number `t`; any order.

        Raises:
            IndexError: `t` is not in 0 .. frame_count - 1.
        """
        if not 0 <= t < self.frame_count:
            raise IndexError(f"t must be in 0 .. {self.frame_count - 1}, got {t}")
        seconds = t / self.fps
        camera = self._camera_matrix(seconds)
        plate = _warp(self._room.at(seconds), self._from_samples(camera), self.size, cv2.INTER_CUBIC)
        if self.exposure_drift:
            plate = cv2.convertScaleAbs(plate, alpha=self._gain(seconds))
        figure = paint_figure(self._actor.pose(seconds), self._looks, self._samples)
        part, colour, opacity = self._place(figure, camera)
        mask = np.zeros(self.size, bool)
        mask[part] = opacity > 1 / 255
        seen = plate.astype(np.float32)
        shade = self._shadow_over(part, opacity) if self.shadow else None
        if shade is not None:
            seen *= shade[..., None]
        there = mask[part][..., None]
        lit = colour * np.float32(self._gain(seconds))
        seen[part] = np.where(there, seen[part] * (1 - opacity[..., None]) + lit, seen[part])
        return LectureFrame(
            frame=self._with_noise(seen, t),
            plate=plate,
            mask=mask,
            shadow=np.zeros_like(mask) if shade is None else (shade < 1) & ~mask,
            camera=camera,
        )

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.size[1] * WORLD_HEIGHT / self.size[0])

    @cached_property
    def _scenes(self) -> list[Scene]:
        return plan(self._layout, self.seconds, self._rng(1), stay=self.never_seen)

    @cached_property
    def _actor(self) -> Actor:
        return Actor(self._scenes, self._rng(2))

    @cached_property
    def _looks(self) -> Looks:
        return Looks.draw(self._rng(3))

    @cached_property
    def _room(self) -> Room:
        return paint_room(self._layout, self.size[0] / WORLD_HEIGHT, self.board, self.writings, self._rng(4))

    @cached_property
    def _shake(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies (Hz), phases and amplitudes (sum 1) of the camera's x, y, angle and zoom; each (4, 5)."""
        rng = self._rng(5)
        frequencies = rng.uniform(0.7, 1.3, (4, 5)) * np.array([0.11, 0.27, 0.55, 1.1, 1.9])
        amplitudes = rng.uniform(0.6, 1.4, (4, 5)) * np.array([1.0, 0.8, 0.55, 0.3, 0.12])
        return frequencies, rng.uniform(0, 2 * np.pi, (4, 5)), amplitudes / amplitudes.sum(axis=1, keepdims=True)

    @property
    def _samples(self) -> float:
        return self.size[0] / WORLD_HEIGHT * OVERSAMPLING

    def _rng(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *purpose])

    def _camera_matrix(self, seconds: float) -> np.ndarray:
        if self.camera == "static":
            return np.eye(2, 3)
        frequencies, phases, amplitudes = self._shake
        x, y, angle, zoom = (amplitudes * np.sin(2 * np.pi * frequencies * seconds + phases)).sum(axis=1)
        height, width = self.size
        scale, turn = 1 + _SHAKE_ZOOM * zoom, np.radians(_SHAKE_DEGREES * angle)
        linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = _SHAKE_PIXELS * height / WORLD_HEIGHT * np.array([x, y])
        return np.column_stack([linear, centre + shift - linear @ centre])

    def _gain(self, seconds: float) -> float:
        phase = self._rng(6).uniform(0, 2 * np.pi)
        slow = 0.7 * np.sin(2 * np.pi * seconds / 23 + phase) + 0.3 * np.sin(2 * np.pi * seconds / 7.1)
        return 1 + self.exposure_drift * float(slow)

    def _from_samples(self, camera: np.ndarray, origin: tuple[float, float] = (-MARGIN, -MARGIN)) -> np.ndarray:
        """Affine matrix from samples of a painted layer, whose corner lies at `origin`, to pixels of the frame."""
        scale = self.size[0] / WORLD_HEIGHT
        # Centres of samples and pixels are integers, corners are half-integers.
        to_still = np.array(
            [
                [1 / OVERSAMPLING, 0, 0.5 / OVERSAMPLING - 0.5 + origin[0] * scale],
                [0, 1 / OVERSAMPLING, 0.5 / OVERSAMPLING - 0.5 + origin[1] * scale],
                [0, 0, 1],
            ]
        )
        return camera @ to_still

    def _place(self, figure: Figure, camera: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """The figure in the frame, behind the desk: the part of the frame that holds it, colour times opacity
        (h, w, 3) and opacity (h, w) of that part."""
        matrix = self._from_samples(camera, figure.origin)
        height, width = figure.opacity.shape
        corners = matrix @ np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1]])
        x0, y0 = np.clip(np.floor(corners.min(axis=1)).astype(int), 0, self.size[::-1])
        x1, y1 = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 1, (x0 + 1, y0 + 1), self.size[::-1])
        shift, size = np.array([[0, 0, x0], [0, 0, y0]]), (y1 - y0, x1 - x0)
        opacity = _warp(figure.opacity, matrix - shift, size, cv2.INTER_LINEAR)
        colour = _warp(figure.colour, matrix - shift, size, cv2.INTER_LINEAR)
        free = 1 - _warp(self._room.desk, self._from_samples(camera) - shift, size, cv2.INTER_LINEAR)
        return np.s_[y0:y1, x0:x1], colour * free[..., None], opacity * free

    def _shadow_over(self, part: tuple[slice, slice], opacity: np.ndarray) -> np.ndarray:
        """float32 (H, W): brightness left by the shadow; exactly 1 where it would not change a grey level."""
        scale = self.size[0] / WORLD_HEIGHT
        whole = np.zeros(self.size, np.float32)
        whole[part] = opacity
        cast = _warp(whole, np.array([[1, 0, 20 * scale], [0, 1, 9 * scale]]), self.size, cv2.INTER_LINEAR)
        cast = cv2.GaussianBlur(cast, (0, 0), 7 * scale)
        return np.where(cast * _SHADOW * 255 < 0.5, 1, 1 - _SHADOW * cast).astype(np.float32)

    def _with_noise(self, picture: np.ndarray, t: int) -> np.ndarray:
        if self.noise:
            picture += np.float32(self.noise) * self._rng(7, t).standard_normal(picture.shape, np.float32)
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _warp(layer: np.ndarray, matrix: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    return cv2.warpAffine(layer, matrix, size[::-1], flags=interpolation, borderMode=cv2.BORDER_CONSTANT)


def write_lecture(lecture: Lecture, folder: Path) -> tuple[Path, Path, Path]:
    """Write a lecture losslessly: video.mkv, plate.mkv and mask.mkv (white where the lecturer is) in `folder`."""
    from maskreel.common.video import Clip, VideoWriter

    folder.mkdir(parents=True, exist_ok=True)
    fps = Fraction(lecture.fps).limit_denominator(1001)
    paths = folder / "video.mkv", folder / "plate.mkv", folder / "mask.mkv"
    with ExitStack() as files:
        writers = [files.enter_context(VideoWriter(path, fps=fps, size=lecture.size, codec="ffv1")) for path in paths]
        for t in range(lecture.frame_count):
            shot = lecture.render(t)
            white = np.repeat(shot.mask[..., None].astype(np.uint8) * 255, 3, axis=-1)
            for writer, picture in zip(writers, (shot.frame, shot.plate, white), strict=True):
                writer.write(Clip.from_numpy(picture[None], fps, t / fps))
    return paths


def main() -> None:
    """Write video.mkv, plate.mkv and mask.mkv of a lecture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for video.mkv, plate.mkv and mask.mkv")
    parser.add_argument("--size", type=int, nargs=2, default=(360, 640), metavar=("H", "W"))
    parser.add_argument("--seconds", type=float, default=50.0)
    parser.add_argument("--fps", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--camera", choices=("static", "handheld"), default="static")
    parser.add_argument("--board", choices=("white", "green"), default="white")
    parser.add_argument("--noise", type=float, default=2.0)
    parser.add_argument("--exposure-drift", type=float, default=0.0)
    parser.add_argument("--shadow", action="store_true")
    parser.add_argument("--never-seen", action="store_true")
    options = vars(parser.parse_args())
    folder = options.pop("out")
    lecture = Lecture(**{**options, "size": tuple(options["size"])})
    write_lecture(lecture, folder)
    print(f"{lecture.frame_count} frames in {folder}: video.mkv, plate.mkv, mask.mkv")


if __name__ == "__main__":
    main()
