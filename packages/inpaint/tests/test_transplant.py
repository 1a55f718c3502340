"""Masked things laid over the frames once more: same shape, same motion, on known pixels."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.running.transplant import transplanted

SIZE, COUNT = (64, 96), 12


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE, 3), dtype=np.uint8)


def walking(step: int) -> np.ndarray:
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 20:36, 30 + step * t : 46 + step * t] = True
    return masks


def trembling() -> np.ndarray:
    """A thing that stays, by and large."""
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 20:36, 30 + t % 3 : 46 + t % 3] = True
    return masks


def shift_of(masks: np.ndarray, where: np.ndarray) -> tuple[int, int]:
    """The only shift, to the left or right and up or down, that explains where all things lie."""
    shifts = [(down, right) for down in range(-24, 25) for right in range(-24, 25)]
    (found,) = [s for s in shifts if np.array_equal(np.roll(masks, s, (1, 2)) & ~masks, where)]
    return found


@pytest.mark.parametrize(("step", "later"), [(2, 3), (1, 6)])
def test_things_that_get_about_are_laid_where_they_were(step: int, later: int) -> None:
    """A quarter of the time before, or half of it if that is not far enough."""
    frames, masks = noise(), walking(step)
    (tried,) = transplanted(frames, masks)
    assert tried.in_time
    np.testing.assert_array_equal(tried.where, np.roll(masks, later, axis=0) & ~masks)
    moved = np.roll(frames, later, axis=0)
    np.testing.assert_array_equal(tried.frames, np.where(tried.where[..., None], moved, frames))


def test_things_that_stay_are_laid_on_two_sides_with_their_shape_motion_and_looks() -> None:
    frames, masks = noise(), trembling()
    laid = transplanted(frames, masks)
    shifts = [shift_of(masks, one.where) for one in laid]
    (down, right), (other_down, other_right) = shifts
    assert down * other_down + right * other_right <= 0
    for one, shift in zip(laid, shifts, strict=True):
        assert not one.in_time
        assert np.hypot(*shift) <= 24
        assert not (one.where & masks).any()
        assert one.where.sum() >= 0.8 * masks.sum()
        moved = np.roll(frames, shift, (1, 2))
        np.testing.assert_array_equal(one.frames, np.where(one.where[..., None], moved, frames))


def test_where_little_is_known_it_is_as_much_as_can_be_had() -> None:
    masks = np.ones((COUNT, *SIZE), bool)
    masks[:, :, :20] = False
    first, second = transplanted(noise(), masks)
    assert 0.8 * 20 / 96 <= first.where.mean() <= 20 / 96
    assert second.where.mean() <= 20 / 96


def test_nothing_masked_or_nothing_known_gives_nothing() -> None:
    frames = noise()
    for masks in (np.zeros((COUNT, *SIZE), bool), np.ones((COUNT, *SIZE), bool)):
        for one in transplanted(frames, masks):
            assert not one.where.any()
            np.testing.assert_array_equal(one.frames, frames)


def test_frames_of_a_few_pixels() -> None:
    for height, width in ((1, 1), (2, 3), (5, 9), (7, 16)):
        masks = np.zeros((1, height, width), bool)
        masks[0, 0, 0] = True
        frames = np.zeros((1, height, width, 3), np.uint8)
        assert all(one.where.sum() <= 1 for one in transplanted(frames, masks))
