"""What counts as the frames of a clip."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

__all__ = ["Frames", "as_tensor"]


class Frames(Protocol):
    """A clip in memory or on disk, uint8 (T, 3, H, W): a tensor, an array, or what reads when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, index: Any, /) -> Any: ...


def as_tensor(pixels: torch.Tensor | np.ndarray) -> torch.Tensor:
    """A tensor as it is, an array as a copy, because torch warns about arrays that are mapped read-only."""
    return pixels if isinstance(pixels, torch.Tensor) else torch.from_numpy(np.array(pixels))
