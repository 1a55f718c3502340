"""Where the mask head looks: the boxes of objects and, past its resolution, overlapping parts of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from maskreel.common.maskrcnn import paste_probabilities

OVERLAP = 0.25
"""Share of a part that it has in common with the next."""


@dataclass(frozen=True)
class Regions:
    """R boxes in which the mask head is asked, object after object."""

    boxes: torch.Tensor
    """float32 (R, 4)."""
    objects: torch.Tensor
    """int64 (R,): the object that each belongs to, ascending."""
    weights: torch.Tensor
    """float32 (R,): what each counts; 1 for every object together."""

    def first(self) -> Regions:
        """Only one of them."""
        return Regions(self.boxes[:1], self.objects[:1], self.weights[:1])


def whole(boxes: torch.Tensor) -> Regions:
    """The boxes (N, 4) themselves."""
    return Regions(boxes, torch.arange(len(boxes), device=boxes.device), boxes.new_ones(len(boxes)))


def parts(boxes: torch.Tensor, tiles: int, *, side: int, coarse: bool) -> Regions:
    """The boxes and `tiles` x `tiles` overlapping parts of those that are longer than `side` pixels.

    An object that is cut counts half by its whole box and half by its parts, or by its parts alone without `coarse`;
    one that is not counts by its whole box.
    """
    large = (boxes[:, 2:] - boxes[:, :2]).amax(1) > side
    both = whole(boxes)
    weights = torch.where(large, 0.5 if coarse else 0.0, both.weights)
    kept = weights > 0
    cut = _cut(boxes[large], tiles)
    owners = both.objects[large].repeat_interleave(tiles**2)
    share = boxes.new_full((len(cut),), (0.5 if coarse else 1.0) / tiles**2)
    objects, order = torch.cat([both.objects[kept], owners]).sort(stable=True)
    return Regions(torch.cat([boxes[kept], cut])[order], objects, torch.cat([weights[kept], share])[order])


def stitch(
    probabilities: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int], *, centre: tuple[float, float]
) -> torch.Tensor:
    """One object from its parts (K, M, M): float (H, W), a part counts more the nearer its middle."""
    side = probabilities.shape[-1]
    steps = (torch.arange(side, dtype=boxes.dtype, device=boxes.device) + 0.5) / side
    ramp = 1 - (2 * steps - 1).abs()
    tent = (ramp[:, None] * ramp).expand_as(probabilities)
    pasted = paste_probabilities(torch.cat([probabilities, tent]), boxes.repeat(2, 1), size, centre=centre)
    values, weights = pasted.chunk(2)
    return (values * weights).sum(0) / weights.sum(0).clamp(min=torch.finfo(weights.dtype).tiny)


def _cut(boxes: torch.Tensor, tiles: int) -> torch.Tensor:
    """(N, 4) to (N * tiles * tiles, 4), row by row."""
    share = 1 / (1 + (tiles - 1) * (1 - OVERLAP))
    starts = torch.arange(tiles, dtype=boxes.dtype, device=boxes.device) * share * (1 - OVERLAP)
    y, x = torch.meshgrid(starts, starts, indexing="ij")
    relative = torch.stack([x, y, x + share, y + share], dim=-1).reshape(1, -1, 4)
    corner, extent = boxes[:, None, :2].repeat(1, 1, 2), (boxes[:, 2:] - boxes[:, :2])[:, None].repeat(1, 1, 2)
    return (corner + relative * extent).reshape(-1, 4)
