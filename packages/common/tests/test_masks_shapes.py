"""Polygons and COCO run lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common import masks

if TYPE_CHECKING:
    from collections.abc import Iterator


def coco() -> Any:
    return pytest.importorskip("pycocotools.mask")


def inside(x: float, y: float, corners: np.ndarray) -> bool:
    """Even-odd: count the edges that a ray to the right of the point crosses."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossings += 1
    return crossings % 2 == 1


def test_corners_of_a_half_open_box_give_its_pixels() -> None:
    points = torch.tensor([[2.0, 1.0], [6.0, 1.0], [6.0, 4.0], [2.0, 4.0]])
    mask = masks.rasterise_polygon(points, (8, 9))
    assert masks.boxes(mask).tolist() == [2, 1, 6, 4]
    assert mask.sum() == 12


def test_triangle_by_hand() -> None:
    points = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    # Centres with x + y < 4; those on the hypotenuse are on a right or lower side.
    assert masks.rasterise_polygon(points, (4, 4)).int().tolist() == [
        [1, 1, 1, 0],
        [1, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_ray_casting(seed: int) -> None:
    corners = np.random.default_rng(seed).uniform(-10, 40, (7, 2))  # crosses itself and leaves the picture
    expected = [[inside(x + 0.5, y + 0.5, corners) for x in range(30)] for y in range(20)]
    mask = masks.rasterise_polygon(corners, (20, 30))
    assert mask.tolist() == expected
    assert mask.any()


def test_neighbours_share_no_pixel_and_leave_none_out() -> None:
    a, b, c, d = (0.5, 0.5), (9.5, 1.5), (8.5, 9.5), (1.5, 8.5)
    first = masks.rasterise_polygon(np.array([a, b, c]), (12, 12))
    second = masks.rasterise_polygon(np.array([a, c, d]), (12, 12))
    both = masks.rasterise_polygon(np.array([a, b, c, d]), (12, 12))
    assert not (first & second).any()
    assert torch.equal(first | second, both)


def test_self_crossing_outline_is_even_odd() -> None:
    square = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    inner = [(3, 3), (7, 3), (7, 7), (3, 7), (3, 3)]
    mask = masks.rasterise_polygon(np.array(square + inner, float), (10, 10))
    assert mask.sum() == 100 - 16
    assert not mask[3:7, 3:7].any()


def test_polygon_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"points must have shape \(K, 2\) with K of 3 or more, got \(2, 2\)"):
        masks.rasterise_polygon(np.zeros((2, 2)), (4, 4))
    with pytest.raises(ValueError, match="points must be finite numbers"):
        masks.rasterise_polygon(np.full((3, 2), np.nan), (4, 4))
    with pytest.raises(ValueError, match=r"size must be \(height, width\) with both above 0, got \(0, 4\)"):
        masks.rasterise_polygon(np.zeros((3, 2)), (0, 4))


def sample_masks() -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    yield torch.zeros(5, 7, dtype=torch.bool)
    yield torch.ones(5, 7, dtype=torch.bool)
    yield torch.ones(1, 1, dtype=torch.bool)
    for density in (0.01, 0.3, 0.5, 0.99):
        yield torch.rand(40, 61, generator=generator) < density
    # Long runs and large differences, of both signs, take several characters.
    blob = torch.zeros(480, 854, dtype=torch.bool)
    blob[100:300, 200:500] = True
    blob[150:160, 480:] = True
    yield blob
    blob = torch.zeros(3000, 2000, dtype=torch.bool)
    blob[17, 1999] = blob[5, 0] = True
    yield blob


def test_rle_strings_are_those_of_pycocotools() -> None:
    for mask in sample_masks():
        theirs = coco().encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
        ours = masks.encode_rle(mask)
        assert ours == {"size": theirs["size"], "counts": theirs["counts"].decode()}
        assert torch.equal(masks.decode_rle(theirs), mask)  # counts as bytes


def test_rle_round_trip() -> None:
    for mask in sample_masks():
        assert torch.equal(masks.decode_rle(masks.encode_rle(mask)), mask)


def test_uncompressed_rle_by_hand() -> None:
    # Column by column: one background pixel, three object pixels, two background pixels.
    rle = {"size": [2, 3], "counts": [1, 3, 2]}
    assert masks.decode_rle(rle).int().tolist() == [[0, 1, 0], [1, 1, 0]]
    assert masks.encode_rle(masks.decode_rle(rle)) == {"size": [2, 3], "counts": "132"}
    assert masks.decode_rle({"size": [1, 2], "counts": [0, 2]}).all()


def test_bad_rle_is_refused() -> None:
    with pytest.raises(ValueError, match="add up to 2 x 3 pixels, got 5"):
        masks.decode_rle({"size": [2, 3], "counts": [1, 4]})
    with pytest.raises(ValueError, match="counts must be run lengths"):
        masks.decode_rle({"size": [2, 3], "counts": [7, -1]})
    with pytest.raises(ValueError, match="counts must be a string, bytes or a list of whole numbers, got None"):
        masks.decode_rle({"size": [2, 3]})
    with pytest.raises(ValueError, match="counts must be a string, bytes or a list of whole numbers"):
        masks.decode_rle({"size": [2, 3], "counts": [1.5, 4.5]})
    with pytest.raises(ValueError, match="counts holds ' '"):
        masks.decode_rle({"size": [2, 3], "counts": "1 2"})
    with pytest.raises(ValueError, match="counts ends in the middle of a number"):
        masks.decode_rle({"size": [2, 3], "counts": "13R"})
    with pytest.raises(ValueError, match=r"size must be \[height, width\], got \[2\]"):
        masks.decode_rle({"size": [2], "counts": "6"})
    with pytest.raises(ValueError, match=r"mask must have shape \(H, W\), got \(1, 2, 3\)"):
        masks.encode_rle(torch.ones(1, 2, 3, dtype=torch.bool))
