"""A brush for shaded rounded shapes (limbs, balls, a trunk) with soft edges, which remembers what it painted where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.world._lecture._pose import HEAD_TOP

if TYPE_CHECKING:
    from maskreel.common.world._lecture._pose import Pose

_LIGHT = np.array([-0.42, -0.52, 0.74], np.float32)  # from the upper left, towards the camera


@dataclass(frozen=True)
class Figure:
    """A painted figure, to be placed with its first sample at `origin`."""

    colour: np.ndarray
    """float32 (h, w, 3), RGB multiplied by the opacity."""
    opacity: np.ndarray
    """float32 (h, w), 0 to 1."""
    origin: tuple[float, float]
    """World x and y of the upper left corner of sample (0, 0)."""
    layer: np.ndarray
    """uint8 (h, w): 1 + the index in `placements` of the part that a sample shows, 0 outside the figure."""
    placements: dict[str, np.ndarray]
    """For every painted part its float64 (3, 3) matrix from coordinates fixed to the part to world x, y, 1."""


class Brush:
    """Blends shaded shapes over a transparent canvas that just holds the figure."""

    def __init__(self, pose: Pose, weave: np.ndarray, samples: float) -> None:
        points = np.concatenate([np.stack(limb) for limb in (*pose.arms, *pose.legs)])
        low = np.minimum(points.min(axis=0), (pose.x - 48, HEAD_TOP + pose.drop)) - 26
        high = np.maximum(points.max(axis=0), (pose.x + 48, 0)) + 26
        high[1] = min(high[1], 382.0)  # nothing below the view's margin
        low = np.floor(low * samples) / samples
        self.samples, self.weave = samples, weave
        self.origin = (float(low[0]), float(low[1]))
        width, height = np.ceil((high - low) * samples).astype(int)
        self.colour = np.zeros((height, width, 3), np.float32)
        self.opacity = np.zeros((height, width), np.float32)
        self.layer = np.zeros((height, width), np.uint8)
        self.placements: dict[str, np.ndarray] = {}

    def figure(self) -> Figure:
        """What has been painted."""
        return Figure(self.colour, self.opacity, self.origin, self.layer, self.placements)

    def grid(self, low: np.ndarray, high: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """The part of the canvas between two world points and the world x (1, w) and y (h, 1) of its samples."""
        height, width = self.opacity.shape
        first = np.clip(np.floor((low - self.origin) * self.samples).astype(int), 0, (width, height))
        last = np.clip(np.ceil((high - self.origin) * self.samples).astype(int), first, (width, height))
        x = self.origin[0] + (np.arange(first[0], last[0], dtype=np.float32) + 0.5) / self.samples
        y = self.origin[1] + (np.arange(first[1], last[1], dtype=np.float32) + 0.5) / self.samples
        return np.s_[first[1] : last[1], first[0] : last[0]], x[None].astype(np.float32), y[:, None].astype(np.float32)

    def blend(self, part: tuple[slice, slice], alpha: np.ndarray, shade: np.ndarray, colour: tuple[float, ...]) -> None:
        """Lay a colour times a shade over the canvas, as the part that was placed last."""
        self.layer[part][alpha >= 0.5] = len(self.placements)
        rest = 1 - alpha
        lit = alpha * shade
        self.opacity[part] = self.opacity[part] * rest + alpha
        layer = self.colour[part]
        for channel in range(3):
            layer[..., channel] = layer[..., channel] * rest + lit * np.float32(colour[channel])

    def place(self, name: str, x_axis: tuple[float, float], y_axis: tuple[float, float], origin: np.ndarray) -> None:
        """Say where the part to be painted next is: its axes and origin in the world."""
        assert name not in self.placements, f"{name} is painted twice"
        self.placements[name] = np.array([*np.column_stack([x_axis, y_axis, origin]), [0.0, 0.0, 1.0]], float)

    def limb(
        self,
        name: str,
        p: np.ndarray,
        q: np.ndarray,
        radii: tuple[float, float],
        colour: tuple[float, ...],
        *,
        cloth: bool = True,
    ) -> None:
        """A tapered round limb from p to q; it moves with p and turns with the direction to q."""
        reach = max(radii) + 1.5
        part, x, y = self.grid(np.minimum(p, q) - reach, np.maximum(p, q) + reach)
        along = (q - p).astype(np.float32)
        length = max(float(np.hypot(*along)), 1e-3)
        ux, uy = np.float32(along[0] / length), np.float32(along[1] / length)
        self.place(name, (float(ux), float(uy)), (-float(uy), float(ux)), p)
        s = np.clip((x - np.float32(p[0])) * ux + (y - np.float32(p[1])) * uy, 0, length)
        dx, dy = x - np.float32(p[0]) - s * ux, y - np.float32(p[1]) - s * uy
        radius = radii[0] + (radii[1] - radii[0]) / length * s
        distance = cv2.magnitude(dx, dy)
        alpha = np.clip((radius - distance) * self.samples * 0.8 + 0.5, 0, 1)
        across = np.clip((dy * ux - dx * uy) / radius, -1, 1)
        shade = _shade(across * -uy, across * ux, 1 - across * across)
        if cloth:
            shade = shade * self._cloth(s, across * radii[0])
        self.blend(part, alpha, shade, colour)

    def ball(
        self,
        name: str,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: tuple[float, ...],
        *,
        flat: float = 0.0,
        soft: float = 0.8,
    ) -> None:
        """An ellipsoid, which grows with its radii; `flat` 1 takes the shading away; a small `soft` blurs its edge."""
        self.place(name, (radii[0], 0.0), (0.0, radii[1]), np.array(centre))
        reach = np.array(radii) + 2.0 / soft
        part, x, y = self.grid(np.array(centre) - reach, np.array(centre) + reach)
        nx, ny = (x - np.float32(centre[0])) / radii[0], (y - np.float32(centre[1])) / radii[1]
        square = nx * nx + ny * ny
        alpha = np.clip((1 - np.sqrt(square)) * min(radii) * self.samples * soft + 0.5, 0, 1)
        shade = _shade(nx, ny, np.clip(1 - square, 0, 1))
        self.blend(part, alpha, shade * (1 - flat) + flat, colour)

    def trunk(self, profile: np.ndarray, colour: tuple[float, ...]) -> None:
        """A round body with a vertical axis; profile (N, 3): y, x of the axis, half width. It moves without turning:
        cloth does not stretch when the body shows its narrow side."""
        self.place("trunk", (1.0, 0.0), (0.0, 1.0), profile[4, 1::-1])
        low = np.array([(profile[:, 1] - profile[:, 2]).min() - 2, profile[0, 0] - 1])
        high = np.array([(profile[:, 1] + profile[:, 2]).max() + 2, profile[-1, 0] + 1])
        part, x, y = self.grid(low, high)
        axis, half = (_through(y, profile[:, 0], profile[:, k]) for k in (1, 2))
        u = (x - axis) / half
        ends = np.clip(np.minimum(y - low[1], high[1] - y) * self.samples, 0, 1)
        alpha = np.clip((half - np.abs(x - axis)) * self.samples * 0.8 + 0.5, 0, 1) * ends
        u = np.clip(u, -1, 1)
        shade = _shade(0.85 * u, np.float32(-0.12), 1 - 0.85 * u * u) * self._cloth(
            y - profile[0, 0], u * profile[4, 2]
        )
        self.blend(part, alpha.astype(np.float32), shade.astype(np.float32), colour)

    def _cloth(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Weave at cloth coordinates in world units."""
        rows = (along * self.samples).astype(np.int32) & 511
        columns = (across * self.samples + 256).astype(np.int32) & 511  # off the seam of the tile
        return self.weave[rows, columns]


def _shade(nx: np.ndarray, ny: np.ndarray | np.float32, nz_square: np.ndarray) -> np.ndarray:
    """Brightness of a surface with this normal."""
    nz = np.sqrt(np.maximum(nz_square, 0))
    return 0.6 + 0.48 * np.maximum(nx * _LIGHT[0] + ny * _LIGHT[1] + nz * _LIGHT[2], -0.35)


def _through(y: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at y (h, 1) by a smooth curve through (at, values)."""
    dense = np.linspace(at[0], at[-1], 128)
    curve = np.interp(dense, at, values)
    kernel = np.hanning(13)
    curve = np.convolve(np.pad(curve, 6, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.interp(y[:, 0], dense, curve)[:, None].astype(np.float32)
