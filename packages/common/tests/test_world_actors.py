"""Actors: exact truth, the same bytes every time, and identity, pose and background that do not touch each other."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from maskreel.common.flow import affine_flow, occlusion, warp
from maskreel.common.world import ActorsClip, ActorsScene, WorldClip, render
from maskreel.common.world._actors._moves import ACTIONS, draw_moves
from maskreel.common.world._actors._noise import blurred, clouds, triangle
from maskreel.common.world._part_motion import compose_affine, destinations, flow_to, inverse_affine, outside

SMALL = {"size": (128, 128), "frames": 8}
DIGEST = """
import hashlib
from maskreel.common.world import ActorsScene
clip = ActorsScene(size=(96, 112), frames=3, actors=2, camera="moving", noise=1.5).render(11)
digest = hashlib.sha256()
for truth in (clip.clip.frames, clip.plate, clip.visible, clip.forward_flow, clip.backward_occluded, clip.joints):
    digest.update(truth.contiguous().numpy().tobytes())
print(digest.hexdigest())
"""
EXPECTED_DIGEST = "6578348db52570c9e3f031b3c748fb91d1e248f0413d24d8555334306073dd13"


@pytest.fixture(scope="module", params=["static", "moving"])
def clip(request):
    """One person who walks, no noise."""
    return ActorsScene(size=(192, 192), frames=10, camera=request.param).compose(7, 8, 9)


@pytest.fixture(scope="module")
def crowd():
    """Three people who hide each other."""
    return ActorsScene(size=(144, 160), frames=8, actors=3, camera="moving").render(30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (31, 64)}, r"size must be \(height, width\) of 32 or more each, got \(31, 64\)"),
        ({"frames": 0}, "frames must be 1 or more, got 0"),
        ({"fps": Fraction(-1)}, "fps must be positive, got -1"),
        ({"actors": 0}, "actors must be 1 to 8, got 0"),
        ({"actors": 9}, "actors must be 1 to 8, got 9"),
        ({"camera": "drone"}, "camera must be 'static' or 'moving', got 'drone'"),
        ({"person_height": 0.1}, r"person_height must be None or in \[0.2, 0.85\], got 0.1"),
        ({"person_height": 0.9}, r"person_height must be None or in \[0.2, 0.85\], got 0.9"),
        ({"noise": -0.5}, "noise must be 0 or more grey levels, got -0.5"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ActorsScene(**options)


def test_a_frame_rate_that_is_no_fraction_is_refused():
    with pytest.raises(TypeError, match=r"fps must be a fractions.Fraction, got 25"):
        ActorsScene(fps=25)  # pyright: ignore[reportArgumentType]


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        ActorsScene().render(-1)
    with pytest.raises(ValueError, match=r"seeds must be 0 or more, got \(1, -2, 3\)"):
        ActorsScene().compose(1, -2, 3)


def test_shapes_and_types():
    clip = render(ActorsScene(size=(64, 96), frames=3, actors=2, fps=Fraction(30000, 1001)), 5)
    assert isinstance(clip, ActorsClip)
    assert isinstance(clip, WorldClip)
    assert (len(clip), clip.clip.size, clip.clip.fps, clip.classes) == (3, (64, 96), Fraction(30000, 1001), (1, 1))
    expected = {
        "visible": ((3, 2, 64, 96), torch.bool),
        "amodal": ((3, 2, 64, 96), torch.bool),
        "depth": ((3, 2), torch.float32),
        "forward_flow": ((2, 2, 64, 96), torch.float32),
        "backward_flow": ((2, 2, 64, 96), torch.float32),
        "forward_occluded": ((2, 64, 96), torch.bool),
        "backward_occluded": ((2, 64, 96), torch.bool),
        "plate": ((3, 3, 64, 96), torch.uint8),
        "camera": ((3, 3, 3), torch.float64),
        "joints": ((3, 2, len(clip.joint_names), 2), torch.float32),
        "touched": ((3, 64, 96), torch.bool),
    }
    for name, (shape, dtype) in expected.items():
        assert getattr(clip, name).shape == shape, name
        assert getattr(clip, name).dtype == dtype, name


@pytest.mark.parametrize("size", [(32, 32), (33, 71), (70, 41)])
def test_small_and_odd_sizes(size):
    clip = ActorsScene(size=size, frames=2, camera="moving").render(2)
    assert clip.clip.size == size
    assert clip.visible[:, 0].float().mean() > 0.02


def test_a_clip_of_one_frame_has_no_motion():
    clip = ActorsScene(size=(64, 64), frames=1).render(0)
    assert clip.forward_flow.shape == (0, 2, 64, 64)
    assert clip.backward_occluded.shape == (0, 64, 64)


@pytest.mark.parametrize("disabled", ["", "AVX2 FMA3 AVX512F AVX512_SKX X86_V3 X86_V4"])
def test_the_bytes_are_those_of_every_machine(disabled):
    """With and without the vector instructions that machines differ in, in a process of its own."""
    settings = {**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", DIGEST], env=settings, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == EXPECTED_DIGEST


def test_seeds_tell_clips_apart():
    scene = ActorsScene(**SMALL)
    digests = {hashlib.sha256(scene.render(seed).clip.frames.numpy().tobytes()).digest() for seed in (0, 1, 2, 2)}
    assert len(digests) == 3


def test_another_background_changes_neither_masks_nor_motion():
    scene = ActorsScene(**SMALL, camera="moving")
    one, two = scene.compose(1, 2, 3), scene.compose(1, 2, 4)
    for name in ("visible", "amodal", "forward_flow", "backward_occluded", "joints", "touched", "camera", "depth"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
    assert (one.plate.float() - two.plate).abs().mean() > 10
    inside = one.visible[:, 0]
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        inside = inside & torch.roll(inside, (dy, dx), (1, 2))
    same = (one.clip.frames == two.clip.frames).all(1)
    assert same[inside].float().mean() > 0.98  # the rest are seams where two soft edges meet
    assert same[~one.touched].float().mean() < 0.1


def test_another_pose_keeps_the_background_and_the_colours():
    scene = ActorsScene(**SMALL)
    one, two, other = scene.compose(1, 2, 3), scene.compose(1, 9, 3), scene.compose(5, 2, 3)
    assert torch.equal(one.plate, two.plate)
    assert not torch.equal(one.visible, two.visible)
    colours = [c.clip.frames.movedim(1, 3)[c.visible[:, 0]].float().mean(0) for c in (one, two, other)]
    assert (colours[0] - colours[1]).norm() < 0.5 * (colours[0] - colours[2]).norm()


def test_another_identity_makes_the_same_moves():
    """Joints of two people in one pose differ by their build only, those of two poses by much more."""
    scene = ActorsScene(**SMALL)
    one, same, other = (scene.compose(*seeds, 3).joints[:, 0] for seeds in ((1, 2), (5, 2), (1, 9)))
    shape = [joints - joints[:, 8:9] for joints in (one, same, other)]  # from the hips
    assert (shape[0] - shape[1]).norm(dim=-1).mean() < 4
    assert (shape[0] - shape[2]).norm(dim=-1).mean() > 6


def test_render_derives_three_seeds():
    scene = ActorsScene(**{**SMALL, "frames": 1})
    seeds = np.random.SeedSequence([8, 1]).generate_state(3).tolist()
    assert torch.equal(scene.render(8).clip.frames, scene.compose(*seeds).clip.frames)


def test_the_plate_is_the_frame_where_nothing_touches_it(clip, crowd):
    for one in (clip, crowd):
        untouched = ~one.touched[:, None].expand_as(one.plate)
        assert torch.equal(one.clip.frames[untouched], one.plate[untouched])
        changed = (one.clip.frames != one.plate).any(1)
        assert (changed & one.visible.any(1)).sum() > 0.95 * one.visible.any(1).sum()
        assert not (one.visible.any(1) & ~one.touched).any()


def test_without_shadow_only_edges_are_touched_beside_the_masks():
    clip = ActorsScene(**SMALL, shadow=False).compose(1, 2, 3)
    shaded = ActorsScene(**SMALL, shadow=True).compose(1, 2, 3)
    edge = clip.touched & ~clip.visible[:, 0]
    near = torch.nn.functional.max_pool2d(clip.visible[:, 0].float()[:, None], 5, 1, 2)[:, 0] > 0
    assert not (edge & ~near).any()
    only_shadow = shaded.touched & ~clip.touched
    assert only_shadow.sum() > 500
    pixels = only_shadow[:, None].expand_as(clip.plate)
    assert (shaded.clip.frames[pixels] <= shaded.plate[pixels]).all()
    assert torch.equal(shaded.visible, clip.visible)


def test_people_are_as_tall_as_asked_for_in_every_motion():
    """Without, a person is of another height in each motion."""

    def heights(**options):
        found = []
        for pose in range(6):
            rows = ActorsScene(**SMALL | {"frames": 1}, **options).compose(1, pose, 3).amodal[0, 0].any(1).nonzero()
            found.append(int(rows.max() - rows.min()) + 1)
        return np.array(found)

    drawn, small, large = heights(), heights(person_height=0.4), heights(person_height=0.8)
    assert np.ptp(large) < np.ptp(drawn)
    assert large / small == pytest.approx(np.full(6, 2.0), rel=0.06)


def test_noise_has_the_asked_strength():
    clean = ActorsScene(**SMALL).compose(1, 2, 3).clip.frames.float()
    noisy = ActorsScene(**SMALL, noise=3.0).compose(1, 2, 3).clip.frames.float()
    clear = (clean > 15) & (clean < 240)
    residual = (noisy - clean)[clear]
    assert residual.std().item() == pytest.approx(np.hypot(3.0, 12**-0.5), rel=0.03)
    assert abs(residual.mean().item()) < 0.05


def test_masks_partition_the_picture_and_visible_is_amodal_in_front(crowd):
    assert (crowd.visible.sum(1) <= 1).all()
    assert not (crowd.visible & ~crowd.amodal).any()
    assert torch.equal(crowd.visible.any(1), crowd.amodal.any(1))
    assert torch.equal(crowd.labels > 0, crowd.visible.any(1))


def test_depth_tells_who_is_in_front(crowd):
    overlaps = 0
    for t in range(len(crowd)):
        shown = torch.full(crowd.clip.size, -1)
        for n in crowd.order[t].tolist():
            overlaps += int((crowd.amodal[t, n] & (shown >= 0)).sum())
            shown[crowd.amodal[t, n]] = n
        for n in range(3):
            assert torch.equal(shown == n, crowd.visible[t, n])
    assert overlaps > 500


def test_the_flow_brings_the_next_frame_and_the_one_before_back(clip):
    frames, figure = clip.clip.frames.float(), clip.visible[:, 0]
    for flow, occluded, there, here, shown in (
        (clip.forward_flow, clip.forward_occluded, frames[1:], frames[:-1], figure[:-1]),
        (clip.backward_flow, clip.backward_occluded, frames[:-1], frames[1:], figure[1:]),
    ):
        error = (warp(there, flow) - here).abs().mean(1)
        still = (there - here).abs().mean(1)
        assert error[~occluded].mean() < 0.4 * still[~occluded].mean()
        assert error[~occluded & shown].mean() < 0.2 * still[~occluded & shown].mean()
        assert error[~occluded & shown].median() < 2


def test_what_is_occluded_does_not_come_back(clip):
    """Hidden pixels find other things where the flow leads: the error there is far larger."""
    frames = clip.clip.frames.float()
    error = (warp(frames[1:], clip.forward_flow) - frames[:-1]).abs().mean(1)
    seen_again = ~clip.forward_occluded & clip.touched[:-1]
    assert error[clip.forward_occluded].mean() > 4 * error[seen_again].mean()


def test_the_flow_of_the_background_is_that_of_the_camera(clip):
    for t in range(len(clip) - 1):
        step = clip.camera[t + 1] @ torch.linalg.inv(clip.camera[t])
        free = ~clip.visible[t, 0]
        expected = affine_flow(step[:2], clip.clip.size)
        assert torch.allclose(clip.forward_flow[t][:, free], expected[:, free], atol=1e-4)
    assert torch.allclose(clip.camera[0], torch.eye(3, dtype=torch.float64))


def test_a_moving_camera_moves_and_a_static_one_does_not():
    static, moving = (ActorsScene(**SMALL, camera=camera).compose(1, 2, 3) for camera in ("static", "moving"))
    assert (static.camera == torch.eye(3, dtype=torch.float64)).all()
    assert (static.plate == static.plate[:1]).all()
    shift = (moving.camera[-1] - moving.camera[0])[:2, 2].norm()
    assert 0.3 < shift < 0.1 * 128
    assert not (moving.plate[0] == moving.plate[-1]).all()


def test_limbs_move_by_themselves():
    """The flow at the joints follows the joints, which no single motion of the figure would."""
    clip = ActorsScene(size=(192, 192), frames=6).compose(7, 8, 9)
    errors, wrong = [], []
    for t in range(5):
        for name in ("right elbow", "left elbow", "right knee", "left knee"):
            joint = clip.joint_names.index(name)
            x, y = clip.joints[t, 0, joint].round().long().tolist()
            step = clip.joints[t + 1, 0, joint] - clip.joints[t, 0, joint]
            if clip.visible[t, 0, y, x]:
                errors.append(float((clip.forward_flow[t, :, y, x] - step).norm()))
                wrong.append(float((clip.forward_flow[t, :, clip.visible[t, 0]].mean(1) - step).norm()))
    assert len(errors) > 10
    assert np.median(errors) < 0.3  # not always: an arm may pass before a joint
    assert np.mean(errors) < 0.5 * np.mean(wrong)


def test_joints_lie_in_the_figure(crowd, clip):
    head, hips = (clip.joint_names.index(name) for name in ("head", "hips"))
    for one in (clip, crowd):
        for t in range(len(one)):
            for n in range(one.joints.shape[1]):
                for x, y in one.joints[t, n, [head, hips]].round().long().tolist():
                    if 0 <= x < one.clip.size[1] and 0 <= y < one.clip.size[0]:
                        assert one.amodal[t, n, y, x]


def test_occlusion_agrees_with_the_round_trip_of_the_flows(clip, crowd):
    for one in (clip, crowd):
        for flow, back, occluded in (
            (one.forward_flow, one.backward_flow, one.forward_occluded),
            (one.backward_flow, one.forward_flow, one.backward_occluded),
        ):
            missed = occlusion(flow, back, threshold=1.0)
            assert (missed == occluded).float().mean() > 0.985
            assert (missed & occluded).sum() > 0.7 * (missed | occluded).sum()


@pytest.mark.parametrize("action", range(len(ACTIONS)))
def test_every_action_moves_and_stays_in_reach(action):
    seed = next(seed for seed in range(99) if np.random.default_rng(seed).integers(len(ACTIONS)) == action)
    moves = draw_moves(np.random.default_rng(seed), np.arange(400) / 16, 0.3)
    assert np.abs(moves.travel).max() <= 0.3 + 1e-9
    assert np.abs(moves.yaw).max() < 90
    assert max(np.ptp(moves.arm_aside), np.ptp(moves.forearm_aside), np.ptp(moves.arm_forward)) > 8
    for name, track in vars(moves).items():
        steps = np.abs(np.diff(track, axis=0)).max()
        assert steps < (0.06 if name in ("travel", "jump") else 28), name


def test_affine_maps_agree_with_linear_algebra():
    rng = np.random.default_rng(0)
    one, two = (np.concatenate([rng.normal(size=(2, 3)), [[0, 0, 1]]]) for _ in range(2))
    assert np.allclose(compose_affine(one, two), one @ two)
    assert np.allclose(inverse_affine(one), np.linalg.inv(one))
    parts = rng.integers(0, 2, (5, 7))
    x, y = destinations(parts, np.stack([one, two]))
    for row, column in ((0, 0), (4, 6), (2, 3)):
        end = (one, two)[parts[row, column]] @ (column, row, 1)
        assert np.allclose((x[row, column], y[row, column]), end[:2])
    flow = flow_to(x, y)
    assert np.allclose(flow[0] + np.arange(7), x, atol=1e-5)
    assert np.allclose(flow[1] + np.arange(5)[:, None], y, atol=1e-5)


def test_outside_is_beyond_the_outermost_pixel_centres():
    x, y = np.array([0.0, 6.0, 6.01, -0.01, 3.0]), np.array([0.0, 4.0, 1.0, 1.0, 4.01])
    assert outside(x, y, (5, 7)).tolist() == [False, False, True, True, True]


def test_noise_is_smooth_and_bounded_and_the_blur_keeps_the_mean():
    x, y = np.arange(200, dtype=np.float32)[None] / 100, np.arange(120, dtype=np.float32)[:, None] / 100
    field = clouds(np.random.default_rng(1), x, y, 0.3, 3)
    assert field.shape == (120, 200)
    assert np.abs(field).max() < 1.2
    assert field.std() > 0.15
    assert np.abs(np.diff(field, axis=1)).max() < 0.15
    soft = blurred(field, 4)
    assert np.abs(np.diff(soft, axis=1)).max() < np.abs(np.diff(field, axis=1)).max()
    assert soft[20:-20, 20:-20].mean() == pytest.approx(field[20:-20, 20:-20].mean(), abs=0.02)
    spike = np.zeros((21, 21), np.float32)
    spike[10, 10] = 1
    assert blurred(spike, 2).sum() == pytest.approx(1, abs=1e-5)
    assert blurred(spike, 2)[10, 10] == pytest.approx(1 / 25, abs=1e-6)


def test_the_triangle_wave():
    assert triangle(np.array([0.0, 0.25, 0.5, 0.75, 1.0, -0.5])).tolist() == [0, 0.5, 1, 0.5, 0, 1]
