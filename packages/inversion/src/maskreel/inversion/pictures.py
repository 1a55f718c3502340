"""`Pictures`: frames that are optimised each by itself, and what all such parameterisations have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import torch
from torch import nn

from maskreel.inversion.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = ["Painting", "Pictures"]


class Painting(Protocol):
    """T frames as a differentiable function of parameters: `Pictures`, or `maskreel.inversion.video.Layers`."""

    def __len__(self) -> int: ...

    def frames(self, indices: Iterable[int] | None = None) -> torch.Tensor:
        """Float32 (B, 3, H, W) of some frames, or of all."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def clamp_(self) -> None:
        """Called after each step of an optimiser."""

    def resized(self, size: tuple[int, int]) -> Self:
        """The same frames at another size, with parameters of their own."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> Any: ...


class Pictures(nn.Module):
    """Each frame is a canvas of its own.

    Args:
        starts: float (T, 3, H, W).
        levels: See `Canvas`.
        bounded: Without levels: pixels are kept in [0, 1]. The thesis leaves them free.
    """

    def __init__(self, starts: torch.Tensor, levels: int, *, bounded: bool = True) -> None:
        super().__init__()
        self.bounded = bounded
        self.canvases = nn.ModuleList(Canvas(start, levels) for start in starts)

    def __len__(self) -> int:
        return len(self.canvases)

    def frames(self, indices: Iterable[int] | None = None) -> torch.Tensor:
        """See `Painting`."""
        numbers = range(len(self)) if indices is None else indices
        return torch.stack([self.canvases[number]() for number in numbers])

    def clamp_(self) -> None:
        """See `Painting`."""
        if self.bounded:
            for canvas in self._all():
                canvas.clamp_()

    def resized(self, size: tuple[int, int]) -> Pictures:
        """See `Painting`."""
        result = Pictures(torch.zeros(0, 3, *size), 0, bounded=self.bounded)
        result.canvases.extend(canvas.resized(size) for canvas in self._all())
        return result

    def _all(self) -> list[Canvas]:
        return list(self.canvases)  # pyright: ignore[reportReturnType]
