"""Controls, steadiness, likeness to real frames and the distance of distributions."""

from __future__ import annotations

import math

import pytest
import torch

from maskreel.common.metrics import psnr
from maskreel.inversion.report import (
    DeclaredFlow,
    Subject,
    blurred,
    kernel_distance,
    mask_motion,
    nearest_frames,
    noise,
    normalised,
    silhouettes,
    steadiness,
    swapped,
)
from maskreel.inversion.targets import FrameTarget

SIZE = (32, 48)


def moving(count: int = 3, *, step: int = 4, label: int = 1) -> tuple[FrameTarget, ...]:
    """A square of 10 pixels that moves to the right."""
    masks = torch.zeros(count, 1, *SIZE, dtype=torch.bool)
    for time in range(count):
        masks[time, 0, 10:20, 5 + step * time : 15 + step * time] = True
    return tuple(FrameTarget(one, torch.tensor([label])) for one in masks)


def subject(name: str = "a", *, kind: str | None = "red rubber cube", count: int = 3) -> Subject:
    frames = torch.zeros(count, 3, *SIZE, dtype=torch.uint8)
    return Subject(name, frames, moving(count), ("background", kind))


def test_silhouettes_have_the_colour_of_their_class_and_nothing_else() -> None:
    pictures = silhouettes(subject())
    mask = moving()[1].masks[0]
    assert pictures[1][:, mask].unique(dim=1).flatten().tolist() == [173, 35, 35]  # CLEVR's red
    assert pictures[1][:, ~mask].unique().tolist() == [128]
    others = silhouettes(subject(kind="bear"))[1][:, mask].unique(dim=1)
    assert others.shape == (3, 1)
    assert others.flatten().tolist() != [128] * 3


def test_blurring_keeps_the_mean_and_takes_the_edge() -> None:
    flat = silhouettes(subject())
    soft = blurred(flat)
    assert torch.allclose(soft.float().mean((-2, -1)), flat.float().mean((-2, -1)), atol=0.5)
    edge = soft[0, 0, 15].float().diff().abs().max()
    assert 1 < edge < 0.6 * (173 - 128)
    assert torch.equal(blurred(torch.full_like(flat, 77)), torch.full_like(flat, 77))


def test_noise_is_that_of_the_start_and_of_its_seed() -> None:
    first = noise(subject(), seed=1)
    assert torch.equal(first, noise(subject(), seed=1))
    assert not torch.equal(first, noise(subject(), seed=2))
    assert float(first.double().mean()) == pytest.approx(127.5, abs=2)
    assert float(first.double().std()) == pytest.approx(0.25 * 255, rel=0.06)  # a little less: cut off at both ends


def test_swapped_masks_are_of_the_other_sequence_or_of_another_time() -> None:
    one, other = subject("a", count=4), subject("b", kind="bear", count=3)
    targets, names = swapped((one, other), 0)
    assert names == ("background", "bear")
    assert [int(target.boxes[0, 0]) for target in targets] == [5, 9, 13, 5]
    alone, names = swapped((one,), 0)
    assert names == one.class_names
    assert [int(target.boxes[0, 0]) for target in alone] == [13, 17, 5, 9]
    with pytest.raises(ValueError, match="needs two frames or two sequences"):
        swapped((subject(count=1),), 0)


def test_normalised_between_noise_and_real() -> None:
    assert normalised(0.5, noise=0.1, real=0.9) == pytest.approx(0.5)
    assert normalised(0.1, noise=0.1, real=0.9) == 0
    assert math.isnan(normalised(0.1, noise=0.3, real=0.3))


