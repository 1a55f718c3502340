"""Camera motion: frames cut from one large picture by known matrices must be found where they were cut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskreel.inpaint.scene.camera import CameraTracker, corner_shift

SIZE = (200, 280)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 45 / soft.std() + 127, 0, 255).astype(np.uint8)


def moved(dx: float, dy: float, degrees: float = 0.0, zoom: float = 1.0) -> np.ndarray:
    """Where a position of the frame lies in the first frame: rotated about the centre, then shifted."""
    centre = (SIZE[1] / 2, SIZE[0] / 2)
    matrix = np.vstack([cv2.getRotationMatrix2D(centre, degrees, zoom), [0, 0, 1]])
    matrix[:2, 2] += dx, dy
    return matrix


def view(world: np.ndarray, matrix: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """What a camera at `matrix` sees of a world that sticks out 40 pixels to the left of and above the first frame."""
    to_world = np.array([[1, 0, 40], [0, 1, 40], [0, 0, 1.0]]) @ matrix
    return cv2.warpPerspective(world, to_world, size[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def error(found: np.ndarray, truth: np.ndarray, size: tuple[int, int] = SIZE) -> float:
    """Pixels by which the two matrices disagree, on average over the frame."""
    ys, xs = np.mgrid[0 : size[0] : 9j, 0 : size[1] : 9j]
    grid = np.stack([xs, ys], axis=-1).reshape(-1, 1, 2)
    apart = cv2.perspectiveTransform(grid, found) - cv2.perspectiveTransform(grid, truth)
    return float(np.linalg.norm(apart, axis=-1).mean())


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    return texture(300, 480)


HAND = [moved(6 * np.sin(t / 4), 4 * np.sin(t / 3), degrees=0.8 * np.sin(t / 5)) for t in range(24)]


def test_hand_held_frames_are_found_within_a_tenth_of_a_pixel(world: np.ndarray) -> None:
    tracker = CameraTracker()
    found = [tracker.add(view(world, matrix)) for matrix in HAND]
    assert max(error(f.matrix, truth) for f, truth in zip(found, HAND, strict=True)) < 0.1
    assert not any(f.cut for f in found)
    assert min(f.inliers for f in found) > 0.8
    assert max(f.residual for f in found) < 0.1


def test_a_homography_is_found_where_the_camera_tilts(world: np.ndarray) -> None:
    path = [moved(3 * k, -2 * k) for k in (0.0, 0.5, 1.0)]
    for k, matrix in enumerate(path):
        matrix[2, :2] = 4e-5 * k, -3e-5 * k
    tracker = CameraTracker()
    found = [tracker.add(view(world, matrix)) for matrix in path]
    assert error(found[-1].matrix, path[-1]) < 0.1
    assert error(np.diag([1, 1, 0]) @ found[-1].matrix + np.diag([0, 0, 1]), path[-1]) > 0.5, "no similarity would do"


def test_a_walking_block_does_not_pull_the_camera_along(world: np.ndarray) -> None:
    block = texture(70, 30, seed=5)
    tracker, worst = CameraTracker(), 0.0
    for t, matrix in enumerate(HAND):
        frame = view(world, matrix)
        left = 4 + 5 * t
        frame[30:100, left : left + 30] = block[:, : SIZE[1] - left]
        worst = max(worst, error(tracker.add(frame).matrix, matrix))
    assert worst < 0.1


def test_a_bus_that_holds_most_corners_but_jumps_is_not_the_camera(world: np.ndarray) -> None:
    """It covers 55 % of the frame and moves 9 pixels a frame; cameras move more gently than that."""
    bus, tracker = texture(400, 154, seed=5), CameraTracker()
    for t in range(5):
        frame = view(world, np.eye(3))
        frame[:, :154] = bus[9 * t : 9 * t + SIZE[0]]
        found = tracker.add(frame).matrix
        assert error(found, np.eye(3)) < 0.5


def test_errors_stay_small_over_key_frames(world: np.ndarray) -> None:
    """Past a fifth of the width a new key frame is taken, and positions still refer to the first frame."""
    path = [moved(6.0 * t, 1.5 * t) for t in range(24)]
    assert path[-1][0, 2] > 2 * 0.2 * SIZE[1]
    tracker = CameraTracker()
    found = [tracker.add(view(world, matrix)) for matrix in path]
    assert max(error(f.matrix, truth) for f, truth in zip(found, path, strict=True)) < 0.2


def test_frames_taller_than_the_working_height_are_measured_in_their_own_pixels() -> None:
    size = (720, 960)
    world = texture(800, 1040)
    shift = np.array([[1, 0, 5.0], [0, 1, -3.0], [0, 0, 1]])
    tracker = CameraTracker()
    tracker.add(view(world, np.eye(3), size))
    assert error(tracker.add(view(world, shift, size)).matrix, shift, size) < 0.1


def test_a_camera_that_stood_still_is_seen_to_move_again(world: np.ndarray) -> None:
    tracker = CameraTracker()
    calm = [tracker.add(view(world, np.eye(3))) for _ in range(16)]
    assert corner_shift(calm[-1].matrix, SIZE) < 0.05
    found = [tracker.add(view(world, moved(dx, 0))) for dx in (2, 4, 6)]
    assert error(found[-1].matrix, moved(6, 0)) < 0.1


def test_a_bare_scene_with_few_corners_is_seen_to_move_after_a_calm_start() -> None:
    bare = np.full((300, 380, 3), 90, np.uint8)
    for k in range(3):
        bare[90 + 40 * k : 102 + 40 * k, 80 + 60 * k : 92 + 60 * k] = 200
    tracker = CameraTracker()
    for _ in range(16):
        tracker.add(view(bare, np.eye(3)))
    found = [tracker.add(view(bare, moved(dx, 0))) for dx in (1, 2, 3, 4)]
    assert error(found[-1].matrix, moved(4, 0)) < 0.3


def test_a_frame_without_texture_keeps_the_last_place(world: np.ndarray) -> None:
    tracker = CameraTracker()
    grey = np.full((*SIZE, 3), 127, np.uint8)
    tracker.add(grey)
    blank = tracker.add(grey)
    assert np.array_equal(blank.matrix, np.eye(3))
    assert blank.inliers == 0


def test_a_cut_starts_again_from_the_identity(world: np.ndarray) -> None:
    night, day = world // 2, texture(300, 380, seed=9) // 2 + 127
    tracker = CameraTracker()
    frames = [view(night, HAND[0]), view(night, HAND[3]), view(day, HAND[5]), view(day, HAND[6])]
    found = [tracker.add(frame) for frame in frames]
    assert [f.cut for f in found] == [False, False, True, False]
    assert np.array_equal(found[2].matrix, np.eye(3))
    assert error(found[3].matrix, np.linalg.inv(HAND[5]) @ HAND[6]) < 0.1


def test_a_person_who_fills_a_third_of_the_frame_is_no_cut(world: np.ndarray) -> None:
    tracker = CameraTracker()
    frame = view(world, np.eye(3))
    tracker.add(frame)
    frame[:, : SIZE[1] // 3] = 255 - frame[:, : SIZE[1] // 3]
    assert not tracker.add(frame).cut


def test_corner_shift_of_a_rotation_is_its_chord() -> None:
    """The corners of a square turned about its centre by 2 degrees travel 2 r sin(1 degree)."""
    turned = np.vstack([cv2.getRotationMatrix2D((50, 50), 2, 1), [0, 0, 1]])
    assert corner_shift(turned, (100, 100)) == pytest.approx(2 * 50 * np.sqrt(2) * np.sin(np.radians(1)), abs=1e-6)


def test_corner_shift_takes_the_corner_that_moves_most() -> None:
    zoomed = np.diag([1.1, 1.0, 1.0])  # only the right side moves, by a tenth of the width
    assert corner_shift(zoomed, (30, 80)) == pytest.approx(8)
