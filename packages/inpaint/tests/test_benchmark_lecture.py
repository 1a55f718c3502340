"""The generated lecture: its truth is exact, it is the same every time, and it covers what it claims to cover."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
from lecture import Lecture  # pyright: ignore[reportMissingImports]

sys.path.pop(0)

SMALL = {"size": (120, 200), "fps": 5.0}


@pytest.fixture(scope="module")
def clean_shots():
    lecture = Lecture(**SMALL, seconds=16, noise=0)
    return lecture, [lecture.render(t) for t in range(lecture.frame_count)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (40, 80)}, r"size must be .* got \(40, 80\)"),
        ({"size": (200, 200)}, "size must be"),
        ({"seconds": 3}, "seconds must be 4 or more, got 3"),
        ({"fps": 0}, "fps must be positive, got 0"),
        ({"camera": "drone"}, "camera must be 'static' or 'handheld', got 'drone'"),
        ({"board": "black"}, "board must be 'white' or 'green', got 'black'"),
        ({"noise": -1}, "noise must be >= 0"),
        ({"exposure_drift": 1}, r"exposure_drift in \[0, 1\)"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Lecture(**options)


@pytest.mark.parametrize("t", [-1, 20])
def test_frames_outside_the_clip_are_refused(t):
    with pytest.raises(IndexError, match=rf"t must be in 0 .. 19, got {t}"):
        Lecture(**SMALL, seconds=4).render(t)


def test_same_seed_same_bytes_in_any_order():
    options = {**SMALL, "seconds": 8, "camera": "handheld", "shadow": True, "exposure_drift": 0.1, "seed": 5}
    one, two = Lecture(**options), Lecture(**options)
    forward = {t: one.render(t) for t in (0, 13, 39)}
    for t in (39, 0, 13):
        again = two.render(t)
        for name in ("frame", "plate", "mask", "shadow", "camera"):
            assert getattr(forward[t], name).tobytes() == getattr(again, name).tobytes()
    assert not np.array_equal(forward[13].frame, Lecture(**{**options, "seed": 6}).render(13).frame)


def test_arrays_have_the_promised_types(clean_shots):
    lecture, shots = clean_shots
    assert lecture.frame_count == len(shots) == 80
    shot = shots[0]
    assert shot.frame.shape == shot.plate.shape == (120, 200, 3)
    assert shot.frame.dtype == shot.plate.dtype == np.uint8
    assert shot.mask.shape == shot.shadow.shape == (120, 200)
    assert shot.mask.dtype == shot.shadow.dtype == bool


def test_the_mask_is_exactly_where_the_lecturer_changes_the_picture(clean_shots):
    _, shots = clean_shots
    for shot in shots:
        changed = np.any(shot.frame != shot.plate, axis=2)
        assert not (changed & ~shot.mask).any()
        assert (changed & shot.mask).sum() > 0.93 * shot.mask.sum()  # skin or cloth may match the wall by chance
        assert 0.03 < shot.mask.mean() < 0.15


def test_the_shadow_is_marked_and_only_darkens():
    shot = Lecture(**SMALL, seconds=4, noise=0, shadow=True).render(9)
    changed = np.any(shot.frame != shot.plate, axis=2)
    assert not (changed & ~shot.mask & ~shot.shadow).any()
    assert not (shot.shadow & shot.mask).any()
    assert shot.shadow.sum() > 200
    assert (shot.frame[shot.shadow] <= shot.plate[shot.shadow]).all()


def test_noise_has_the_asked_strength_and_is_independent():
    lecture = Lecture(**SMALL, seconds=4, noise=2.0)
    residuals = []
    for t in (3, 4):
        shot = lecture.render(t)
        residuals.append(np.where(shot.mask[..., None], 0, shot.frame.astype(float) - shot.plate))
    clear = (residuals[0] != 0) & (residuals[1] != 0)
    free = residuals[0][~lecture.render(3).mask]
    assert free.std() == pytest.approx(np.hypot(2.0, 12**-0.5), rel=0.02)  # the rounding adds 1/12
    assert abs(free.mean()) < 0.02
    assert abs(np.corrcoef(residuals[0][clear], residuals[1][clear])[0, 1]) < 0.02


def test_the_still_camera_shows_only_new_writing(clean_shots):
    lecture, shots = clean_shots
    assert lecture.writings
    times = np.concatenate([np.concatenate(w.times) for w in lecture.writings])
    for t, (before, after) in enumerate(pairwise(shots)):
        written = ((times > t / lecture.fps) & (times <= (t + 1) / lecture.fps)).any()
        assert np.array_equal(before.plate, after.plate) or written
    assert np.any(shots[0].plate != shots[-1].plate)
    assert (shots[40].camera == np.eye(2, 3)).all()


def test_every_pixel_is_seen_after_it_was_last_written_on(clean_shots):
    _, shots = clean_shots
    final = shots[-1].plate
    unseen = np.ones(final.shape[:2], bool)
    for shot in shots:
        unseen &= ~(~shot.mask & np.all(shot.plate == final, axis=2))
    assert not unseen.any()


def test_most_ink_is_hidden_when_it_first_exists(clean_shots):
    _, shots = clean_shots
    born = hidden = 0
    for before, after in pairwise(shots):
        ink = np.abs(after.plate.astype(int) - before.plate).max(axis=2) > 25
        born, hidden = born + ink.sum(), hidden + (ink & after.mask).sum()
    assert born > 100
    assert hidden > 0.5 * born


def test_never_seen_leaves_a_part_of_the_board_hidden():
    lecture = Lecture(**SMALL, seconds=12, never_seen=True)
    always = np.logical_and.reduce([lecture.render(t).mask for t in range(lecture.frame_count)])
    assert always.mean() > 0.005


def test_the_hand_held_camera_stays_within_its_bounds_and_the_plate_follows_it():
    lecture = Lecture(size=(180, 320), seconds=20, noise=0, camera="handheld")
    cameras = np.array([lecture._camera_matrix(t / 10) for t in range(200)])
    turn = np.degrees(np.arctan2(cameras[:, 1, 0], cameras[:, 0, 0]))
    centre = np.array([159.5, 89.5, 1])
    shift = cameras @ centre - centre[:2]
    assert 0.05 < np.abs(turn).max() <= 0.3
    assert 0.8 < np.abs(shift).max() <= 2.0  # 4 px at a height of 360
    assert np.abs(np.diff(shift, axis=0)).max() < 0.7
    still = Lecture(size=(180, 320), seconds=20, noise=0)
    t = int(np.abs(shift).sum(axis=1).argmax())
    moving, steady = lecture.render(t), still.render(t)
    row, column = np.nonzero(np.abs(np.diff(steady.plate[..., 1].astype(int), axis=1))[20:-20, 20:-20] > 60)
    ends = (moving.camera @ np.stack([column + 20, row + 20, np.ones_like(row)])).round().astype(int)
    following = np.abs(moving.plate[ends[1], ends[0]].astype(int) - steady.plate[row + 20, column + 20]).mean()
    staying = np.abs(moving.plate[row + 20, column + 20].astype(int) - steady.plate[row + 20, column + 20]).mean()
    assert following < 0.6 * staying


def test_exposure_drift_scales_frame_and_plate():
    plain = Lecture(**SMALL, seconds=8, noise=0)
    drifting = Lecture(**SMALL, seconds=8, noise=0, exposure_drift=0.2)
    for t in (0, 20, 39):
        ratio = drifting.render(t).plate.mean() / plain.render(t).plate.mean()
        assert ratio == pytest.approx(drifting._gain(t / 5), abs=0.02)
    assert abs(drifting._gain(4.0) - drifting._gain(0.0)) > 0.02


@pytest.mark.parametrize("seconds", [4, 8, 30, 300])
@pytest.mark.parametrize("seed", range(4))
def test_the_script_fills_the_time_without_gaps(seconds, seed):
    scenes = Lecture(seconds=seconds, seed=seed)._scenes
    assert scenes[0].start == 0
    assert scenes[-1].end == pytest.approx(seconds)
    for before, after in pairwise(scenes):
        assert before.start <= before.end == after.start
        assert before.x(before.end) == pytest.approx(after.x(after.start), abs=1e-6)
