"""Push-pull filling: holes get the colours around them, smoothly (Gortler et al., The Lumigraph, 1996, section 3.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.model import SWAP_THRESHOLD
from maskreel.common.masks import boxes, dilate

__all__ = ["filled", "push_pull"]

_GREY = 0.5


def filled(frames: Tensor, holes: Tensor, *, grow: float | None = None) -> Tensor:
    """The frames without what `holes` mark: the plate that needs no network.

    Args:
        frames: uint8 (N, 3, H, W).
        holes: float (N or 1, 1, H, W) in [0, 1]; what is above 60/255 has to go.
        grow: pixels by which holes are widened first; by default 1 % of the longer side and one more, because masks
            are coarser than frames and edges of things mix with what is behind.

    Returns:
        uint8 (N, 3, H, W), bit for bit the frames outside the widened holes.
    """
    if frames.dtype != torch.uint8 or frames.dim() != 4 or frames.shape[1] != 3:
        raise ValueError(f"frames must be uint8 (N, 3, H, W), got {frames.dtype} {tuple(frames.shape)}")
    count, _, *size = frames.shape
    if holes.dim() != 4 or holes.shape[0] not in (1, count) or list(holes.shape[1:]) != [1, *size]:
        raise ValueError(f"holes must have the shape ({count} or 1, 1, {size[0]}, {size[1]}), got {tuple(holes.shape)}")
    reach = 0.01 * max(size) + 1 if grow is None else grow
    wide = dilate(holes.to(frames.device) > SWAP_THRESHOLD, reach)[:, 0].expand(count, -1, -1)
    result = frames.clone()
    for number in wide.any(-1).any(-1).nonzero()[:, 0].tolist():
        rows, columns = _around(wide[number])
        part, hole = result[number, :, rows, columns], wide[number, rows, columns]
        smooth = push_pull(part[None].float() / 255, (~hole).float()[None, None])[0]
        part.copy_(torch.where(hole, (smooth * 255).round_().clamp_(0, 255).to(torch.uint8), part))
    return result


def _around(hole: Tensor) -> tuple[slice, slice]:
    """Rows and columns of a hole (H, W) and of a margin as wide as a quarter of it: colours further off say nothing."""
    x0, y0, x1, y1 = boxes(hole).tolist()
    margin = 8 + max(x1 - x0, y1 - y0) // 4
    return slice(max(y0 - margin, 0), y1 + margin), slice(max(x0 - margin, 0), x1 + margin)


def push_pull(pictures: Tensor, known: Tensor) -> Tensor:
    """Pictures whose unknown parts are made from what is known around them, coarser the further away it is.

    Args:
        pictures: float (N, C, H, W).
        known: float (N, 1, H, W): weights of the pixels, from 0 (to be made up) to 1 (stays as it is).

    Returns:
        float (N, C, H, W); grey where nothing is known at all.
    """
    if max(pictures.shape[-2:]) == 1:
        return torch.where(known > 0, pictures, torch.full_like(pictures, _GREY))
    weight = _halved(known)
    mean = _halved(pictures * known) / weight.clamp(min=1e-8)
    coarse = push_pull(mean, (weight * 4).clamp(max=1))
    smooth = F.interpolate(coarse, pictures.shape[-2:], mode="bilinear", align_corners=False)
    return known * pictures + (1 - known) * smooth


def _halved(pictures: Tensor) -> Tensor:
    """Half as high and wide, rounded up, through the filter 1 3 3 1; beyond the border there is nothing."""
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures, (1, 1 + width % 2, 1, 1 + height % 2))
    return _every_second(_every_second(padded).transpose(-1, -2)).transpose(-1, -2)


def _every_second(rows: Tensor) -> Tensor:
    count = rows.shape[-1] // 2 - 1
    first, second, third, fourth = (rows[..., tap : tap + 2 * count - 1 : 2] for tap in range(4))
    return (first + 3 * (second + third) + fourth) / 8
