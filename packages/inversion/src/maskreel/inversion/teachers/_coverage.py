"""How much of a box is covered, and boxes that are free."""

from __future__ import annotations

import torch

SMALLEST, LARGEST = 1 / 16, 1 / 2
"""Sides of random boxes, as shares of the image's shorter side."""
NARROWEST = 1 / 2
"""Least width by height, and height by width."""
TRIES = 16
"""Boxes drawn for each that is wanted."""


def covered(planes: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Pixels of bool planes (B, H, W) in boxes (B, K, 4), int32 (B, K); pixels that a box only cuts belong to it."""
    sums = torch.nn.functional.pad(planes.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32), (1, 0, 1, 0))
    height, width = planes.shape[-2:]
    x0, y0 = boxes[..., 0].floor().long().clamp(0, width), boxes[..., 1].floor().long().clamp(0, height)
    x1, y1 = boxes[..., 2].ceil().long().clamp(0, width), boxes[..., 3].ceil().long().clamp(0, height)
    flat = sums.flatten(1)

    def corner(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return flat.gather(1, y * (width + 1) + x)

    return corner(y1, x1) - corner(y0, x1) - corner(y1, x0) + corner(y0, x0)


def free_boxes(occupied: torch.Tensor, count: int, *, generator: torch.Generator | None) -> list[torch.Tensor]:
    """Random boxes without an occupied pixel: up to `count` per image, float32 (n, 4), inside the image.

    As many numbers are drawn whatever the planes show, so that what comes after is the same.

    Args:
        occupied: bool (B, H, W).
        count: Boxes per image; there are fewer where little is free.
        generator: None: torch's global one.
    """
    batch, height, width = occupied.shape
    device = occupied.device if generator is None else generator.device
    random = torch.rand(batch, count * TRIES, 4, generator=generator, device=device).to(occupied.device)
    side = min(height, width) * SMALLEST * (LARGEST / SMALLEST) ** random[..., 0]
    aspect = NARROWEST ** (2 * random[..., 1] - 1)
    extent = torch.stack([side * aspect.sqrt(), side / aspect.sqrt()], dim=-1).clamp(min=1)
    frame = extent.new_tensor([width, height])
    extent = extent.minimum(frame)
    corner = random[..., 2:] * (frame - extent)
    boxes = torch.cat([corner, corner + extent], dim=-1)
    free = covered(occupied, boxes) == 0
    return [one[which][:count] for one, which in zip(boxes, free, strict=True)]
