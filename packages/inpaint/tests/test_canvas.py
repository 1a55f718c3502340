"""Laying frames on a shot's canvas and lifting them off again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskreel.inpaint.scene.canvas import Canvas
from maskreel.inpaint.scene.survey import Mode, Shot

SIZE = (60, 80)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 40 / soft.std() + 127, 20, 235).astype(np.uint8)


def shot_of(shifts: list[tuple[float, float]], mode: Mode, start: int = 0) -> Shot:
    matrices = np.stack([np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]) for x, y in shifts])
    return Shot(start, start + len(shifts), mode, matrices, 0.0, 1.0)


@pytest.fixture
def frames() -> np.ndarray:
    return np.stack([texture(*SIZE, seed=k) for k in range(3)])


@pytest.fixture
def holes() -> np.ndarray:
    holes = np.zeros((3, *SIZE), bool)
    holes[0, 20:30, 40:50] = True
    holes[2, 50:60, 0:20] = True
    return holes


def test_a_static_canvas_is_the_frame_itself(frames: np.ndarray, holes: np.ndarray) -> None:
    canvas = Canvas(shot_of([(0, 0)] * 3, "static"), SIZE)
    laid = canvas.lay(frames, holes, 0)
    assert canvas.size == SIZE
    assert np.array_equal(laid.frames, frames)
    assert np.array_equal(laid.wanted, holes)
    assert np.array_equal(laid.known, ~holes)
    assert np.array_equal(canvas.lift(frames[1], 1), frames[1])


def test_whole_pixel_shifts_lay_and_lift_exactly(frames: np.ndarray, holes: np.ndarray) -> None:
    canvas = Canvas(shot_of([(0, 0), (5, -3), (-2, 4)], "registered", start=100), SIZE)
    assert canvas.size == (60 + 7, 80 + 7)
    laid = canvas.lay(frames, holes, 100)
    assert np.array_equal(laid.frames[1, 0:60, 7:87], frames[1])  # up by 3 and right by 5, on a canvas from (-2, -3) on
    assert np.array_equal(laid.frames[2, 7:67, 0:80], frames[2])
    for t in range(3):
        assert np.array_equal(canvas.lift(laid.frames[t], 100 + t), frames[t])


def test_masks_lie_on_the_canvas_as_their_frames_do(holes: np.ndarray) -> None:
    canvas = Canvas(shot_of([(0, 0), (5, -3), (-2, 4)], "registered", start=100), SIZE)
    covered = canvas.covered(holes, 100)
    assert np.array_equal(covered[0, 3:63, 2:82], holes[0])
    assert np.array_equal(covered[2, 7:67, 0:80], holes[2])
    assert covered.sum(axis=(1, 2)).tolist() == holes.sum(axis=(1, 2)).tolist()
    assert Canvas(shot_of([(0, 0)] * 3, "static"), SIZE).covered(holes, 0) is holes


def test_parts_of_a_pixel_lose_little(frames: np.ndarray) -> None:
    """A there-and-back by cubic interpolation half a pixel off, away from the border."""
    canvas = Canvas(shot_of([(0, 0), (4.5, 2.5), (-3.3, 0.2)], "registered"), SIZE)
    laid = canvas.lay(frames, np.zeros((3, *SIZE), bool), 0)
    for t in (1, 2):
        error = np.abs(canvas.lift(laid.frames[t], t).astype(int) - frames[t])[5:-5, 5:-5]
        assert error.mean() < 1.5
        assert error.max() < 12


def test_the_same_place_of_the_scene_has_one_address() -> None:
    """Frames cut from one picture agree on the canvas wherever both are known."""
    world = texture(90, 120, seed=7)
    shifts = [(0.0, 0.0), (6.25, 3.5), (-4.75, -2.0)]
    frames = np.stack(
        [
            cv2.warpAffine(
                world,
                np.array([[1, 0, 20 + x], [0, 1, 15 + y]]),
                SIZE[::-1],
                flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            )
            for x, y in shifts
        ]
    )
    laid = Canvas(shot_of(shifts, "registered"), SIZE).lay(frames, np.zeros((3, *SIZE), bool), 0)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = laid.known[a] & laid.known[b]
        assert both.mean() > 0.5
        apart = np.abs(laid.frames[a][both].astype(int) - laid.frames[b][both])
        assert apart.mean() < 2


@pytest.mark.parametrize("mode", ["static", "registered"])
def test_known_and_wanted_places_exclude_each_other(frames: np.ndarray, holes: np.ndarray, mode: Mode) -> None:
    shifts = [(0.0, 0.0)] * 3 if mode == "static" else [(0.0, 0.0), (5.3, -3.6), (-2.2, 4.1)]
    laid = Canvas(shot_of(shifts, mode), SIZE).lay(frames, holes, 0)
    assert not (laid.known & laid.wanted).any()
    assert laid.wanted.any()
    assert laid.known.any()


@pytest.mark.parametrize(("zoom", "degrees"), [(1.0, 0.0), (2.0, 0.0), (0.8, 10.0)])
def test_nothing_that_a_covered_pixel_reaches_is_known(zoom: float, degrees: float) -> None:
    """Paint the hole in another colour: no known place of the canvas may change."""
    frames, holes = texture(*SIZE)[None].repeat(2, axis=0), np.zeros((2, *SIZE), bool)
    holes[:, 20:40, 30:50] = True
    turned = np.vstack([cv2.getRotationMatrix2D((40, 30), degrees, zoom), [0, 0, 1]])
    turned[:2, 2] += 3.4, -2.7
    canvas = Canvas(Shot(0, 2, "registered", np.stack([np.eye(3), turned]), 0.0, 1.0), SIZE)
    before = canvas.lay(frames, holes, 0)
    painted = frames.copy()
    painted[holes] = 255 - painted[holes]
    after = canvas.lay(painted, holes, 0)
    changed = (before.frames != after.frames).any(axis=-1)
    assert changed[1].any()
    assert not (changed & before.known).any()
    assert np.array_equal(before.known, after.known)


def test_nothing_beyond_the_frame_is_known() -> None:
    """Around the frame OpenCV sees black; no known place may depend on it."""
    canvas = Canvas(shot_of([(0, 0), (3.5, 2.5)], "registered"), SIZE)
    white = np.full((2, *SIZE, 3), 255, np.uint8)
    laid = canvas.lay(white, np.zeros((2, *SIZE), bool), 0)
    assert (laid.frames[laid.known] == 255).all()
    assert not laid.known[1, :, :5].any()  # the camera has moved on by 3.5 pixels, and the kernel reaches 2 more


def test_lifting_needs_wanted_and_known_places_only() -> None:
    """What a frame's camera sees inside its hole comes from places that are wanted, or known to all."""
    holes = np.zeros((2, *SIZE), bool)
    holes[1, 0:25, 55:80] = True  # in a corner, where places beyond the frame are near
    canvas = Canvas(shot_of([(0, 0), (3.4, -2.7)], "registered"), SIZE)
    laid = canvas.lay(np.zeros((2, *SIZE, 3), np.uint8), holes, 0)
    image = np.full((*canvas.size, 3), 255, np.uint8)
    image[laid.wanted[1]] = 10
    image[laid.known[1]] = 10
    assert (canvas.lift(image, 1)[holes[1]] == 10).all()


def test_values_are_lifted_from_the_nearest_place() -> None:
    canvas = Canvas(shot_of([(0, 0), (4, 2)], "registered"), SIZE)
    values = np.arange(canvas.size[0] * canvas.size[1], dtype=np.float32).reshape(canvas.size)
    assert np.array_equal(canvas.lift_values(values, 1), values[2:62, 4:84])
    still = Canvas(shot_of([(0, 0)], "static"), SIZE)
    assert np.array_equal(still.lift_values(values[:60, :80], 0), values[:60, :80])
