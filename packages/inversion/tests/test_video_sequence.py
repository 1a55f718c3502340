"""Motion and visibility of sequences, the temporal term, and what starts from a neighbour."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.metrics import warping_error
from maskreel.common.world import TableScene
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.video import SequenceMotion, multi_pass, temporal_error, warped_start

SIZE = (32, 48)


def square(left: int, top: int = 10, side: int = 10) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[top : top + side, max(left, 0) : left + side] = True
    return mask


def target(*masks: torch.Tensor, void: torch.Tensor | None = None) -> FrameTarget:
    return FrameTarget(torch.stack(masks), torch.arange(len(masks)) + 1, void)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.fixture
def sliding() -> list[FrameTarget]:
    """A square that moves 3 pixels to the right in each of 6 frames."""
    return [target(square(5 + 3 * time)) for time in range(6)]


def painted(targets: list[FrameTarget], generator: torch.Generator) -> torch.Tensor:
    """A textured square that slides over a textured background."""
    ground, texture = torch.rand(3, *SIZE, generator=generator), torch.rand(3, 10, 10, generator=generator)
    frames = ground.repeat(len(targets), 1, 1, 1)
    for frame, one in zip(frames, targets, strict=True):
        frame[:, one.masks[0]] = texture.flatten(1)
    return frames


@pytest.mark.parametrize("kind", ["affine", "free"])
def test_flow_and_visibility_of_a_sliding_square(sliding: list[FrameTarget], kind: str) -> None:
    motion = SequenceMotion.of(sliding, kind=kind)  # pyright: ignore[reportArgumentType]
    assert len(motion) == 5
    assert motion.frames == 6
    for pair in range(5):
        here, there = sliding[pair].masks[0], sliding[pair + 1].masks[0]
        assert (motion.forward[pair][0, here] - 3).abs().max() < 0.02
        assert (motion.backward[pair][0, there] + 3).abs().max() < 0.02
        assert (motion.forward[pair][:, ~here] == 0).all()
        # the object is seen in both frames, the background where no frame covers it
        assert torch.equal(motion.forward_visible[pair], here | ~there)
        assert torch.equal(motion.backward_visible[pair], there | ~here)


def test_what_leaves_the_picture_is_not_visible() -> None:
    motion = SequenceMotion.of([target(square(-2)), target(square(-6))])
    assert not motion.forward_visible[0, 10:20, :4].any()
    assert motion.forward_visible[0, 10:20, 5:8].all()


def test_object_that_is_absent_is_invisible_there() -> None:
    here, gone = square(5), torch.zeros(SIZE, dtype=torch.bool)
    motion = SequenceMotion.of([target(here), target(gone), target(here)])
    assert not motion.forward_visible[0, here].any()
    assert not motion.backward_visible[1, here].any()
    assert motion.forward_visible[:, ~here].all()
    assert not motion.forward.any()


def test_void_is_seen_nowhere() -> None:
    void = square(30)
    motion = SequenceMotion.of([target(square(5), void=void), target(square(5))])
    assert torch.equal(motion.forward_visible[0], ~void)
    assert torch.equal(motion.backward_visible[0], ~void)


@pytest.mark.parametrize("count", [0, 2])
def test_single_frame_and_no_objects(count: int) -> None:
    empty = FrameTarget(torch.zeros(count, *SIZE, dtype=torch.bool), torch.ones(count, dtype=torch.int64))
    single = SequenceMotion.of([empty])
    assert single.forward.shape == (0, 2, *SIZE)
    assert temporal_error(torch.rand(1, 3, *SIZE, requires_grad=True), single).shape == (0,)
    motion = SequenceMotion.of([empty, empty])
    assert motion.forward_visible.all()
    assert not motion.backward.any()


def test_visibility_and_flow_agree_with_the_world() -> None:
    world = TableScene(frames=5, size=(120, 180), resting=(0, 1), entry_seconds=(-1.2, 0.0)).render(4)
    targets = [FrameTarget(masks, torch.tensor(world.classes)) for masks in world.visible]
    motion = SequenceMotion.of(targets)
    objects = world.visible[:-1].any(1)
    agree = motion.forward_visible == ~world.forward_occluded
    assert agree.float().mean() > 0.99
    assert agree[objects].float().mean() > 0.9
    hidden = world.forward_occluded
    assert (hidden & ~motion.forward_visible).sum() > 0.7 * hidden.sum()


def test_camera_carries_the_background_both_ways(sliding: list[FrameTarget]) -> None:
    camera = torch.tensor([[1.0, 0.0, 4.0], [0.0, 1.0, -2.0]]).repeat(5, 1, 1)
    motion = SequenceMotion.of(sliding, camera=camera)
    ground = ~sliding[0].masks[0]
    assert (motion.forward[0].movedim(0, -1)[ground] == torch.tensor([4.0, -2.0])).all()
    assert (motion.backward[0].movedim(0, -1)[~sliding[1].masks[0]] == torch.tensor([-4.0, 2.0])).all()
    assert not motion.forward_visible[0, :, -4:].any()
    assert not motion.forward_visible[0, :2].any()


def test_longer_steps_add_up(sliding: list[FrameTarget]) -> None:
    steps = SequenceMotion.of(sliding)
    for stride in (2, 4):
        motion, mask = steps.strided(stride), sliding[0].masks[0]
        assert len(motion) == 6 - stride
        assert motion.frames == 6
        assert (motion.forward[0][0, mask] - 3 * stride).abs().max() < 0.05
        assert (motion.backward[0][0, sliding[stride].masks[0]] + 3 * stride).abs().max() < 0.05
        passed = torch.stack([one.masks[0] for one in sliding[1 : stride + 1]]).any(0)
        assert torch.equal(motion.forward_visible[0], mask | ~passed)
    assert len(steps.strided(7)) == 0


def test_chunk_is_the_motion_of_its_frames(sliding: list[FrameTarget]) -> None:
    whole, part = SequenceMotion.of(sliding), SequenceMotion.of(sliding[2:5])
    chunk = whole.chunk(2, 5)
    assert torch.equal(chunk.forward, part.forward)
    assert torch.equal(chunk.backward_visible, part.backward_visible)
    assert len(whole.chunk(3, 4)) == 0
    with pytest.raises(ValueError, match="within 0 to 6, in this order, got 3 and 7"):
        whole.chunk(3, 7)


def test_temporal_error_is_the_warping_error_of_the_metrics(
    sliding: list[FrameTarget], generator: torch.Generator
) -> None:
    motion = SequenceMotion.of(sliding)
    images = torch.rand(6, 3, *SIZE, generator=generator)
    truth = warping_error(images, motion.forward.float(), ~motion.forward_visible)
    assert torch.allclose(temporal_error(images, motion).double(), truth, rtol=1e-5)
    steady = painted(sliding, generator)
    assert temporal_error(steady, motion).max() < 1e-3
    assert temporal_error(steady, motion.strided(2)).max() < 1e-3
    still = SequenceMotion.of([target(square(5))] * 6)
    assert temporal_error(steady, still).min() > 5e-3


def test_gradient_makes_neighbours_agree_and_spares_what_is_hidden(
    sliding: list[FrameTarget], generator: torch.Generator
) -> None:
    motion = SequenceMotion.of(sliding[:2])
    images = torch.rand(2, 3, *SIZE, generator=generator).requires_grad_()
    before = temporal_error(images, motion)
    (gradient,) = torch.autograd.grad(before.sum(), images)
    hidden = ~motion.forward_visible[0]
    assert hidden.any()
    assert (gradient[0][:, hidden] == 0).all()
    assert gradient[1].abs().max() > 0
    after = temporal_error((images - 100 * gradient).detach(), motion)
    assert after < 0.95 * before


def test_temporal_error_where_nothing_is_seen_is_zero(generator: torch.Generator) -> None:
    void = torch.ones(SIZE, dtype=torch.bool)
    motion = SequenceMotion.of([target(square(5), void=void)] * 2)
    images = torch.rand(2, 3, *SIZE, generator=generator).requires_grad_()
    error = temporal_error(images, motion)
    error.sum().backward()
    assert error.tolist() == [0]
    assert images.grad is not None
    assert (images.grad == 0).all()


def test_warped_start_is_the_neighbour_moved_and_the_fill(
    sliding: list[FrameTarget], generator: torch.Generator
) -> None:
    motion = SequenceMotion.of(sliding)
    frames = painted(sliding, generator)
    seen = motion.backward_visible[0]
    start = warped_start(frames[0], motion.backward[0], seen, torch.full((3, 1, 1), 0.25))
    assert (start - frames[1])[:, seen].abs().max() < 0.05
    assert (start[:, ~seen] == 0.25).all()
    sharp = warped_start(frames[0], motion.backward[0], seen, 0.0, mode="nearest")
    assert torch.equal(sharp[:, seen], frames[1][:, seen])
    back = warped_start(frames[1], motion.forward[0], motion.forward_visible[0], 0.0, mode="nearest")
    assert torch.equal(back[:, motion.forward_visible[0]], frames[0][:, motion.forward_visible[0]])


def test_multi_pass_alternates() -> None:
    assert list(multi_pass(3, 2)) == [[(0, None), (1, 0), (2, 1)], [(2, None), (1, 2), (0, 1)]]
    assert list(multi_pass(1, 1)) == [[(0, None)]]
    with pytest.raises(ValueError, match="length must be 1 or more and passes 0 or more, got 0 and 1"):
        list(multi_pass(0, 1))


def test_bad_arguments(sliding: list[FrameTarget]) -> None:
    motion = SequenceMotion.of(sliding)
    with pytest.raises(ValueError, match="one frame or more, got none"):
        SequenceMotion.of([])
    with pytest.raises(ValueError, match=r"one shape \(N, H, W\), got \(1, 32, 48\) and \(2, 32, 48\)"):
        SequenceMotion.of([sliding[0], target(square(1), square(20))])
    with pytest.raises(ValueError, match="kind must be"):
        SequenceMotion.of(sliding, kind="none")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"camera must have shape \(5, 2, 3\) or \(5, 3, 3\)"):
        SequenceMotion.of(sliding, camera=torch.zeros(6, 3, 3))
    with pytest.raises(ValueError, match="stride must be 1 or more on a motion of stride 1, got 0 on 1"):
        motion.strided(0)
    with pytest.raises(ValueError, match=r"images must have shape \(6, 3, 32, 48\)"):
        temporal_error(torch.zeros(5, 3, *SIZE), motion)
    with pytest.raises(ValueError, match=r"visible must be bool \(H, W\)"):
        warped_start(torch.zeros(3, *SIZE), motion.forward[0], torch.ones(SIZE), 0.0)
