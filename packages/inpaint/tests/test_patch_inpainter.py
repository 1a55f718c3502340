from __future__ import annotations

import itertools

import numpy as np
import pytest

from maskreel.inpaint.painting import patch_inpainter
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.painting.patch_inpainter import PatchInpainter, _Level

FIRST = ClassicalInpainter("ns")


def checked(size: tuple[int, int] = (96, 128), side: int = 8) -> np.ndarray:
    """Squares of two colours."""
    y, x = np.indices(size) // side
    return np.array([(20, 160, 230), (200, 40, 90)], np.uint8)[(y + x) % 2]


def board(size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A wall, a ledge that runs all along it, and a floor."""
    picture = np.full((*size, 3), (120, 160, 90), np.uint8)
    picture[70:76] = (250, 250, 240)
    picture[76:] = (150, 80, 40)
    return picture


def hole(size: tuple[int, int], box: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(size, np.bool_)
    mask[box] = True
    return mask


def painted(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What stands in the hole is hidden."""
    return PatchInpainter(FIRST)(np.where(mask[..., None], np.uint8(0), picture), mask)


def error(picture: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    return float(np.abs(picture.astype(int) - truth)[mask].mean())


@pytest.mark.parametrize("truth", [checked(), board()], ids=["squares", "ledge"])
def test_what_repeats_is_carried_on(truth: np.ndarray) -> None:
    mask = hole(truth.shape[:2], np.s_[30:90, 50:80])
    result = painted(truth, mask)
    assert np.array_equal(result[~mask], truth[~mask])
    assert error(result, truth, mask) < 2
    assert error(FIRST(truth, mask), truth, mask) > 10


@pytest.mark.parametrize(
    "box", [np.s_[0:40, 0:50], np.s_[60:96, 90:128], np.s_[0:96, 50:70]], ids=["corner", "other corner", "across"]
)
def test_holes_at_the_edge_of_the_picture(box: tuple[slice, slice]) -> None:
    mask = hole((96, 128), box)
    assert error(painted(checked(), mask), checked(), mask) < 2


def test_the_first_painter_has_a_say() -> None:
    """Left and right of the hole are two textures, and no known patch shows where one ends and the other begins."""
    plain, squares = np.full((64, 192, 3), (120, 160, 90), np.uint8), checked((64, 192))
    mask = hole((64, 192), np.s_[:, 64:128])
    known = np.where(np.arange(192)[:, None] < 96, squares, plain)

    def begun_with(first: np.ndarray) -> np.ndarray:
        return PatchInpainter(lambda *_: first)(known, mask)  # pyright: ignore[reportArgumentType]

    assert error(begun_with(plain), plain, mask) < error(begun_with(squares), plain, mask) - 5


def test_the_same_each_time_and_with_other_paint_in_the_hole() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    mask = hole((80, 80), np.s_[20:50, 20:60])
    other = np.where(mask[..., None], np.uint8(255), truth)
    assert np.array_equal(painted(truth, mask), PatchInpainter(FIRST)(other, mask))


def test_nothing_to_paint() -> None:
    assert np.array_equal(painted(board(), hole((120, 160), np.s_[0:0, 0:0])), board())
    with pytest.raises(ValueError, match="mask covers the whole image"):
        painted(board(), np.ones((120, 160), np.bool_))


def test_without_any_patch_that_is_wholly_known_the_first_painting_stays() -> None:
    truth, mask = board((40, 40)), np.ones((40, 40), np.bool_)
    mask[::6] = False
    assert np.array_equal(painted(truth, mask)[mask], FIRST(truth, mask)[mask])


def test_searching_near_what_coarser_sizes_found_is_about_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = hole((120, 160), np.s_[30:90, 50:80])
    monkeypatch.setattr(patch_inpainter, "_MOST_PAIRS", 20_000)
    assert error(painted(board(), mask), board(), mask) < 3


def test_the_nearest_patch_of_all() -> None:
    """Against all distances of whole patches, written out."""
    rng = np.random.default_rng(1)
    level = _Level(rng.uniform(0, 255, (20, 24, 3)).astype(np.float32), hole((20, 24), np.s_[8:11, 10:13]))
    inside = [(y, x) for y, x in itertools.product(range(3, 17), range(3, 21)) if not (4 < y < 14 and 6 < x < 16)]
    assert [tuple(place) for place in level.known] == inside
    assert level.wanted.tolist() == [[y, x] for y in range(5, 14) for x in range(7, 16)]
    level._components = list(np.eye(147, dtype=np.float32).reshape(-1, 7, 7, 3))  # whole patches
    found = level.matched(level._features, None)
    patches = {place: level.picture[place[0] - 3 : place[0] + 4, place[1] - 3 : place[1] + 4] for place in inside}
    for (y, x), place in zip(level.wanted, found, strict=True):
        own = level.picture[y - 3 : y + 4, x - 3 : x + 4]
        assert tuple(place) == min(patches, key=lambda other: float(((patches[other] - own) ** 2).sum()))


def test_features_are_those_of_the_picture_as_it_is() -> None:
    rng = np.random.default_rng(1)
    level = _Level(rng.uniform(0, 255, (30, 34, 3)).astype(np.float32), hole((30, 34), np.s_[12:16, 2:20]))
    before = level.picture.copy()
    level.improve(1, None, held=None)
    assert np.array_equal(level.picture[~level.hole], before[~level.hole])
    assert not np.allclose(level.picture, before)
    np.testing.assert_allclose(level._features_now(), level._projected(level.picture), atol=1e-2)


def test_it_tells_all_that_decides_the_result() -> None:
    assert (
        repr(PatchInpainter(FIRST, max_side=256)) == "PatchInpainter(ClassicalInpainter('ns', radius=5), max_side=256)"
    )
