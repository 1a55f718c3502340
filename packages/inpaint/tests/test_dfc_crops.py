from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.dfc.crops import Cropping


def _blobs(seed: int, size: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hole = np.zeros(size, bool)
    for _ in range(rng.integers(1, 5)):
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        hole[y : y + rng.integers(1, 60), x : x + rng.integers(1, 90)] = True
    return hole


def _context(span: tuple[int, int], length: int, position: np.ndarray) -> np.ndarray:
    """Pixels that a crop shows before or after each position, infinitely many beyond the image."""
    before = np.where(span[0] == 0, np.inf, position - span[0])
    after = np.where(span[1] == length, np.inf, span[1] - 1 - position)
    return np.minimum(before, after)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("context", "tile"), [(0, 32), (9, 56), (24, 128), (40, 400)])
def test_every_pixel_of_a_hole_is_seen_with_its_context(seed: int, context: int, tile: int):
    hole = _blobs(seed, (120, 203))
    total = np.zeros(hole.shape)
    for crop in Cropping(context, tile).crops(hole):
        (top, bottom), (left, right) = crop.rows, crop.columns
        assert top % 8 == 0 <= top < bottom <= 120
        assert left % 8 == 0 <= left < right <= 203
        assert max(bottom - top, right - left) < tile + 8
        assert crop.weight.shape == (bottom - top, right - left)
        rows = _context(crop.rows, 120, np.arange(top, bottom))
        columns = _context(crop.columns, 203, np.arange(left, right))
        lacking = np.minimum(rows[:, None], columns[None]) < context
        assert not (hole[crop.box] & lacking & (crop.weight > 0)).any()
        total[crop.box] += crop.weight
    assert (total[hole] > 0).all()


def test_one_tile_weighs_one_and_neighbours_pass_smoothly():
    hole = np.zeros((64, 400), bool)
    hole[30, 40:350] = True
    (whole,) = Cropping(16, 512).crops(hole)
    assert (whole.weight == 1).all()
    tiles = Cropping(16, 128).crops(hole)
    assert len(tiles) > 2
    total = np.zeros(400)
    for tile in tiles:
        total[slice(*tile.columns)] += tile.weight[10]
    for tile in tiles:
        share = np.zeros(400)
        share[slice(*tile.columns)] = tile.weight[10] / np.maximum(total[slice(*tile.columns)], 1e-9)
        assert np.abs(np.diff(share))[40:349].max() < 0.2


def test_far_holes_get_crops_of_their_own_and_near_ones_share():
    hole = np.zeros((200, 640), bool)
    hole[90:100, 50:60] = hole[90:100, 500:510] = True
    assert len(Cropping(32, 512).crops(hole)) == 2
    hole[90:100, 100:110] = True
    crops = Cropping(32, 512).crops(hole)
    assert len(crops) == 2
    assert sum(crop.weight.size for crop in crops) < 0.3 * hole.size
    assert {side % 32 for crop in crops for side in crop.weight.shape} == {0}


def test_nothing_and_everything():
    nothing, everything = np.zeros((40, 50), bool), np.ones((40, 50), bool)
    assert Cropping().crops(nothing) == []
    assert Cropping(None).crops(nothing) == []
    (crop,) = Cropping().crops(everything)
    assert (crop.rows, crop.columns) == ((0, 40), (0, 50))
    nothing[3, 3] = True
    (crop,) = Cropping(None, 32).crops(nothing)
    assert (crop.rows, crop.columns) == ((0, 40), (0, 50))


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="context must not be negative, got -1"):
        Cropping(-1)
    with pytest.raises(ValueError, match="tile must be 160 or more with a context of 64, got 159"):
        Cropping(64, 159)
