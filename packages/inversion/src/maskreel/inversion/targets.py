"""What a frame is to show: the masks and classes of its objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch.nn import functional

from maskreel.common import masks as mask_tools

__all__ = ["FrameTarget"]


@dataclass(frozen=True)
class FrameTarget:
    """N objects of one frame.

    Raises:
        TypeError: Masks or void are not bool.
        ValueError: The shapes do not go together.
    """

    masks: torch.Tensor
    """bool (N, H, W); an object that is not in this frame has an empty mask."""
    labels: torch.Tensor
    """int64 (N,): positions in the teacher's `class_names`."""
    void: torch.Tensor | None = None
    """bool (H, W): pixels of which nothing is known; they never count."""

    def __post_init__(self) -> None:
        if self.masks.dtype != torch.bool:
            raise TypeError(f"masks must be bool, got {self.masks.dtype}")
        if self.masks.ndim != 3 or 0 in self.masks.shape[1:]:
            raise ValueError(f"masks must have shape (N, H, W), got {tuple(self.masks.shape)}")
        if self.labels.dtype != torch.int64 or tuple(self.labels.shape) != (len(self.masks),):
            raise ValueError(
                f"labels must be int64 and as many as the {len(self.masks)} masks, "
                f"got {self.labels.dtype} {tuple(self.labels.shape)}"
            )
        if self.void is not None and (self.void.dtype != torch.bool or self.void.shape != self.masks.shape[1:]):
            raise ValueError(
                f"void must be bool {tuple(self.masks.shape[1:])}, got {self.void.dtype} {tuple(self.void.shape)}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.masks.shape[-2], self.masks.shape[-1]

    @property
    def known(self) -> torch.Tensor:
        """The masks without pixels of which nothing is known, bool (N, H, W)."""
        return self.masks if self.void is None else self.masks & ~self.void

    @property
    def boxes(self) -> torch.Tensor:
        """float32 (N, 4): half-open x0, y0, x1, y1 around each mask; ValueError for an empty one, see `present`."""
        return mask_tools.boxes(self.masks).float()

    def present(self) -> Self:
        """Without the objects that are not in this frame."""
        there = self.masks.flatten(1).any(dim=1)
        return replace(self, masks=self.masks[there], labels=self.labels[there])

    def resized(self, size: tuple[int, int]) -> Self:
        """At another size: a pixel belongs to what covers half of it or more."""
        if size == self.size:
            return self
        void = None if self.void is None else _resized(self.void[None], size)[0]
        return replace(self, masks=_resized(self.masks, size), void=void)

    def to(self, device: torch.device | str) -> Self:
        """On another device."""
        void = None if self.void is None else self.void.to(device)
        return replace(self, masks=self.masks.to(device), labels=self.labels.to(device), void=void)


def _resized(masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if not len(masks):
        return masks.new_zeros(0, *size)
    covered = functional.interpolate(masks[None].float(), size, mode="bilinear", antialias=True, align_corners=False)
    return covered[0] >= 0.5
