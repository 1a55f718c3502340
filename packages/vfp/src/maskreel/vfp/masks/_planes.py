"""Label maps as planes: one per object, coverage of cells instead of class ids of pixels."""

from __future__ import annotations

import torch

from maskreel.vfp.timeline import CLASSES

__all__ = ["classes_in", "coverage", "shape_of"]

SHAPES = 3


def classes_in(labels: torch.Tensor, *, limit: int = 12, least: int = 1) -> torch.Tensor:
    """The objects of every clip: int64 (B, K) class ids, rising, then 0 where a clip has fewer than the fullest one.

    Args:
        labels: uint8 (B, T, H, W) label maps; ids above 48, such as 255 for void, are no objects.
        limit: Of more than so many objects, those that cover most pixels count (errors of a segmenter can be many).
        least: Objects that cover fewer pixels in the whole clip do not count.
    """
    if labels.ndim != 4 or labels.dtype != torch.uint8:
        raise ValueError(f"labels must be uint8 (B, T, H, W), got {labels.dtype} {tuple(labels.shape)}")
    batch = len(labels)
    clip = 256 * torch.arange(batch, device=labels.device)
    pixels = (labels.flatten(1) + clip[:, None]).flatten().bincount(minlength=256 * batch).view(batch, 256)
    pixels[:, 0] = pixels[:, CLASSES:] = 0
    most, ids = pixels.sort(dim=1, descending=True, stable=True)
    kept = most[:, :limit] >= least
    count = int(kept.sum(1).max())
    order = torch.where(kept, ids[:, :limit], 256).sort(dim=1).values[:, :count]
    return torch.where(order == 256, 0, order)


def coverage(labels: torch.Tensor, classes: torch.Tensor, *, cell: int) -> torch.Tensor:
    """Share of every cell of `cell` x `cell` pixels that each class covers: float32 (B, T, K, H / cell, W / cell).

    Args:
        labels: uint8 (B, T, H, W).
        classes: int64 (B, K) as `classes_in` gives; places with 0 are empty.
        cell: Side of a cell in pixels.

    Raises:
        ValueError: Height or width is no multiple of `cell`.
    """
    height, width = labels.shape[-2:]
    if height % cell or width % cell:
        raise ValueError(f"labels must have a height and width that are multiples of {cell}, got {height}x{width}")
    batch, frames = labels.shape[:2]
    count, rows, columns = classes.shape[1], height // cell, width // cell
    plane = count + classes.new_zeros(batch, 256)  # of every class id; those that are not asked for share the last one
    plane = plane.scatter(1, classes, torch.arange(count, device=classes.device).expand(batch, -1))
    plane[:, 0] = count
    of_pixel = plane.gather(1, labels.flatten(1).long()).view(batch, frames, rows, cell, columns, cell)
    row = torch.arange(rows, device=labels.device)[:, None, None, None]
    place = (row * columns + torch.arange(columns, device=labels.device)[:, None]).expand(rows, cell, columns, cell)
    image = torch.arange(batch * frames, device=labels.device).view(batch, frames, 1, 1, 1, 1) * (count + 1)
    cells = (image + of_pixel) * (rows * columns) + place
    pixels = cells.flatten().bincount(minlength=batch * frames * (count + 1) * rows * columns)
    return pixels.view(batch, frames, count + 1, rows, columns)[:, :, :count].float() / cell**2


def shape_of(classes: torch.Tensor) -> torch.Tensor:
    """Whether class ids from 1 to 48 are of cubes (0), spheres (1) or cylinders (2); see `ObjectClass.number`."""
    return (classes - 1).clamp(min=0, max=47) // 16
