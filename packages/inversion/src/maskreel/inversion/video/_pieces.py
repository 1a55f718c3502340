"""`Piece`: one object in one frame, ready to be painted."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from maskreel.common.masks import boxes, feather

if TYPE_CHECKING:
    from maskreel.inversion.video._ride import Ride

__all__ = ["Piece", "piece"]

_NODES = 48  # per side: where on the texture a pixel lies changes smoothly


@dataclass(frozen=True)
class Piece:
    """How an object covers a frame."""

    window: tuple[slice, slice]
    """Rows and columns of the frame."""
    cover: torch.Tensor
    """float16 (h, w) in [0, 1]: how much of the frame it covers; soft around the contour."""
    nodes: torch.Tensor
    """float32 (1, 2, rows, columns): positions on the texture, to be interpolated; empty if it has no texture."""

    def painted(self, texture: torch.Tensor) -> torch.Tensor:
        """The texture (3, h', w') as it looks in the window, (3, h, w)."""
        grid = functional.interpolate(self.nodes, self.cover.shape, mode="bilinear", align_corners=True)
        grid = grid.movedim(1, -1).to(texture)
        return functional.grid_sample(texture[None], grid, padding_mode="border", align_corners=False)[0]

    def to(self, device: torch.device | str) -> Piece:
        return Piece(self.window, self.cover.to(device), self.nodes.to(device))


def piece(mask: torch.Tensor, softness: float, ride: Ride | None, frame: int, size: tuple[int, int]) -> Piece | None:
    """The piece of a mask (H, W); `size` is that of the frames in which the ride was measured. None if it is empty."""
    if not mask.any():
        return None
    x0, y0, x1, y1 = boxes(mask).tolist()
    margin = ceil(softness)
    rows = slice(max(y0 - margin, 0), min(y1 + margin, mask.shape[0]))
    columns = slice(max(x0 - margin, 0), min(x1 + margin, mask.shape[1]))
    cover = feather(mask[rows, columns], softness).half()
    if ride is None or ride.motions[frame] is None:
        return Piece((rows, columns), cover, torch.zeros(1, 2, 0, 0))
    y, x = (
        (np.linspace(part.start, part.stop - 1, min(_NODES, part.stop - part.start)) + 0.5) * (there / here) - 0.5
        for part, there, here in zip((rows, columns), size, mask.shape, strict=True)
    )
    points = np.stack(np.broadcast_arrays(x, y[:, None]), axis=-1).reshape(-1, 2)
    places = ride.place(frame, points).reshape(len(y), len(x), 2)
    return Piece((rows, columns), cover, torch.from_numpy(places).float().movedim(-1, 0)[None])
