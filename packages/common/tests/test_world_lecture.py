"""The lecture: its truth is exact, it is the same every time, and it covers what it claims to cover."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from maskreel.common.flow import affine_flow, occlusion, warp
from maskreel.common.video import probe, read
from maskreel.common.world import LectureScene, write_lecture

SMALL = {"size": (120, 200), "fps": Fraction(5), "frames": None}


@pytest.fixture(scope="module")
def clean_shots():
    take = LectureScene(**SMALL, seconds=16, noise=0).open(0)
    return take, [take.render(t) for t in range(take.frame_count)]


@pytest.fixture(scope="module")
def clip():
    return LectureScene(size=(180, 320), frames=24, noise=0, camera="handheld").render(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (40, 80)}, r"size must be .* got \(40, 80\)"),
        ({"size": (200, 200)}, "size must be"),
        ({"seconds": 3}, "seconds must be 4 or more, got 3"),
        ({"fps": Fraction(0)}, "fps must be positive, got 0"),
        ({"frames": 0}, r"frames must be None or 1 to 500 .* got 0"),
        ({"frames": 41, "seconds": 4}, r"frames must be None or 1 to 40 \(seconds \* fps\) .* 4 s, got 41"),
        ({"camera": "drone"}, "camera must be 'static' or 'handheld', got 'drone'"),
        ({"board": "black"}, "board must be 'white' or 'green', got 'black'"),
        ({"noise": -1}, "noise must be >= 0"),
        ({"exposure_drift": 1}, r"exposure_drift in \[0, 1\)"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LectureScene(**options)


def test_a_frame_rate_that_is_no_fraction_is_refused():
    with pytest.raises(TypeError, match=r"fps must be a fractions.Fraction, got 10.0"):
        LectureScene(fps=10.0)  # pyright: ignore[reportArgumentType]


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        LectureScene().open(-1)


@pytest.mark.parametrize("t", [-1, 20])
def test_frames_outside_the_lecture_are_refused(t):
    with pytest.raises(IndexError, match=rf"t must be in 0 .. 19, got {t}"):
        LectureScene(**SMALL, seconds=4).open(0).render(t)


@pytest.mark.parametrize(("start", "stop"), [(-1, 4), (4, 4), (0, 21)])
def test_clips_outside_the_lecture_are_refused(start, stop):
    with pytest.raises(ValueError, match=rf"0 <= start < stop <= 20, got {start} and {stop}"):
        LectureScene(**SMALL, seconds=4).open(0).clip(start, stop)


def test_same_seed_same_bytes_in_any_order():
    scene = LectureScene(**SMALL, seconds=8, camera="handheld", shadow=True, exposure_drift=0.1)
    one, two = scene.open(5), scene.open(5)
    forward = {t: one.render(t) for t in (0, 13, 39)}
    for t in (39, 0, 13):
        again = two.render(t)
        for name in ("frame", "plate", "mask", "shadow", "camera"):
            assert getattr(forward[t], name).tobytes() == getattr(again, name).tobytes()
    assert not np.array_equal(forward[13].frame, scene.open(6).render(13).frame)


def test_arrays_have_the_promised_types(clean_shots):
    take, shots = clean_shots
    assert take.frame_count == len(shots) == 80
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
    shot = LectureScene(**SMALL, seconds=4, noise=0, shadow=True).open(0).render(9)
    changed = np.any(shot.frame != shot.plate, axis=2)
    assert not (changed & ~shot.mask & ~shot.shadow).any()
    assert not (shot.shadow & shot.mask).any()
    assert shot.shadow.sum() > 200
    assert (shot.frame[shot.shadow] <= shot.plate[shot.shadow]).all()


def test_noise_has_the_asked_strength_and_is_independent():
    take = LectureScene(**SMALL, seconds=4, noise=2.0).open(0)
    residuals = []
    for t in (3, 4):
        shot = take.render(t)
        residuals.append(np.where(shot.mask[..., None], 0, shot.frame.astype(float) - shot.plate))
    clear = (residuals[0] != 0) & (residuals[1] != 0)
    free = residuals[0][~take.render(3).mask]
    assert free.std() == pytest.approx(np.hypot(2.0, 12**-0.5), rel=0.02)  # the rounding adds 1/12
    assert abs(free.mean()) < 0.02
    assert abs(np.corrcoef(residuals[0][clear], residuals[1][clear])[0, 1]) < 0.02


def test_the_still_camera_shows_only_new_writing(clean_shots):
    take, shots = clean_shots
    assert take.writings
    times = np.concatenate([np.concatenate(w.times) for w in take.writings])
    for t, (before, after) in enumerate(pairwise(shots)):
        written = ((times > t / 5) & (times <= (t + 1) / 5)).any()
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
    take = LectureScene(**SMALL, seconds=12, never_seen=True).open(0)
    always = np.logical_and.reduce([take.render(t).mask for t in range(take.frame_count)])
    assert always.mean() > 0.005


def test_the_hand_held_camera_stays_within_its_bounds_and_the_plate_follows_it():
    options = {"size": (180, 320), "seconds": 20, "noise": 0}
    take = LectureScene(**options, camera="handheld").open(0)
    cameras = np.array([take._shake.matrix(t / 10) for t in range(200)])
    turn = np.degrees(np.arctan2(cameras[:, 1, 0], cameras[:, 0, 0]))
    centre = np.array([159.5, 89.5, 1])
    shift = cameras @ centre - centre[:2]
    assert 0.05 < np.abs(turn).max() <= 0.3
    assert 0.8 < np.abs(shift).max() <= 2.0  # 4 px at a height of 360
    assert np.abs(np.diff(shift, axis=0)).max() < 0.7
    t = int(np.abs(shift).sum(axis=1).argmax())
    moving, steady = take.render(t), LectureScene(**options).open(0).render(t)
    row, column = np.nonzero(np.abs(np.diff(steady.plate[..., 1].astype(int), axis=1))[20:-20, 20:-20] > 60)
    ends = (moving.camera @ np.stack([column + 20, row + 20, np.ones_like(row)])).round().astype(int)
    following = np.abs(moving.plate[ends[1], ends[0]].astype(int) - steady.plate[row + 20, column + 20]).mean()
    staying = np.abs(moving.plate[row + 20, column + 20].astype(int) - steady.plate[row + 20, column + 20]).mean()
    assert following < 0.6 * staying


def test_exposure_drift_scales_frame_and_plate():
    plain = LectureScene(**SMALL, seconds=8, noise=0).open(0)
    drifting = LectureScene(**SMALL, seconds=8, noise=0, exposure_drift=0.2).open(0)
    for t in (0, 20, 39):
        ratio = drifting.render(t).plate.mean() / plain.render(t).plate.mean()
        assert ratio == pytest.approx(drifting._gain(t / 5), abs=0.02)
    assert abs(drifting._gain(4.0) - drifting._gain(0.0)) > 0.02


@pytest.mark.parametrize("seconds", [4, 8, 30, 300])
@pytest.mark.parametrize("seed", range(4))
def test_the_script_fills_the_time_without_gaps(seconds, seed):
    acts = LectureScene(seconds=seconds).open(seed)._acts
    assert acts[0].start == 0
    assert acts[-1].end == pytest.approx(seconds)
    for before, after in pairwise(acts):
        assert before.start <= before.end == after.start
        assert before.x(before.end) == pytest.approx(after.x(after.start), abs=1e-6)


def test_a_clip_holds_the_frames_of_the_take():
    scene = LectureScene(**SMALL, seconds=8, shadow=True)
    take = scene.open(2)
    clip = take.clip(10, 13)
    shot = take.render(11)
    assert (clip.clip.numpy()[1] == shot.frame).all()
    assert (clip.plate[1].permute(1, 2, 0).numpy() == shot.plate).all()
    assert (clip.touched[1].numpy() == shot.mask).all()
    assert (clip.shadow[1].numpy() == shot.shadow).all()
    assert (clip.clip.start, clip.clip.fps, clip.classes) == (2, 5, (1,))
    whole = scene.render(2)
    assert len(whole) == take.frame_count
    assert torch.equal(whole.clip.frames[10:13], clip.clip.frames)
    assert torch.equal(whole.forward_flow[10:12], clip.forward_flow)


def test_the_seed_chooses_the_part_of_the_lecture_that_is_rendered():
    scene = LectureScene(size=(64, 96), frames=2, seconds=20)
    starts = [scene.render(seed).clip.start for seed in (0, 1, 1)]
    assert starts[0] != starts[1] == starts[2]
    assert all(0 <= start <= 20 - Fraction(2, 10) for start in starts)


def test_the_camera_and_the_flow_of_the_room_agree(clip):
    for t in range(len(clip) - 1):
        step = clip.camera[t + 1] @ torch.linalg.inv(clip.camera[t])
        room = ~clip.visible[t, 0]
        expected = affine_flow(step[:2], clip.clip.size)
        assert torch.allclose(clip.forward_flow[t][:, room], expected[:, room], atol=1e-4)
    assert torch.allclose(clip.camera[0], torch.eye(3, dtype=torch.float64))
    assert clip.forward_flow[:, :, 0, 0].abs().max() > 0.05


def test_the_flow_brings_the_next_frame_and_the_one_before_back(clip):
    frames, figure = clip.clip.frames.float(), clip.visible[:, 0]
    for flow, occluded, there, here, shown in (
        (clip.forward_flow, clip.forward_occluded, frames[1:], frames[:-1], figure[:-1]),
        (clip.backward_flow, clip.backward_occluded, frames[:-1], frames[1:], figure[1:]),
    ):
        error = (warp(there, flow) - here).abs().mean(1)
        still = (there - here).abs().mean(1)
        assert error[~occluded].mean() < 0.5 * still[~occluded].mean()
        assert error[~occluded & shown].mean() < 0.25 * still[~occluded & shown].mean()
        assert error[~occluded & shown].mean() < 4


def test_every_limb_moves_by_itself(clip):
    """A single motion would leave no spread within the figure; the writing arm moves by pixels."""
    spread = [flow[:, shown].std(dim=1).max() for flow, (shown,) in zip(clip.forward_flow, clip.visible, strict=False)]
    assert float(torch.stack(spread).median()) > 0.2
    assert float(torch.stack(spread).max()) > 2


def test_occlusion_agrees_with_the_round_trip_of_the_flows(clip):
    for flow, back, occluded in (
        (clip.forward_flow, clip.backward_flow, clip.forward_occluded),
        (clip.backward_flow, clip.forward_flow, clip.backward_occluded),
    ):
        missed = occlusion(flow, back)
        assert (missed == occluded).float().mean() > 0.99
        assert (missed & occluded).sum() > 0.75 * (missed | occluded).sum()


def test_the_desk_hides_a_part_of_the_lecturer():
    take = LectureScene(**SMALL, seconds=30).open(0)
    places = [take._actor.pose(t / 5).x for t in range(take.frame_count)]
    right = int(np.argmax(places))
    clip = take.clip(right - 1, right + 1)
    assert clip.visible[clip.amodal].float().mean() < 0.97
    assert not (clip.visible & ~clip.amodal).any()
    assert (clip.visible[:, 0] & ~clip.touched).sum() == 0
    hidden = clip.amodal[:, 0] & ~clip.visible[:, 0]
    below = torch.arange(120)[:, None] > 300 * 120 / 360 - 34 * 120 / 360
    assert not (hidden & ~below).any()


def test_labels_and_depth_of_the_lecturer(clip):
    assert torch.equal(clip.labels > 0, clip.visible[:, 0])
    assert clip.labels.max() == 1
    assert clip.depth.shape == (24, 1)


def test_a_written_lecture_is_lossless(tmp_path):
    take = LectureScene(size=(64, 96), fps=Fraction(5), seconds=4, frames=None).open(0)
    done = []
    paths = write_lecture(take, tmp_path / "new", on_frame=done.append)
    assert [path.name for path in paths] == ["video.mkv", "plate.mkv", "mask.mkv"]
    assert done == list(range(1, 21))
    assert probe(paths[0]).fps == 5
    video, plate, mask = (read(path).numpy() for path in paths)
    for t in (0, 19):
        shot = take.render(t)
        assert (video[t] == shot.frame).all()
        assert (plate[t] == shot.plate).all()
        assert (mask[t] == 255 * shot.mask[..., None]).all()
