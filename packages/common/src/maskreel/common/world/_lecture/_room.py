"""The lecture room without anybody in it: wall, board, clock, poster, desk, and the ink that appears on the board.

World units: one unit is one pixel of a frame 360 pixels high. The room is painted once at two samples per frame pixel
and with a margin around the view, so that a moving camera can look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

if TYPE_CHECKING:
    from maskreel.common.world._lecture._script import Writing

WORLD_HEIGHT = 360.0
MARGIN = 16.0
"""World units painted beyond every edge of the view."""
OVERSAMPLING = 2

_BOARDS = {
    # board, ink colours, frame, wall
    "white": ((226, 228, 226), ((56, 60, 76), (48, 70, 140), (150, 54, 58)), (150, 152, 156), (188, 180, 164)),
    "green": ((54, 84, 68), ((222, 224, 214), (228, 216, 150), (214, 224, 226)), (128, 92, 58), (196, 190, 176)),
}


@dataclass(frozen=True)
class Layout:
    """Where things are, in world units; rectangles are (x0, y0, x1, y1)."""

    width: float
    """Width of the view."""

    @property
    def board(self) -> tuple[float, float, float, float]:
        """The writing surface."""
        return 0.115 * self.width, 38.0, 0.885 * self.width, 236.0

    @property
    def desk(self) -> tuple[float, float, float, float]:
        """The desk in front of the lecturer; it ends below the frame."""
        return 0.69 * self.width, 306.0, self.width + MARGIN + 1, WORLD_HEIGHT + MARGIN + 1


@dataclass(frozen=True)
class Room:
    """The painted room; all arrays at OVERSAMPLING samples per frame pixel, MARGIN beyond the view."""

    empty: np.ndarray
    """uint8 (h, w, 3), RGB, nothing written."""
    full: np.ndarray
    """uint8 (h, w, 3), everything written."""
    written: np.ndarray
    """float32 (h, w), seconds at which the ink of a sample appears; infinity where nothing is ever written."""
    desk: np.ndarray
    """float32 (h, w), opacity of what stands before the lecturer."""

    def at(self, seconds: float) -> np.ndarray:
        """uint8 (h, w, 3), the room with the ink written up to and including this moment."""
        view = self.empty.copy()
        cv2.copyTo(self.full, (self.written <= seconds).view(np.uint8), view)
        return view


def paint_room(
    layout: Layout, scale: float, board: Literal["white", "green"], writings: list[Writing], rng: np.random.Generator
) -> Room:
    """Paint the room; `scale` is frame pixels per world unit."""
    samples = scale * OVERSAMPLING
    painter = _Painter(layout.width, samples)
    surface, inks, frame, wall = _BOARDS[board]
    _paint_wall(painter, wall, rng)
    _paint_board(painter, layout, surface, frame, rng)
    _paint_clock(painter, layout.width)
    _paint_poster(painter, layout.width, rng)
    bare = painter.canvas.copy()
    _paint_desk(painter, layout)
    desk = np.any(painter.canvas != bare, axis=2).astype(np.float32)
    desk = cv2.GaussianBlur(desk, (0, 0), 0.5 * OVERSAMPLING)

    ink, colour, written = _ink(painter, writings, inks, chalk=board == "green", rng=rng)
    ink *= (1 - desk)[..., None]
    light = _light(painter, rng)
    empty = painter.canvas * light
    full = (painter.canvas * (1 - ink) + colour * ink) * light
    return Room(_soften(empty), _soften(full), written, desk)


class _Painter:
    """A float canvas addressed in world units."""

    def __init__(self, world_width: float, samples: float) -> None:
        self.samples = samples
        height, width = (round((side + 2 * MARGIN) * samples) for side in (WORLD_HEIGHT, world_width))
        self.canvas = np.zeros((height, width, 3), np.float32)

    def fixed(self, points: np.ndarray | list) -> np.ndarray:
        """World points as OpenCV's fixed-point sample positions (4 fractional bits)."""
        return np.round(((np.asarray(points, float) + MARGIN) * self.samples - 0.5) * 16).astype(np.int32)

    def rectangle(self, box: tuple[float, float, float, float], colour: tuple[float, ...]) -> None:
        x0, y0, x1, y1 = box
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def polygon(self, points: list, colour: tuple[float, ...]) -> None:
        mask = np.zeros(self.canvas.shape[:2], np.uint8)
        cv2.fillPoly(mask, [self.fixed(points)], 255, cv2.LINE_AA, 4)
        self._blend(mask, colour)

    def disc(self, centre: tuple[float, float], radius: float, colour: tuple[float, ...]) -> None:
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        self.polygon(list(np.array(centre) + radius * np.stack([np.cos(turn), np.sin(turn)], 1)), colour)

    def line(self, p: tuple[float, float], q: tuple[float, float], width: float, colour: tuple[float, ...]) -> None:
        along = np.subtract(q, p)
        side = np.array([-along[1], along[0]]) / np.hypot(*along) * width / 2
        self.polygon([p + side, q + side, q - side, p - side], colour)

    def noise(self, rng: np.random.Generator, size: float) -> np.ndarray:
        """Smooth noise with grains of about `size` world units, standard deviation 1; float32 (h, w)."""
        height, width = self.canvas.shape[:2]
        grain = max(size * self.samples, 1.0)
        small = rng.standard_normal((max(round(height / grain), 2), max(round(width / grain), 2)), np.float32)
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        return large / max(float(large.std()), 1e-6)

    def _blend(self, mask: np.ndarray, colour: tuple[float, ...]) -> None:
        rows, columns = np.any(mask, 1).nonzero()[0], np.any(mask, 0).nonzero()[0]
        if not len(rows):
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        alpha = mask[part][..., None].astype(np.float32) / 255
        self.canvas[part] += alpha * (np.array(colour, np.float32) - self.canvas[part])


