"""Paintings that follow what changes around them."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.painting.hole_fill import fill_image
from maskreel.inpaint.painting.repainting import Repainter

SIZE = (60, 80)
NOWHERE = np.zeros(SIZE, bool)


@pytest.fixture(scope="module")
def painted() -> np.ndarray:
    area = np.zeros(SIZE, bool)
    area[20:40, 30:55] = True
    return area


@pytest.fixture(scope="module")
def plate(painted: np.ndarray) -> np.ndarray:
    """Grey, with a texture in the painted part as a network may have put there."""
    image = np.full((*SIZE, 3), 120, np.uint8)
    rng = np.random.default_rng(0)
    image[painted] += rng.integers(0, 20, (int(painted.sum()), 3), dtype=np.uint8)
    return image


def adapted(plate: np.ndarray, painted: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A frame that shows itself wherever nothing is painted."""
    return Repainter(plate, fill_image)(frame, painted, ~painted, NOWHERE)


def test_a_painting_stays_while_its_surroundings_do(plate: np.ndarray, painted: np.ndarray) -> None:
    result = adapted(plate, painted, plate.copy())
    assert np.abs(result.astype(int) - plate).max() <= 1


def test_noise_around_it_moves_it_less_than_painting_anew_would(plate: np.ndarray, painted: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noisy = np.clip(plate + rng.normal(0, 2, (6, *plate.shape)), 0, 255).astype(np.uint8)
    frames = [np.where(painted[..., None], plate, frame) for frame in noisy]
    repainter = Repainter(plate, fill_image)
    ours = np.stack([repainter(frame, painted, ~painted, NOWHERE)[painted] for frame in frames])
    anew = np.stack([fill_image(frame, painted)[painted] for frame in frames])
    assert ours.std(0).mean() < 0.9 * anew.std(0).mean()


def test_a_little_more_light_lifts_it_with_its_texture(plate: np.ndarray, painted: np.ndarray) -> None:
    lighter = np.where(painted[..., None], plate, plate + np.uint8(6))
    result = adapted(plate, painted, lighter)
    assert np.abs(result.astype(int)[painted] - (plate[painted].astype(int) + 6)).max() <= 1
    np.testing.assert_array_equal(result[~painted], lighter[~painted])


def test_next_to_something_else_the_frame_is_painted_anew(plate: np.ndarray, painted: np.ndarray) -> None:
    frame = plate.copy()
    frame[~painted] = (20, 200, 90)
    result = adapted(plate, painted, frame)
    assert np.abs(result.astype(int) - fill_image(frame, painted)).max() <= 4  # it sees a crop only
    np.testing.assert_array_equal(result[~painted], frame[~painted])


def test_the_far_side_of_a_painting_is_not_touched_by_somebody_who_passes(
    plate: np.ndarray, painted: np.ndarray
) -> None:
    frame = plate.copy()
    frame[:, 22:30] = 10
    result = adapted(plate, painted, frame).astype(int)
    assert result[30, 31].max() < 60
    assert np.abs(result[30, 50:55] - plate[30, 50:55]).max() < 12


def test_what_is_not_shown_does_not_count(plate: np.ndarray, painted: np.ndarray) -> None:
    """On the canvas of a moving camera, what lies outside the frame is undefined."""
    frame, known = plate.copy(), ~painted
    frame[:, :28], known[:, :28] = 255, False
    result = Repainter(plate, fill_image)(frame, painted, known, NOWHERE)
    assert np.abs(result.astype(int)[painted] - plate[painted]).max() <= 2
    np.testing.assert_array_equal(Repainter(plate, fill_image)(frame, painted, NOWHERE, NOWHERE), frame)


def test_copies_count_only_far_from_what_the_frame_shows(plate: np.ndarray, painted: np.ndarray) -> None:
    """Somebody who stood beside the painting at another moment is not to be smeared into it."""
    frame, copied = plate.copy(), NOWHERE.copy()
    frame[:, 25:30], copied[:, 25:30] = 10, True
    result = Repainter(plate, fill_image)(frame, painted, ~painted & ~copied, copied)
    assert np.abs(result.astype(int)[painted] - plate[painted]).max() <= 2
    far = Repainter(plate, fill_image)(frame, painted, NOWHERE, ~painted)
    assert far[30, 31].max() < 60


def test_a_painting_beside_copies_stays_as_it_was_painted(painted: np.ndarray) -> None:
    """Though what is asked for its surroundings is then further away, and differs from what lies between."""
    plate = np.zeros((*SIZE, 3), np.uint8)
    plate[:30], plate[30:] = (40, 180, 220), (200, 90, 30)
    copied = NOWHERE.copy()
    copied[14:46, 24:61] = True
    copied &= ~painted
    result = Repainter(plate, fill_image)(plate.copy(), painted, ~painted & ~copied, copied)
    np.testing.assert_array_equal(result, plate)


def test_nothing_painted_is_left_alone(plate: np.ndarray) -> None:
    frame = np.zeros_like(plate)
    assert Repainter(plate, fill_image)(frame, NOWHERE, ~NOWHERE, NOWHERE) is frame
