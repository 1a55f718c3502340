"""The objects of a batch of frames, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from maskreel.common import masks as mask_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget


@dataclass(frozen=True)
class Objects:
    """N objects that are in their frames, of B images."""

    masks: torch.Tensor
    """bool (N, H, W)."""
    boxes: torch.Tensor
    """float32 (N, 4), half-open."""
    labels: torch.Tensor
    """int64 (N,); -1 for any class."""
    images: torch.Tensor
    """int64 (N,): the image that each belongs to, ascending."""
    void: torch.Tensor | None
    """bool (B, H, W): pixels that do not count; None: there are none."""
    batch: int

    def by_image(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Values (N, ...) of the objects as one tensor per image."""
        return list(values.split(torch.bincount(self.images, minlength=self.batch).tolist()))

    def of_any_class(self) -> Objects:
        """The same with the label -1 for all."""
        return replace(self, labels=torch.full_like(self.labels, -1))

    def occupied(self) -> torch.Tensor:
        """Pixels of an object, and those that do not count: bool (B, H, W)."""
        covered = torch.stack([part.any(0) for part in self.by_image(self.masks)])
        return covered if self.void is None else covered | self.void


def gather(targets: Sequence[FrameTarget], *, batch: int, size: tuple[int, int], device: torch.device) -> Objects:
    """The objects of the frames without those whose masks are empty.

    Raises:
        ValueError: The targets are not one per image or not of the images' size.
    """
    if len(targets) != batch:
        raise ValueError(f"targets must be one for each of {batch} images, got {len(targets)}")
    if any(target.size != size for target in targets):
        raise ValueError(f"targets must have the images' size {size}, got {sorted({one.size for one in targets})}")
    masks = torch.cat([target.masks for target in targets]).to(device)
    labels = torch.cat([target.labels for target in targets]).to(device)
    counts = torch.tensor([len(target.labels) for target in targets], device=device)
    images = torch.arange(batch, device=device).repeat_interleave(counts)
    there, boxes = _boxes(masks)
    if not there.all():
        masks, labels, images = masks[there], labels[there], images[there]
    return Objects(masks, boxes, labels, images, _void(targets, size, device), batch)


def image_means(values: torch.Tensor, images: torch.Tensor, weights: torch.Tensor, batch: int) -> torch.Tensor:
    """Weighted means of values (N,) over the N entries of each image: (B,), 0 where there is no weight."""
    zeros = values.new_zeros(batch)
    sums = zeros.index_add(0, images, values * weights)
    shares = zeros.index_add(0, images, weights.to(values))
    return torch.where(shares > 0, sums / shares.clamp(min=torch.finfo(values.dtype).tiny), sums)


def _void(targets: Sequence[FrameTarget], size: tuple[int, int], device: torch.device) -> torch.Tensor | None:
    if all(target.void is None for target in targets):
        return None
    nothing = torch.zeros(size, dtype=torch.bool)
    return torch.stack([(nothing if one.void is None else one.void).to(device) for one in targets])


def _boxes(masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which of the masks (N, H, W) are not empty, bool (N,), and the boxes of these, float32.

    From the masks' projections on the axes: a sixth of the time of boxes from the masks.
    """
    columns, rows = (masks.view(torch.uint8).amax(axis).bool() for axis in (-2, -1))
    there = columns.any(-1)
    if not there.any():
        return there, masks.new_zeros(0, 4, dtype=torch.float32)
    across, down = mask_tools.boxes(columns[there, None, :]), mask_tools.boxes(rows[there, :, None])
    return there, torch.stack([across[:, 0], down[:, 1], across[:, 2], down[:, 3]], dim=-1).float()