def _paint_wall(painter: _Painter, wall: tuple[int, ...], rng: np.random.Generator) -> None:
    painter.canvas[:] = wall
    skirting = 268.0
    right = painter.canvas.shape[1] / painter.samples
    painter.rectangle((-MARGIN - 1, skirting, right, WORLD_HEIGHT + MARGIN + 1), tuple(0.72 * np.array(wall)))
    painter.rectangle((-MARGIN - 1, skirting - 3, right, skirting), tuple(0.55 * np.array(wall)))
    for x in np.arange(-MARGIN, right, 52.0):  # panels
        painter.rectangle((x, skirting + 1, x + 1.2, WORLD_HEIGHT + MARGIN + 1), tuple(0.64 * np.array(wall)))
    plaster = 1.6 * painter.noise(rng, 1.5) + 1.6 * painter.noise(rng, 6.0) + 2.0 * painter.noise(rng, 60.0)
    painter.canvas += plaster[..., None]


def _paint_board(
    painter: _Painter, layout: Layout, surface: tuple[int, ...], frame: tuple[int, ...], rng: np.random.Generator
) -> None:
    x0, y0, x1, y1 = layout.board
    painter.rectangle((x0 - 3, y0 - 3, x1 + 9, y1 + 12), (150, 144, 132))  # its shadow on the wall
    painter.rectangle((x0 - 6, y0 - 6, x1 + 6, y1 + 6), tuple(0.8 * np.array(frame)))
    painter.rectangle((x0 - 6, y0 - 6, x1 + 4.5, y1 + 4.5), frame)
    painter.rectangle((x0 - 1.2, y0 - 1.2, x1 + 1, y1 + 1), tuple(0.55 * np.array(frame)))
    before = painter.canvas.copy()
    painter.rectangle((x0, y0, x1, y1), surface)
    inside = np.any(before != painter.canvas, axis=2).astype(np.float32)
    smears = 1.3 * painter.noise(rng, 40.0) + 0.8 * cv2.blur(painter.noise(rng, 3.0), (round(24 * painter.samples), 1))
    painter.canvas += (inside * smears)[..., None]
    painter.rectangle((x0 + 20, y1 + 5, x1 - 20, y1 + 10), tuple(0.9 * np.array(frame)))  # the tray
    for k, colour in enumerate(((40, 60, 140), (150, 40, 44), (230, 228, 220))):
        x = x0 + 60 + 34 * k
        painter.rectangle((x, y1 + 2.5, x + 17, y1 + 6), colour)


def _paint_clock(painter: _Painter, width: float) -> None:
    centre = (0.945 * width, 62.0)
    painter.disc(centre, 17, (52, 50, 52))
    painter.disc(centre, 14.6, (236, 234, 228))
    for hour in range(12):
        direction = np.array([np.sin(hour * np.pi / 6), -np.cos(hour * np.pi / 6)])
        painter.line(tuple(centre + 11.4 * direction), tuple(centre + 13.4 * direction), 1.1, (40, 40, 44))
    painter.line(centre, (centre[0] + 6, centre[1] + 5), 1.8, (30, 30, 34))
    painter.line(centre, (centre[0] + 2, centre[1] - 11), 1.3, (30, 30, 34))


