"""Holes, small regions and boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import measure

from maskreel.common import masks


def draw(*rows: str) -> torch.Tensor:
    return torch.tensor([[character == "#" for character in row] for row in rows])


def test_fill_holes_by_hand() -> None:
    mask = draw(
        ".......",
        ".###..#",
        "#...#.#",
        ".###..#",
        "....##.",
    )
    # The hole is closed by corners on the left and right; the bay on the right is open.
    expected = draw(
        ".......",
        ".###..#",
        "#####.#",
        ".###..#",
        "....##.",
    )
    assert torch.equal(masks.fill_holes(mask), expected)


def test_fill_holes_at_the_edge_is_open() -> None:
    bay = draw("#.#", "###")
    assert torch.equal(masks.fill_holes(bay), bay)
    assert masks.fill_holes(draw("###", "#.#", "###")).all()


def test_fill_holes_agrees_with_component_labelling() -> None:
    batch = torch.rand(6, 25, 33, generator=torch.Generator().manual_seed(0)) < 0.6
    for mask, filled in zip(batch.numpy(), masks.fill_holes(batch).numpy(), strict=True):
        background = np.asarray(measure.label(np.pad(~mask, 1, constant_values=True), connectivity=1))
        outside = (background == background[0, 0])[1:-1, 1:-1]
        assert np.array_equal(filled, ~outside)
    assert (masks.fill_holes(batch) != batch).any()


def test_remove_small_keeps_regions_of_min_area() -> None:
    mask = draw(
        "##...#",
        "..#..#",
        ".....#",
        "#.....",
    )
    # Areas, over corners: 3, 3, 1.
    assert torch.equal(masks.remove_small(mask, 3), draw("##...#", "..#..#", ".....#", "......"))
    assert not masks.remove_small(mask, 4).any()
    assert torch.equal(masks.remove_small(mask, 0), mask)


def test_remove_small_agrees_with_component_labelling() -> None:
    batch = torch.rand(4, 30, 30, generator=torch.Generator().manual_seed(1)) < 0.35
    for mask, kept in zip(batch.numpy(), masks.remove_small(batch, 9).numpy(), strict=True):
        regions = np.asarray(measure.label(mask, connectivity=2))
        areas = np.bincount(regions.ravel())
        assert np.array_equal(kept, mask & (areas[regions] >= 9))
    assert masks.remove_small(batch, 9).any()


def test_remove_small_checks_the_area() -> None:
    with pytest.raises(ValueError, match="min_area must be 0 or more pixels, got -1"):
        masks.remove_small(draw("#"), -1)


def test_boxes_are_tight_and_half_open() -> None:
    mask = torch.zeros(3, 10, 20, dtype=torch.bool)
    mask[0, 2:5, 7:11] = True
    mask[1] = True
    mask[2, 9, 0] = mask[2, 4, 19] = True
    found = masks.boxes(mask)
    assert found.dtype == torch.int64
    assert found.tolist() == [[7, 2, 11, 5], [0, 0, 20, 10], [0, 4, 20, 10]]
    x0, y0, x1, y1 = found[0].tolist()
    assert mask[0, y0:y1, x0:x1].all()
    assert mask[0].sum() == (x1 - x0) * (y1 - y0)


def test_boxes_keep_leading_dimensions() -> None:
    mask = torch.zeros(2, 3, 4, 5, dtype=torch.bool)
    mask[..., 1, 2] = True
    assert masks.boxes(mask).shape == (2, 3, 4)
    assert masks.boxes(mask[0, 0]).tolist() == [2, 1, 3, 2]
    assert masks.boxes(mask[:, :0]).shape == (2, 0, 4)


def test_boxes_refuse_an_empty_mask() -> None:
    mask = torch.ones(2, 3, 4, 5, dtype=torch.bool)
    mask[1, 2] = False
    with pytest.raises(ValueError, match=r"masks\[1, 2\] is empty and has no box"):
        masks.boxes(mask)
    with pytest.raises(ValueError, match="masks is empty and has no box"):
        masks.boxes(mask[1, 2])
