"""A first guess at the future: every object goes on as it moved last, and slows down as its kind does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.masks._planes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Draft", "Track", "track"]

FITTED = 4
"""Newest whole views of an object that its velocity is fitted to."""
LEAST = 0.5
"""Cells that an object must cover to count as seen."""
AT_BORDER = 0.01
"""Weight of a view that is cut off by the border, whose centre is not that of the object."""
PLACE, SPEED, SIZE = 8.0, 1.0, 4.0
"""Cells, cells per frame and cells that are given to the network as 1."""
REACH = 4.0
"""Cells that its answer of 1 shifts an object by."""


@dataclass(frozen=True)
class Track:
    """Where M objects are seen in T frames; places and sizes are in cells."""

    centre: torch.Tensor
    """float (M, T, 2): x and y; 0 where the object is not seen."""
    area: torch.Tensor
    """float (M, T)"""
    seen: torch.Tensor
    """bool (M, T)"""
    cut: torch.Tensor
    """bool (M, T): the object touches the border of the picture, so that its centre may be another."""

    @property
    def newest(self) -> torch.Tensor:
        """int64 (M,): the newest frame in which each object is seen, 0 if there is none."""
        return torch.where(self.seen, torch.arange(self.seen.shape[1], device=self.seen.device), 0).amax(1)

    def at(self, values: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
        """Of `values` (M, T, ...) those of one frame (M,) per object."""
        return values[torch.arange(len(values), device=values.device), frame]

    def velocity(self) -> torch.Tensor:
        """float (M, 2): cells per frame of a line through the newest whole views; 0 if there is only one view."""
        whole = self.seen & ~self.cut
        age = (
            whole.flip(1).cumsum(1).flip(1)
        )  # 1 from the newest whole view back to the one before it, 2 from there, ...
        weight = (self.seen & (age <= FITTED)) * torch.where(self.cut, AT_BORDER, 1.0).to(self.centre.dtype)
        time = torch.arange(self.seen.shape[1], dtype=self.centre.dtype, device=self.centre.device)
        mean = (weight * time).sum(1) / weight.sum(1).clamp(min=AT_BORDER)
        share = weight * (time - mean[:, None])
        spread = (share * (time - mean[:, None])).sum(1)
        return (share[..., None] * self.centre).sum(1) / spread.clamp(min=1e-3)[:, None]


def track(planes: torch.Tensor) -> Track:
    """Follow objects, each on planes of its own: float (M, T, h, w), the share of every cell that it covers."""
    height, width = planes.shape[-2:]
    area = planes.sum((-2, -1))
    x = planes.sum(-2) @ torch.arange(width, dtype=planes.dtype, device=planes.device)
    y = planes.sum(-1) @ torch.arange(height, dtype=planes.dtype, device=planes.device)
    edges = [planes[..., 0, :], planes[..., -1, :], planes[..., 0], planes[..., -1]]
    cut = torch.stack([edge.amax(-1) for edge in edges]).amax(0) > 0
    seen = area > LEAST
    centre = torch.stack([x, y], -1) / area.clamp(min=LEAST)[..., None]
    return Track(torch.where(seen[..., None], centre, 0.0), area, seen, cut)


class Draft(nn.Module):
    """The newest view of every object, moved and scaled to frames to come, each object by itself.

    It goes on at constant velocity, less what a small network learns from its track: how objects of its shape slow
    down, and how perspective changes what is seen of that.

    Args:
        frames: Frames to draw, counted from the first observed one.
        observed: Frames of a track.
        width: Of the network's layers; 0: no network, constant velocity.
    """

    def __init__(self, frames: Sequence[int], observed: int, width: int) -> None:
        super().__init__()
        self.frames = tuple(frames)
        self.network = (
            _layers(observed * 5 + 5 + SHAPES, width, 4 * len(self.frames)) if width and self.frames else None
        )

    def forward(self, planes: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
        """Draw M objects: planes float (M, T, h, w) and shapes int64 (M,) to float (M, len(frames), h, w)."""
        count, _, height, width = planes.shape
        if not count or not self.frames:
            return planes.new_zeros(count, len(self.frames), height, width)
        found = track(planes)
        shift, scale = self.motion(found, shapes, size=(height, width))
        return _drawn(found, planes, shift, scale)

    def motion(self, found: Track, shapes: torch.Tensor, *, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Shift (M, F, 2) in cells and scale (M, F) of the newest views."""
        when = torch.tensor(self.frames, dtype=found.centre.dtype, device=found.centre.device)
        velocity, newest = found.velocity(), found.newest
        shift = velocity[:, None] * (when - newest[:, None])[..., None]
        if self.network is None:
            return shift, torch.ones_like(shift[..., 0])
        answer = self.network(_features(found, newest, velocity, shapes, size)).unflatten(1, (-1, 4))
        return shift * (1 + answer[..., :1]) + REACH * answer[..., 1:3], answer[..., 3].clamp(-1, 1).exp()

    def loss(self, planes: torch.Tensor, shapes: torch.Tensor, future: torch.Tensor) -> torch.Tensor:
        """How far off the drawn objects are from the true ones, planes `future` (M, F, h, w), where those are whole."""
        found, truth = track(planes), track(future)
        shift, scale = self.motion(found, shapes, size=(planes.shape[-2], planes.shape[-1]))
        newest = found.newest
        area = found.at(found.area, newest)[:, None]
        whole = truth.seen & ~truth.cut & (truth.area > 0.6 * area) & found.seen.any(1, keepdim=True)
        place = functional.smooth_l1_loss(
            found.at(found.centre, newest)[:, None] + shift, truth.centre, reduction="none"
        ).sum(-1)
        uncut = whole & ~found.at(found.cut, newest)[:, None]
        larger = (truth.area.clamp(min=LEAST) / area.clamp(min=LEAST)).log() / 2
        size = functional.smooth_l1_loss(scale.log(), larger, reduction="none", beta=0.1)
        return ((place * whole).sum() + (size * uncut).sum()) / whole.sum().clamp(min=1)


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)  # constant velocity before training
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last)


