"""Size of the network that forecasts how objects move on and meet."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InteractionConfig"]


@dataclass(frozen=True)
class InteractionConfig:
    """Size of an `InteractionTransformer`."""

    width: int = 128
    """Of the vector that stands for an object."""
    layers: int = 4
    heads: int = 4
    """Of the attention; `width` must be a multiple of it."""
    feed_forward: int = 256
    """Hidden width after each attention."""
    objects: int = 10
    """The most that a clip may hold."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads", "feed_forward", "objects"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads ({self.heads}), got {self.width}")
