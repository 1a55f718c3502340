"""`Best`: the best frames so far, each with the loss of that very picture."""

from __future__ import annotations

import torch

__all__ = ["Best"]


class Best:
    """Keeps frames by their losses.

    Args:
        jointly: Frames belong together: all are taken from the time when their mean loss was lowest. Otherwise each
            frame is kept from its own best time.
    """

    def __init__(self, *, jointly: bool) -> None:
        self.jointly = jointly
        self.frames: torch.Tensor | None = None
        """uint8 (T, 3, H, W)."""
        self.losses: torch.Tensor | None = None
        """float32 (T,)."""

    @property
    def loss(self) -> float:
        """Mean over the frames; infinite before the first update."""
        return float("inf") if self.losses is None else float(self.losses.mean())

    def update(self, images: torch.Tensor, losses: torch.Tensor) -> None:
        """Judge float images (T, 3, H, W) in [0, 1] by the losses (T,) of these very images."""
        frames = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        losses = losses.detach().float().cpu()
        if self.frames is None or self.losses is None:
            self.frames, self.losses = frames, losses.clone()
            return
        better = losses < self.losses
        if self.jointly:
            better = (losses.mean() < self.losses.mean()).expand_as(better)
        self.frames[better] = frames[better]
        self.losses[better] = losses[better]

    def state(self) -> dict[str, torch.Tensor | None]:
        """For `restore`."""
        return {"frames": self.frames, "losses": self.losses}

    def restore(self, state: dict[str, torch.Tensor | None]) -> None:
        """Go back to a `state`."""
        self.frames, self.losses = state["frames"], state["losses"]