def test_steadiness_along_a_declared_flow() -> None:
    targets = moving()
    frames = torch.full((3, 3, *SIZE), 100, dtype=torch.uint8)
    for frame, target in zip(frames, targets, strict=True):
        frame[:, target.masks[0]] = 200
    flows = torch.zeros(2, 2, *SIZE)
    flows[0, 0][targets[0].masks[0]] = 4
    flows[1, 0][targets[1].masks[0]] = 4
    hidden = torch.zeros(2, *SIZE, dtype=torch.bool)
    for pair in range(2):
        hidden[pair] = targets[pair + 1].masks[0] & ~targets[pair].masks[0]
    exact = DeclaredFlow("exact flow", flows, hidden)
    still = steadiness(frames, targets, exact)
    assert still.warping < 1e-12
    assert (still.background, still.drift, still.pairs) == (0, 0, 2)
    brighter = frames + torch.tensor([0, 10, 20], dtype=torch.uint8)[:, None, None, None]
    drifting = steadiness(brighter, targets, exact)
    assert drifting.background == pytest.approx(10, abs=1e-4)
    assert drifting.drift == pytest.approx(1000, rel=1e-4)  # ten levels per frame
    assert drifting.warping == pytest.approx((10 / 255) ** 2, rel=1e-4)
    assert math.isnan(steadiness(frames[:1], targets[:1], exact).warping)


def test_the_flow_of_the_masks_is_declared() -> None:
    flow = mask_motion(moving())
    inner = torch.zeros(SIZE, dtype=torch.bool)
    inner[12:18, 7:13] = True
    assert "masks" in flow.source
    assert flow.flows.dtype == torch.float32
    assert float((flow.flows[0, 0][inner] - 4).abs().max()) < 0.5
    assert flow.hidden[0, 15, 17]  # background that the square covers in the next frame
    assert not flow.hidden[0][inner].any()


def test_the_nearest_real_frame_is_found_in_any_of_the_videos() -> None:
    generator = torch.Generator().manual_seed(0)
    videos = [torch.randint(256, (count, 3, *SIZE), generator=generator, dtype=torch.uint8) for count in (40, 3)]
    copied = videos[1][1].clone()
    copied[:, :4] = 0
    found = nearest_frames(torch.stack([copied, videos[0][35]]), videos)
    assert [one.place for one in found] == [41, 35]
    assert found[0].psnr == pytest.approx(float(psnr(copied, videos[1][1])))
    assert found[1].psnr == 100.0  # equal, and finite
    assert found[1].ssim == pytest.approx(1)
    with pytest.raises(ValueError, match=r"videos must hold frames of shape \(3, 32, 48\), got \[\]"):
        nearest_frames(copied[None], [])


def test_distributions_need_enough_pictures() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(160, 8, generator=generator)
    alike = kernel_distance(features[:80], features[80:])
    apart = kernel_distance(features[:80] + 1, features[80:])
    assert abs(alike.value) < 0.3
    assert apart.value > 1
    assert apart.counts == (80, 80)
    with pytest.raises(ValueError, match="needs 50 pictures of each kind, got 49, 80"):
        kernel_distance(features[:49], features[80:])
    with pytest.raises(ValueError, match=r"got \(80, 8\) and \(80, 7\)"):
        kernel_distance(features[:80], features[80:, :7])


def test_the_kernel_distance_is_that_of_its_definition() -> None:
    x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [2.0, 0.0]])

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return (float(a @ b) / 2 + 1) ** 3

    within = kernel(x[0], x[1]) + kernel(y[0], y[1])
    across = sum(kernel(a, b) for a in x for b in y) / 4
    found = kernel_distance(x, y, subsets=2, floor=2)
    assert found.value == pytest.approx(within - 2 * across)
    assert found.deviation == pytest.approx(0)


def test_subjects_hold_together() -> None:
    frames = torch.zeros(3, 3, *SIZE, dtype=torch.uint8)
    with pytest.raises(ValueError, match="targets must be 3"):
        Subject("a", frames, moving(2), ("background", "x"))
    with pytest.raises(ValueError, match="real must have shape"):
        Subject("a", frames, moving(3), ("background", "x"), real=frames[:2])
    with pytest.raises(ValueError, match="frames must be uint8"):
        Subject("a", frames.float(), moving(3), ("background", "x"))
    assert [int(one.boxes[0, 0]) for one in subject(count=5).sampled(3).targets] == [5, 13, 21]
    with pytest.raises(ValueError, match="count must be 1 or more, got 0"):
        subject().sampled(0)
