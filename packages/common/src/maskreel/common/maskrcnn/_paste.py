"""Square mask predictions put back into the image."""

from __future__ import annotations

import torch
from torch.nn import functional

CHUNK = 16
"""Masks pasted at a time, to bound the memory."""


def paste_masks(
    probabilities: torch.Tensor,
    boxes: torch.Tensor,
    size: tuple[int, int],
    *,
    centre: tuple[float, float],
    threshold: float = 0.5,
) -> torch.Tensor:
    """Resample masks from their boxes into images, bilinearly, and threshold them: bool (N, H, W).

    Args:
        probabilities: float (N, M, M), what the network says inside each box.
        boxes: float (N, 4): x0, y0, x1, y1 in pixels of the image.
        size: Height and width of the image.
        centre: Where pixel 0 has its centre in the x and y coordinates of the boxes: 0.5 if the network's training
            targets were cut with RoIAlign `aligned=True`, as in detectron2, and 0 with `aligned=False`, as in
            torchvision. The wrong one moves every mask by half a pixel.
        threshold: Probability above which a pixel belongs to the object.
    """
    pasted = [
        paste_probabilities(chunk, box, size, centre=centre) > threshold
        for chunk, box in zip(probabilities.split(CHUNK), boxes.split(CHUNK), strict=True)
        if len(chunk)
    ]
    return torch.cat(pasted) if pasted else torch.zeros(0, *size, dtype=torch.bool, device=boxes.device)


def paste_probabilities(
    probabilities: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int], *, centre: tuple[float, float]
) -> torch.Tensor:
    """The same without the threshold: float (N, H, W), 0 outside the boxes."""
    if not len(boxes):
        return probabilities.new_zeros(0, *size)
    x0, y0, x1, y1 = boxes[:, :, None].unbind(1)
    rows, columns = (torch.arange(side, dtype=boxes.dtype, device=boxes.device) for side in size)
    down = 2 * (rows + centre[1] - y0) / (y1 - y0) - 1
    across = 2 * (columns + centre[0] - x0) / (x1 - x0) - 1
    grid = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), dim=-1)
    # Zeros around the prediction would eat a pixel at the edges of the box, where objects are: hence "border".
    pasted = functional.grid_sample(probabilities[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
    inside_rows, inside_columns = (rows + 0.5 > y0) & (rows + 0.5 < y1), (columns + 0.5 > x0) & (columns + 0.5 < x1)
    return pasted * (inside_rows[:, :, None] & inside_columns[:, None, :])
