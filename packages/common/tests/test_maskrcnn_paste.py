"""Mask predictions put back into the image, against what RoIAlign cuts out."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection.roi_heads import project_masks_on_boxes
from torchvision.ops import roi_align

from maskreel.common.maskrcnn._paste import paste_masks
from maskreel.common.masks import boxes


def blobs(count: int) -> torch.Tensor:
    """Ellipses of 12 to 30 pixels, bool (N, 60, 80)."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    centre = 18 + torch.rand(count, 2, generator=generator) * torch.tensor([24.0, 44.0])
    radius = 6 + torch.rand(count, 2, generator=generator) * 9
    inside = ((y - centre[:, 0, None, None]) / radius[:, 0, None, None]) ** 2
    return inside + ((x - centre[:, 1, None, None]) / radius[:, 1, None, None]) ** 2 < 1


def iou(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one & other).sum((1, 2)) / (one | other).sum((1, 2))


def test_it_undoes_the_targets_of_torchvision() -> None:
    masks = blobs(20)
    tight = boxes(masks).float()
    targets = project_masks_on_boxes(masks.float(), tight, torch.arange(20), 28)
    right = iou(paste_masks(targets, tight, (60, 80), centre=(0, 0)), masks)
    wrong = iou(paste_masks(targets, tight, (60, 80), centre=(0.5, 0.5)), masks)
    assert right.min() > 0.97
    assert wrong.mean() < right.mean() - 0.02


def test_it_undoes_the_targets_of_detectron2() -> None:
    masks = blobs(20)
    tight = boxes(masks).float()
    rois = torch.cat([torch.arange(20.0)[:, None], tight], dim=1)
    targets = roi_align(masks[:, None].float(), rois, (28, 28), 1.0, 0, True)[:, 0] >= 0.5
    assert iou(paste_masks(targets.float(), tight, (60, 80), centre=(0.5, 0.5)), masks).min() > 0.93


def test_a_full_box_fills_exactly_the_pixels_whose_centres_it_holds() -> None:
    box = torch.tensor([[2.0, 1.4, 5.0, 3.6]])  # rows 1 (centre 1.5) to 3 (centre 3.5), columns 2 to 4
    for centre in (0.0, 0.5):
        pasted = paste_masks(torch.ones(1, 4, 4), box, (6, 8), centre=(centre, centre))
        expected = torch.zeros(1, 6, 8, dtype=torch.bool)
        expected[0, 1:4, 2:5] = True
        assert torch.equal(pasted, expected)


def test_no_masks_and_many_masks() -> None:
    assert paste_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), (5, 6), centre=(0, 0)).shape == (0, 5, 6)
    many = torch.tensor([[float(x), 0.0, x + 1.0, 1.0] for x in range(40)])
    pasted = paste_masks(torch.ones(40, 4, 4), many, (1, 40), centre=(0.5, 0.5))
    assert torch.equal(pasted[:, 0], torch.eye(40).bool())


@pytest.mark.parametrize(("threshold", "filled"), [(0.3, True), (0.6, False)])
def test_the_threshold_counts(threshold: float, filled: bool) -> None:
    pasted = paste_masks(
        torch.full((1, 4, 4), 0.5), torch.tensor([[0.0, 0, 4, 4]]), (4, 4), centre=(0, 0), threshold=threshold
    )
    assert bool(pasted.all()) is filled
    assert bool(pasted.any()) is filled
