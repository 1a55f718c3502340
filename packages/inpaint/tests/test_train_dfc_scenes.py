"""The procedural scenes, holes and prepared clips that flow completion is trained on."""

import numpy as np
import pytest
import torch

from maskreel.common.flow import warp
from maskreel.inpaint.dfc_training._camera_path import CameraPath
from maskreel.inpaint.dfc_training._plane_flow import plane_flow
from maskreel.inpaint.dfc_training.holes import random_holes
from maskreel.inpaint.dfc_training.material import Material, planes_material, world_material
from maskreel.inpaint.dfc_training.planes import PlanesScene
from maskreel.inpaint.dfc_training.prepare import prepared

SIZE = (96, 160)


@pytest.fixture(scope="module")
def clips():
    return [PlanesScene(SIZE, 3).render(seed) for seed in range(6)]


def _tensor(picture):
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]


def test_a_plane_moves_by_its_homography():
    turn = np.array([[0.0, -1, 5], [1, 0, 2], [0, 0, 2]])
    flow = plane_flow(turn, (3, 4))
    for x, y in ((0, 0), (3, 2)):
        moved = turn @ (x, y, 1)
        assert np.allclose(flow[y, x], moved[:2] / moved[2] - (x, y))


def test_exact_flow_takes_every_frame_to_the_next(clips):
    """Warped by the flow a frame equals its neighbour, but for what gets hidden, sensor noise and sampling."""
    for clip in clips:
        for flows, here, there in ((clip.forward, 0, 1), (clip.backward, 1, 0)):
            flow = torch.from_numpy(flows[0]).permute(2, 0, 1)[None]
            warped = warp(_tensor(clip.clean[there]), flow)
            still = _tensor(clip.clean[there])
            error = (warped - _tensor(clip.clean[here])).abs().mean(1)[0]
            without = (still - _tensor(clip.clean[here])).abs().mean(1)[0]
            assert error.median() < 6
            if without.median() > 6:
                assert error.median() < 0.6 * without.median()


def test_forward_and_backward_flow_are_inverse_where_nothing_is_hidden(clips):
    for clip in clips:
        forward, backward = (torch.from_numpy(flow[1]).permute(2, 0, 1)[None] for flow in (clip.forward, clip.backward))
        around = forward + warp(backward, forward)
        assert around.square().sum(1).sqrt().median() < 0.05


def test_the_subject_is_the_only_difference(clips):
    for clip in clips:
        differs = (clip.frames != clip.clean).any(-1)
        assert not (differs & ~clip.subject).any()
    assert any(clip.subject.any() for clip in clips)


def test_scenes_move_and_differ(clips):
    speeds = [np.linalg.norm(clip.forward, axis=-1).mean() for clip in clips]
    assert max(speeds) > 0.3
    assert len({clip.clean.tobytes() for clip in clips}) == len(clips)
    again = PlanesScene(SIZE, 3).render(2)
    assert np.array_equal(again.frames, clips[2].frames)
    assert np.array_equal(again.forward, clips[2].forward)


def test_a_camera_is_at_rest_at_mid_clip():
    for seed in range(10):
        path = CameraPath.draw(np.random.default_rng(seed), SIZE, 7)
        assert np.allclose(path.position[3], 0)
        assert np.allclose(path.rotation[3], np.eye(3))
        assert np.allclose(path.rotation @ path.rotation.transpose(0, 2, 1), np.eye(3))
        assert path.zoom[3] == pytest.approx(path.focal)


def test_the_middle_hole_is_a_box_at_rest():
    holes = random_holes("middle", 3, (64, 80), np.random.default_rng(0))
    expected = np.zeros((64, 80), bool)
    expected[16:48, 20:60] = True
    assert all(np.array_equal(hole, expected) for hole in holes)


def test_boxes_have_half_the_sides_and_stay_inside():
    for seed in range(8):
        holes = random_holes("box", 5, (64, 80), np.random.default_rng(seed))
        assert (holes.sum((1, 2)) == 32 * 40).all()


