"""`Best`: the best frames so far, each with the loss of that very picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Best", "as_bytes"]


class Best:
    """Keeps frames by their losses."""

    def __init__(self) -> None:
        self.frames: torch.Tensor | None = None
        """uint8 (T, 3, H, W)."""
        self.losses: torch.Tensor | None = None
        """float32 (T,), or (1,) for frames that were judged as a whole."""

    def each(self, images: torch.Tensor, losses: torch.Tensor) -> None:
        """Keep each of float images (T, 3, H, W) in [0, 1] whose own loss, of (T,), is its lowest so far."""
        losses = losses.detach().float().cpu()
        if self.frames is None or self.losses is None:
            self.frames, self.losses = as_bytes(images), losses
            return
        better = losses < self.losses
        self.frames[better] = as_bytes(images)[better]
        self.losses[better] = losses[better]

    def whole(self, loss: float, images: Callable[[], torch.Tensor]) -> None:
        """Keep all images, float (T, 3, H, W), painted when they are needed, if their common loss is the lowest."""
        if self.losses is None or loss < float(self.losses):
            self.frames, self.losses = as_bytes(images()), torch.tensor([loss])

    def state(self) -> dict[str, torch.Tensor | None]:
        """For `restore`."""
        return {"frames": self.frames, "losses": self.losses}

    def restore(self, state: dict[str, torch.Tensor | None]) -> None:
        """Go back to a `state`."""
        self.frames, self.losses = state["frames"], state["losses"]


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    """Float images in [0, 1], what is beyond cut off, as uint8 on the CPU."""
    return (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