def _features(
    found: Track, newest: torch.Tensor, velocity: torch.Tensor, shapes: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """What is known of each object, in numbers near 1: (M, 5 T + 5 + SHAPES)."""
    here = found.at(found.centre, newest)
    way = (found.centre - here[:, None]) / PLACE * found.seen[..., None]
    middle = here.new_tensor([size[1], size[0]]) / 2
    flags = torch.stack([found.seen, found.cut & found.seen], -1).to(way.dtype)
    extent = found.area.sqrt()[..., None] / SIZE
    parts = [torch.cat([way, flags, extent], -1).flatten(1), here / middle - 1, velocity / SPEED]
    last = newest[:, None].to(way.dtype) - found.seen.shape[1] + 1
    return torch.cat([*parts, last, functional.one_hot(shapes, SHAPES).to(way.dtype)], 1)


def _drawn(found: Track, planes: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The newest views (M, h, w) of M objects, shifted by (M, F, 2) cells and scaled by (M, F) about their centres."""
    count, _, height, width = planes.shape
    half = shift.new_tensor([width, height]) / 2
    here = (found.at(found.centre, found.newest)[:, None] + 0.5) / half - 1  # as affine_grid counts: -1 to 1
    theta = shift.new_zeros(*scale.shape, 2, 3)
    theta[..., 0, 0] = theta[..., 1, 1] = 1 / scale
    theta[..., 2] = here - (here + shift / half) / scale[..., None]
    views = found.at(planes, found.newest)[:, None].expand(-1, scale.shape[1], -1, -1).flatten(0, 1)[:, None]
    grid = functional.affine_grid(theta.flatten(0, 1), list(views.shape), align_corners=False)
    return functional.grid_sample(views, grid, align_corners=False).view(count, -1, height, width)
