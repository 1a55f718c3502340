"""The background of a window: what the plates and the noise level must hold, and what must stay out of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskreel.inpaint.scene.background import Background, analysis_scale, fit_background, shrink

SIZE = (60, 80)
SAMPLES = 64


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 30 / soft.std() + 127, 20, 235).astype(np.uint8)


PERSON = np.random.default_rng(3).integers(0, 256, (40, 16, 3), np.uint8)


def noisy(frames: np.ndarray, sigma: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, frames.shape)
    return np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8)


def fitted(samples: np.ndarray, inside: np.ndarray | None = None, *, frames_per_sample: int = 1) -> Background:
    return fit_background(samples, inside, 0, len(samples) * frames_per_sample, np.eye(3))


def largest_error(plate: np.ndarray, truth: np.ndarray) -> int:
    return int(np.abs(plate.astype(int) - truth).max())


@pytest.fixture(scope="module")
def plate() -> np.ndarray:
    return texture(*SIZE)


def still(plate: np.ndarray) -> np.ndarray:
    return np.repeat(plate[None], SAMPLES, axis=0)


def test_an_empty_scene_is_its_own_background(plate: np.ndarray) -> None:
    background = fitted(still(plate))
    for index in (0, 31, SAMPLES - 1):
        assert all(np.array_equal(found, plate) for found in background.plates(index))
    assert background.seen.all()
    assert not background.noise.any()


def test_a_background_holds_nothing_but_itself(plate: np.ndarray) -> None:
    """A view of one sample would hold them all, and there is a background for every few minutes of a video."""
    for inside in (None, np.ones((SAMPLES, *SIZE), bool)):
        for name, value in vars(fitted(still(plate), inside)).items():
            if isinstance(value, np.ndarray):
                assert value.base is None or value.base.nbytes == value.nbytes, name


def test_somebody_who_passes_is_in_no_plate(plate: np.ndarray) -> None:
    samples = still(plate)
    for t in range(SAMPLES):
        left = t * 90 // SAMPLES - 10
        samples[t, 20:50, max(0, left) : left + 10] = PERSON[:30, max(0, -left) : 10 - max(0, left - 70)]
    background = fitted(samples)
    assert max(largest_error(found, plate) for t in range(SAMPLES) for found in background.plates(t)) == 0


def test_somebody_who_stands_about_for_a_third_of_the_time_is_in_no_plate(plate: np.ndarray) -> None:
    """People who stand still sway by a pixel or so."""
    samples = still(plate)
    sway = np.random.default_rng(2).integers(-2, 3, SAMPLES)
    for t in range(20, 42):
        samples[t, 20:50, 30 + sway[t] : 46 + sway[t]] = PERSON[:30]
    background = fitted(samples)
    assert largest_error(background.dominant, plate) == 0
    places = np.s_[22:48, 34:42]  # always covered while the person stands
    assert (
        max(largest_error(found[places], plate[places]) for t in range(SAMPLES) for found in background.plates(t)) == 0
    )


def test_a_change_that_stays_is_background_before_and_after_it(plate: np.ndarray) -> None:
    """Writing that appears while nobody is near: after it the new look is among the plates, before it the old one."""
    samples, written = still(plate), plate.copy()
    written[10:25, 20:60] = 255 - plate[10:25, 20:60]
    samples[40:] = written
    background = fitted(samples)
    assert min(largest_error(found, plate) for found in background.plates(5)) == 0
    assert min(largest_error(found, written) for found in background.plates(60)) == 0
    assert largest_error(background.dominant, plate) == 0, "40 of 64 samples show the board without writing"


def test_the_next_look_is_offered_before_it_is_uncovered(plate: np.ndarray) -> None:
    """A board that was cleaned behind somebody agrees with `after` as soon as an edge of it shows."""
    samples, clean = still(plate), plate.copy()
    clean[10:50, 30:50] = 128
    samples[36:] = clean
    sway = np.random.default_rng(2).integers(-3, 4, SAMPLES)
    for t in range(28, 44):
        samples[t, 5:55, 25 + sway[t] : 55 + sway[t]] = texture(50, 30, seed=t)
    background = fitted(samples)
    _, before, after = background.plates(34)
    assert largest_error(before[12:48, 32:48], plate[12:48, 32:48]) == 0
    assert largest_error(after[12:48, 32:48], clean[12:48, 32:48]) == 0


@pytest.mark.parametrize("samples", [4, 12, 20, 40])
def test_few_samples_do_not_make_a_plate_of_what_moves(plate: np.ndarray, samples: int) -> None:
    frames = still(plate)[:samples]
    for t in range(samples):
        left = round(t * 68 / (samples - 1))
        frames[t, 20:50, left : left + 12] = PERSON[:30, :12]
    background = fitted(frames)
    assert max(largest_error(found, plate) for t in range(samples) for found in background.plates(t)) == 0


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_the_noise_level_is_that_of_the_sensor(plate: np.ndarray, sigma: float) -> None:
    """The 40th percentile of the largest of three half-normal deviations is 1.12 sigma: (2 Phi(x) - 1)^3 = 0.4."""
    background = fitted(noisy(still(plate), sigma))
    assert float(np.median(background.noise)) == pytest.approx(1.12 * sigma, abs=0.5)


def test_things_that_cover_a_place_for_a_third_of_the_time_add_hardly_any_noise(plate: np.ndarray) -> None:
    samples = noisy(still(plate), 3)
    calm = fitted(samples).noise
    samples[::3, 20:40, 30:50] = 0
    covered = fitted(samples).noise
    assert float(np.median(covered[24:36, 34:46])) < float(np.median(calm)) + 2.5  # the median slips by 0.7 sigma


def test_pixels_outside_the_samples_do_not_count(plate: np.ndarray) -> None:
    samples, inside = noisy(still(plate), 4), np.ones((SAMPLES, *SIZE), bool)
    samples[:40, :, :30], inside[:40, :, :30] = 0, False  # the left is seen in the last 24 samples only
    inside[:, :, 70:] = False  # the right in none
    background = fitted(samples, inside)
    assert background.seen[:, :70].all()
    assert not background.seen[:, 70:].any()
    assert largest_error(background.dominant[:, :70], plate[:, :70]) < 6
    left, middle = (float(np.median(background.noise[:, columns])) for columns in (np.s_[5:25], np.s_[35:65]))
    assert left == pytest.approx(middle, rel=0.25)


def test_a_place_that_is_hardly_seen_is_not_taken_for_calm(plate: np.ndarray) -> None:
    """The rim of a hand-held scene shows in one sample of eight; somebody there once must not become background."""
    samples, inside = still(plate), np.ones((SAMPLES, *SIZE), bool)
    inside[:, :, 60:] = False
    inside[::8, :, 60:] = True
    samples[32, 10:50, 64:80] = 250
    background = fitted(samples, inside)
    assert max(largest_error(found, plate) for t in range(SAMPLES) for found in background.plates(t)) == 0


def test_a_change_is_background_in_a_hand_held_scene_too(plate: np.ndarray) -> None:
    samples, inside = still(plate), np.ones((SAMPLES, *SIZE), bool)
    inside[::2, :, 70:] = False
    samples[40:, 15:40, 20:50] = 255 - plate[15:40, 20:50]
    background = fitted(samples, inside)
    assert min(largest_error(found[15:40, 20:50], samples[60, 15:40, 20:50]) for found in background.plates(60)) == 0


def test_plates_follow_the_frames_and_are_held_beyond_the_window(plate: np.ndarray) -> None:
    samples = still(plate)
    samples[32:] = 255 - plate
    background = fit_background(samples, None, 1000, 1000 + 4 * SAMPLES, np.eye(3))
    first, last = background.plates(1000), background.plates(1000 + 4 * SAMPLES - 1)
    assert largest_error(first[1], plate) == 0
    assert largest_error(last[2], 255 - plate) == 0
    assert all(np.array_equal(a, b) for a, b in zip(first, background.plates(990), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(last, background.plates(2000), strict=True))


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (8, 8, 3)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"samples must have shape \(N, h, w, 3\) with N > 0, got"):
        fit_background(np.zeros(shape, np.uint8), None, 0, 1, np.eye(3))


@pytest.mark.parametrize(
    ("size", "small"),
    [((288, 400), (288, 400)), ((576, 768), (288, 384)), ((1920, 1080), (512, 288)), ((48, 64), (48, 64))],
)
def test_the_shorter_side_shrinks_to_288(size: tuple[int, int], small: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 77, np.uint8)
    assert shrink(frame).shape == (*small, 3)
    assert (shrink(frame) == 77).all()
    assert analysis_scale(size) == pytest.approx(min(small) / min(size))
