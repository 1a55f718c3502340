"""`Framing`: cut a square out of frames of any size, and put pictures back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maskreel.animate.framing._resample import cutting, placing, resampled

__all__ = ["Framing", "whole"]

_FEATHER = 32
"""The feather is the side divided by it."""


@dataclass(frozen=True)
class Framing:
    """A square of the full frame. It may stick out of the frame; there the frame's border pixels are repeated."""

    top: int
    """Row of its first pixel; negative above the frame."""
    left: int
    """Column of its first pixel; negative left of the frame."""
    side: int
    """Height and width in pixels of the frame."""
    size: tuple[int, int]
    """(height, width) of the full frame in pixels."""

    def __post_init__(self) -> None:
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"size must be (height, width) in pixels, 1 or more, got {self.size}")
        if self.side < 1:
            raise ValueError(f"side must be 1 or more pixels, got {self.side}")
        for name, start, length in (("top", self.top, self.size[0]), ("left", self.left, self.size[1])):
            if not -self.side < start < length:
                raise ValueError(
                    f"the square must meet the frame: {name} must be above {-self.side} and below {length}, got {start}"
                )

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The part that lies inside the frame: half-open x0, y0, x1, y1."""
        (rows, columns), (height, width) = (self.top, self.left), self.size
        return max(columns, 0), max(rows, 0), min(columns + self.side, width), min(rows + self.side, height)

    def cut(self, frames: Tensor, pixels: int) -> Tensor:
        """The square of frames, `pixels` high and wide: float32 (N, 3, pixels, pixels) in [0, 1].

        Bilinear; when it gets smaller, with a filter as wide as the shrinking, so that nothing is skipped. At
        `pixels` equal to `side` it is a copy.

        Args:
            frames: uint8 (N, 3, H, W).
            pixels: 1 or more.

        Raises:
            TypeError: `frames` is not uint8.
            ValueError: `frames` has another size than the framing's, or `pixels` is less than 1.
        """
        if frames.dtype != torch.uint8:
            raise TypeError(f"frames must be uint8, got {frames.dtype}")
        return self._cut(frames, "frames", pixels) / 255

    def cut_masks(self, masks: Tensor, pixels: int) -> Tensor:
        """The same for soft masks, float (N, 1, H, W) in [0, 1]: float (N, 1, pixels, pixels)."""
        if not masks.is_floating_point():
            raise TypeError(f"masks must be floating point, got {masks.dtype}")
        return self._cut(masks, "masks", pixels)

    def place(self, pictures: Tensor) -> Tensor:
        """Put pictures of the square into the frame: float (N, C, p, p) to (N, C, H, W), zeros outside the square.

        Bilinear; what was repeated from the frame's border by `cut` is dropped. `place(cut(frames, side))` has the
        frame's own values inside the square, bit for bit.
        """
        if pictures.ndim != 4 or pictures.shape[-1] != pictures.shape[-2] or not pictures.is_floating_point():
            raise ValueError(
                f"pictures must be floating point (N, C, p, p), got {pictures.dtype} {tuple(pictures.shape)}"
            )
        x0, y0, x1, y1 = self.box
        rows = placing(self.top, self.side, self.size[0], pictures.shape[-1])
        columns = placing(self.left, self.side, self.size[1], pictures.shape[-1])
        placed = pictures.new_zeros(*pictures.shape[:2], *self.size)
        placed[:, :, y0:y1, x0:x1] = resampled(pictures, rows, columns)
        return placed

    def coverage(self, *, feather: int | None = None) -> Tensor:
        """How much a placed picture counts: float32 (1, 1, H, W), 1 inside the square and 0 outside.

        Towards edges of the square that lie inside the frame it falls to 0 over `feather` pixels (by default a 32nd
        of the side, at least 2), still inside the square; at the frame's own edges it stays 1.
        """
        width = max(2, self.side // _FEATHER) if feather is None else feather
        if width < 0:
            raise ValueError(f"feather must be 0 or more pixels, got {feather}")
        rows = _ramp(self.top, self.side, self.size[0], width)
        columns = _ramp(self.left, self.side, self.size[1], width)
        return (rows[:, None] * columns)[None, None]

    def _cut(self, images: Tensor, name: str, pixels: int) -> Tensor:
        if images.ndim != 4 or tuple(images.shape[-2:]) != tuple(self.size):
            raise ValueError(
                f"{name} must have shape (N, C, {self.size[0]}, {self.size[1]}), got {tuple(images.shape)}"
            )
        if pixels < 1:
            raise ValueError(f"pixels must be 1 or more, got {pixels}")
        x0, y0, x1, y1 = self.box
        rows = cutting(self.top, self.side, self.size[0], pixels)
        columns = cutting(self.left, self.side, self.size[1], pixels)
        cuts = images.new_zeros(*images.shape[:2], pixels, pixels, dtype=torch.float32)
        for image, target in zip(images, cuts, strict=True):  # one by one: frames as floats are large
            target.copy_(resampled(image[:, y0:y1, x0:x1], rows, columns))
        return cuts


def whole(size: tuple[int, int]) -> Framing:
    """The smallest square that holds the frame, centred: the frame's border is repeated at its short sides."""
    height, width = size
    side = max(height, width)
    return Framing(-((side - height) // 2), -((side - width) // 2), side, (height, width))


def _ramp(start: int, side: int, length: int, feather: int) -> Tensor:
    """Along one axis of the frame: 1 in [start, start + side), rising and falling over `feather` pixels: (length,)."""
    places = torch.arange(length) - start
    rising = (places + 1) / (feather + 1) if start > 0 else torch.ones(length)
    falling = (side - places) / (feather + 1) if start + side < length else torch.ones(length)
    inside = (places >= 0) & (places < side)
    return torch.minimum(rising, falling).clamp(0, 1) * inside