def _paint_poster(painter: _Painter, width: float, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = 0.018 * width, 78.0, 0.088 * width, 152.0
    painter.rectangle((x0 + 1.5, y0 + 2, x1 + 2, y1 + 2.5), (140, 134, 122))
    painter.rectangle((x0, y0, x1, y1), (214, 206, 178))
    painter.rectangle((x0 + 3, y0 + 4, x1 - 3, y0 + 34), (72, 106, 132))
    painter.disc(((x0 + x1) / 2, y0 + 20), 10, (206, 160, 78))
    for row in np.arange(y0 + 40, y1 - 5, 4.6):
        painter.rectangle((x0 + 4, row, x1 - 4 - rng.uniform(0, 12), row + 1.5), (96, 92, 92))


def _paint_desk(painter: _Painter, layout: Layout) -> None:
    x0, y0, x1, y1 = layout.desk
    painter.polygon([(x0 + 6, y0), (x1, y0), (x1, y0 + 9), (x0, y0 + 9)], (150, 112, 76))
    painter.rectangle((x0, y0 + 9, x1, y0 + 13), (96, 70, 48))
    painter.rectangle((x0 + 5, y0 + 13, x1, y1), (118, 86, 60))
    for y in np.arange(y0 + 22, y1, 13.0):
        painter.rectangle((x0 + 5, y, x1, y + 1), (108, 78, 54))
    lid = x0 + 66
    painter.polygon([(lid, y0 - 32), (lid + 52, y0 - 34), (lid + 58, y0 + 3), (lid + 5, y0 + 4)], (64, 66, 70))
    painter.polygon(
        [(lid + 26, y0 - 19), (lid + 32, y0 - 19), (lid + 32, y0 - 13), (lid + 27, y0 - 13)], (150, 152, 158)
    )


def _light(painter: _Painter, rng: np.random.Generator) -> np.ndarray:
    """Falling light from the upper left and the vignette of a lens; float32 (h, w, 1) around 1."""
    height, width = painter.canvas.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    lamp = np.exp(-((x + 0.35) ** 2 + (y + 0.75) ** 2) / 0.9)
    return (0.93 + 0.1 * lamp - 0.075 * (x * x + y * y) + 0.004 * painter.noise(rng, 90.0))[..., None]


def _ink(
    painter: _Painter, writings: list[Writing], inks: tuple, *, chalk: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Opacity (h, w, 1), colour (h, w, 3) and seconds of appearance (h, w) of all strokes."""
    height, width = painter.canvas.shape[:2]
    opacity = np.zeros((height, width), np.uint8)
    colour = np.zeros((height, width, 3), np.float32)
    written = np.full((height, width), np.inf, np.float32)
    thickness = max(round(1.3 * painter.samples), 1)
    for writing in writings:
        for points, times in zip(writing.strokes, writing.times, strict=True):
            fixed = painter.fixed(points)
            for p, q, moment in zip(fixed, fixed[1:], times[1:], strict=False):
                low, high = np.minimum(p, q) // 16 - thickness - 2, np.maximum(p, q) // 16 + thickness + 3
                low = np.maximum(low, 0)
                part = np.s_[low[1] : high[1], low[0] : high[0]]
                line = np.zeros(opacity[part].shape, np.uint8)
                cv2.line(line, (p - low * 16).tolist(), (q - low * 16).tolist(), 255, thickness, cv2.LINE_AA, 4)
                fresh = (line > 0) & np.isinf(written[part])
                written[part][fresh] = moment
                colour[part][fresh] = inks[writing.ink % len(inks)]
                np.maximum(opacity[part], line, out=opacity[part])
    grain = np.clip(0.82 + 0.16 * painter.noise(rng, 0.6), 0.4, 1) if chalk else np.float32(0.9)
    # Softening the picture carries ink to the samples around a stroke: they appear with it.
    reach = np.ones((2 * OVERSAMPLING + 1, 2 * OVERSAMPLING + 1), np.uint8)
    written = np.where(np.isinf(written), cv2.erode(written, reach), written)
    return (opacity / np.float32(255) * grain)[..., None], colour, written


def _soften(picture: np.ndarray) -> np.ndarray:
    """Low-pass to what a frame can carry (a lens does), so that sampling at half the rate does not alias."""
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.42 * OVERSAMPLING) + 0.5, 0, 255).astype(np.uint8)