def test_shapes_move_or_rest_and_never_cover_everything():
    drawn = [random_holes("shapes", 5, (64, 80), np.random.default_rng(seed)) for seed in range(20)]
    moving = [not np.array_equal(holes[0], holes[-1]) for holes in drawn]
    assert 4 < sum(moving) < 20
    assert max(hole.mean() for holes in drawn for hole in holes) < 0.9


def test_misfit_arguments_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="kind must be one of middle, box, shapes, got 'round'"):
        random_holes("round", 3, (64, 80), rng)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="frames must be 1 or more, got 0"):
        random_holes("box", 0, (64, 80), rng)
    with pytest.raises(ValueError, match="16 or more each, got"):
        random_holes("box", 3, (8, 80), rng)
    with pytest.raises(ValueError, match="32 or more each, got"):
        PlanesScene((16, 160))
    with pytest.raises(ValueError, match="frames must be 2 or more, got 1"):
        PlanesScene(SIZE, 1)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        PlanesScene().render(-1)


def test_some_planes_have_a_subject_to_remove():
    found = [planes_material(seed, size=SIZE, frames=2) for seed in range(6)]
    kept = [material.subject is not None for material in found]
    assert any(kept)
    assert not all(kept)


def test_the_worlds_background_moves_as_its_camera_does():
    """The truth of a clip with a hand-held camera takes the clean plate to the next one."""
    from maskreel.inpaint.dfc_training.material import _world_clip

    for seed in (1, 2):
        material = world_material(seed, size=(96, 160), frames=2)
        plate = _world_clip(seed, (96, 160), 2).plate.float()
        assert material.forward is not None
        assert material.subject is not None
        assert material.subject.any()
        flow = torch.from_numpy(material.forward[0]).permute(2, 0, 1)[None]
        error = (warp(plate[1:], flow) - plate[:1]).abs().mean(1)[0, 4:-4, 4:-4]
        assert error.mean() < 2.0


def test_actors_that_stay_keep_their_flow():
    material = world_material(10, size=(96, 96), frames=2)  # 10 % 4 == 2: actors; 10 // 4 % 3 == 2: they stay
    assert material.subject is None
    assert material.forward is not None
    assert material.forward.shape == (1, 96, 96, 2)


def _shifting(first, second):
    """An estimator that always says 4 px to the right and 8 px down."""
    flow = torch.tensor([4.0, 8.0])[None, :, None, None]
    return flow.expand(len(first), 2, *first.shape[2:])


def test_a_prepared_clip_holds_input_truth_and_holes():
    frames = np.zeros((3, 64, 96, 3), np.uint8)
    subject = np.zeros((3, 64, 96), bool)
    subject[1, 20:40, 30:50] = True
    truth = np.full((2, 64, 96, 2), 2, np.float32)
    material = Material(frames, subject, truth, -truth)

    def filled_with_ones(flow, region):
        return np.where(region[..., None], np.float32(1), flow)

    rng = np.random.default_rng(0)
    clip = prepared(material, rng, estimator=_shifting, fill=filled_with_ones, reduction=4)
    assert clip.dtype == np.float16
    assert clip.shape == (2, 9, 16, 24)
    hole = clip[:, 8] == 1
    assert hole[:, 5:10, 8:12].all()
    assert not hole[:, :, -4:].any()
    outside = ~hole[0]
    assert (clip[0, 0][outside] == 1).all()  # 4 px are one cell of 4 px
    assert (clip[0, 1][outside] == 2).all()
    assert (clip[0, 0, 7, 10], clip[0, 1, 7, 10]) == (0.25, 0.25)
    assert (clip[:, 4:6] == 0.5).all()
    assert (clip[:, 6:8] == -0.5).all()


def test_without_truth_the_estimate_is_the_truth():
    material = Material(np.zeros((2, 64, 96, 3), np.uint8), None, None, None)
    clip = prepared(material, np.random.default_rng(3), estimator=_shifting)
    assert clip[:, 8].any()
    assert (clip[:, 4] == 4).all()
    assert (clip[:, 7] == 8).all()
    assert np.allclose(clip[:, :4].astype(np.float32), clip[:, 4:8], atol=0.02)  # it is easily completed
