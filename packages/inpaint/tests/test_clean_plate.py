"""The clean plate: each place as it is first uncovered, if possible without what moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.scene.canvas import Laid
from maskreel.inpaint.scene.clean_plate import CleanPlate

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.inpaint.painting.hole_fill import FillMethod


def laid(levels: list[int], known: np.ndarray) -> Laid:
    """Frames of one grey level each."""
    frames = np.stack([np.full((*known.shape[1:], 3), level, np.uint8) for level in levels])
    return Laid(frames, known, ~known)


def known_columns(*stops: int) -> np.ndarray:
    """bool (T, 20, 24): each frame is known up to a column."""
    return np.stack([np.broadcast_to(np.arange(24) < stop, (20, 24)) for stop in stops])


def columns(start: int, stop: int) -> np.ndarray:
    """bool (20, 24)."""
    return np.broadcast_to((np.arange(24) >= start) & (np.arange(24) < stop), (20, 24))


def test_a_place_has_the_colour_of_its_first_uncovered_frame() -> None:
    plate = CleanPlate((20, 24))
    plate.add(laid([10, 20], known_columns(4, 8)))
    plate.add(laid([30, 40], known_columns(6, 12)))
    assert plate.chunks == 2
    assert plate.colour[0, :12, 0].tolist() == [10] * 4 + [20] * 4 + [40] * 4
    assert plate.seen.any(axis=0).tolist() == [True] * 12 + [False] * 12


def test_a_place_that_stands_still_later_has_that_colour_and_else_its_first() -> None:
    plate = CleanPlate((20, 24))
    moving = np.stack([columns(4, 20), columns(8, 24)])
    plate.add(laid([10, 20], known_columns(16, 24)), moving)
    assert plate.colour[0, :, 0].tolist() == [10] * 4 + [20] * 4 + [10] * 8 + [20] * 8
    assert plate.calm[0].tolist() == [True] * 8 + [False] * 16
    plate.add(laid([30], known_columns(12)), columns(6, 7)[None])
    assert plate.colour[0, :, 0].tolist() == [10] * 4 + [20] * 4 + [30] * 4 + [10] * 4 + [20] * 8
    assert plate.seen.all()


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("passing", [False, True])
def test_a_plate_does_not_depend_on_how_frames_are_chunked(*, passing: bool, joined: bool) -> None:
    rng = np.random.default_rng(0)
    whole = Laid(rng.integers(0, 256, (9, 20, 24, 3)).astype(np.uint8), rng.random((9, 20, 24)) < 0.2, np.zeros(0))
    moving = rng.random((9, 20, 24)) < 0.6 if passing else None
    once, pieces = CleanPlate((20, 24)), CleanPlate((20, 24))
    once.add(whole, moving)
    for part in (slice(0, 1), slice(1, 6), slice(6, 9)):
        piece = CleanPlate((20, 24)) if joined else pieces
        inner = Laid(whole.frames[part], whole.known[part], whole.wanted)
        piece.add(inner, None if moving is None else moving[part])
        if joined:
            pieces.extend(piece)
    for name in ("colour", "seen", "calm"):
        assert np.array_equal(getattr(once, name), getattr(pieces, name))
    assert 0 < once.calm.mean() <= once.seen.mean() < 1
    assert (once.calm.mean() < once.seen.mean()) == passing


@pytest.mark.parametrize("method", ["telea", "ns"])
def test_what_is_never_seen_is_painted_from_around_it(method: FillMethod) -> None:
    plate = CleanPlate((20, 24))
    known = np.ones((1, 20, 24), bool)
    known[0, 8:12, 10:14] = False
    plate.add(laid([90], known))
    painted = plate.completed(ClassicalInpainter(method))
    assert np.abs(painted.astype(int) - 90).max() <= 3
    assert not plate.colour[9, 11].any(), "the plate itself is left as it is"


def test_a_plate_that_was_seen_everywhere_or_nowhere_is_not_painted() -> None:
    plate = CleanPlate((20, 24))
    assert not plate.completed(ClassicalInpainter("telea")).any()
    plate.add(laid([70], known_columns(24)))
    assert (plate.completed(ClassicalInpainter("telea")) == 70).all()


def test_saving_and_loading_gives_the_same_plate(tmp_path: Path) -> None:
    plate = CleanPlate((20, 24))
    plate.add(laid([10, 20], known_columns(4, 8)), np.stack([columns(2, 3)] * 2))
    plate.save(tmp_path / "plate.npz")
    loaded = CleanPlate.load(tmp_path / "plate.npz")
    assert np.array_equal(loaded.colour, plate.colour)
    assert np.array_equal(loaded.seen, plate.seen)
    assert np.array_equal(loaded.calm, plate.calm)
    assert loaded.chunks == 1
