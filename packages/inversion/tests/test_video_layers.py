"""Videos made of layers."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.metrics import flicker, iou
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.video import Layers, SequenceMotion, temporal_error

SIZE = (40, 60)
TIMES = 5


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def ellipse(x: float, y: float = 20, width: float = 11, height: float = 8) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    return ((columns - x) / width) ** 2 + ((rows - y) / height) ** 2 <= 1


@pytest.fixture
def targets() -> list[FrameTarget]:
    """A large ellipse that moves right by 4 pixels a frame, and a small one that is gone from frame 3 on."""
    small = ellipse(45, 33, 5, 4)
    return [
        FrameTarget(torch.stack((ellipse(14 + 4 * time), small & (time < 3))), torch.tensor([1, 2]))
        for time in range(TIMES)
    ]


def free(targets: list[FrameTarget], reach: int = 2) -> torch.Tensor:
    """bool (T, H, W): pixels that no object comes near."""
    masks = torch.stack([one.masks.any(0) for one in targets]).float()[:, None]
    return torch.nn.functional.max_pool2d(masks, 2 * reach + 1, 1, reach)[:, 0] == 0


def test_background_is_the_same_to_the_bit(targets: list[FrameTarget], generator: torch.Generator) -> None:
    frames = Layers.of(targets, generator=generator).frames().detach()
    assert frames.shape == (TIMES, 3, *SIZE)
    assert flicker(frames, free(targets)).max() == 0
    own = Layers.of(targets, background="own", generator=generator).frames().detach()
    assert flicker(own, free(targets)).min() > 5


@pytest.mark.parametrize("kind", ["affine", "free"])
def test_textures_ride_with_their_objects(targets: list[FrameTarget], kind: str, generator: torch.Generator) -> None:
    layers = Layers.of(targets, kind=kind, spread=0.3, generator=generator)  # pyright: ignore[reportArgumentType]
    frames = layers.frames().detach()
    inside = [one.masks[0] & ~one.masks[1] for one in targets]
    moved = (frames[1:, :, :, 4:] - frames[:-1, :, :, :-4]).abs().mean(dim=1)
    still = (frames[1:] - frames[:-1]).abs().mean(dim=1)
    for pair in range(TIMES - 1):
        both = inside[pair][:, :-4] & inside[pair + 1][:, 4:]
        assert moved[pair][both].mean() < 0.15 * still[pair][inside[pair]].mean()
    assert temporal_error(frames, SequenceMotion.of(targets)).max() < 3e-3


def test_objects_stand_where_their_masks_are(targets: list[FrameTarget]) -> None:
    layers = Layers.of(targets, softness=0.0)
    with torch.no_grad():
        layers.background_canvases[0].pixels.zero_()
        for index, texture in enumerate(layers.texture_canvases.values()):
            texture.pixels.zero_()[index] = 1
    frames = layers.frames().detach()
    for frame, one in zip(frames, targets, strict=True):
        assert torch.equal(frame[0] > 0.5, one.masks[0] & ~one.masks[1])
        assert torch.equal(frame[1] > 0.5, one.masks[1])


def test_softness_blends_around_the_contour_only(targets: list[FrameTarget]) -> None:
    layers = Layers.of(targets, softness=1.0)
    with torch.no_grad():
        layers.background_canvases[0].pixels.zero_()
        for texture in layers.texture_canvases.values():
            texture.pixels.fill_(1)
    frame, covered = layers.frames([4])[0, 0].detach(), targets[4].masks.any(0)
    assert frame[covered].min() > 0.999
    soft = (frame > 1e-3) & (frame < 0.999)
    assert soft.any()
    assert torch.allclose(frame[soft], torch.tensor(0.5), atol=1e-3)
    assert (frame[free(targets)[4]] == 0).all()


def test_frames_of_a_batch_are_those_of_the_video(targets: list[FrameTarget], generator: torch.Generator) -> None:
    layers = Layers.of(targets, generator=generator)
    everything = layers.frames()
    assert torch.equal(layers.frames([3, 0]), everything[[3, 0]])
    assert torch.equal(layers.frames(torch.tensor([2])), everything[2:3])
    assert len(layers) == TIMES


def test_gradients_reach_what_the_batch_shows_and_nothing_else(targets: list[FrameTarget]) -> None:
    layers = Layers.of(targets)
    layers.frames([1]).sum().backward()
    background = layers.background_canvases[0].pixels.grad
    assert background is not None
    assert (background[:, free(targets)[1]] == 1).all()
    assert (background[:, targets[1].masks.any(0)] == 0).all()
    assert all(texture.pixels.grad is not None for texture in layers.texture_canvases.values())
    assert [detail.grad is not None for detail in layers.details] == [False, True, False, False, False]


def test_pictures_are_fitted_by_descent(targets: list[FrameTarget], generator: torch.Generator) -> None:
    """The layers can show any video whose background stands still, and a gradient finds it."""
    wanted = torch.rand(3, 1, 1, generator=generator).expand(TIMES, 3, *SIZE).clone()
    for time, one in enumerate(targets):
        wanted[time, :, one.masks[0]] = torch.tensor([0.9, 0.1 + 0.1 * time, 0.2])[:, None]
    layers = Layers.of(targets, softness=0.0, generator=generator)
    optimiser = torch.optim.Adam(layers.parameters(), 0.05)
    for _ in range(60):
        optimiser.zero_grad()
        (layers.frames() - wanted).square().mean().backward()
        optimiser.step()
        layers.clamp_()
    assert (layers.frames() - wanted).square().mean() < 1e-3


@pytest.mark.parametrize("foreground", ["riding", "own"])
def test_resized_video_is_the_same_picture(
    targets: list[FrameTarget], foreground: str, generator: torch.Generator
) -> None:
    small = Layers.of(targets, size=(20, 30), foreground=foreground, generator=generator)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        textures = [canvas.pixels for canvas in small.texture_canvases.values()]
        for texture in (*textures, *(small.details if foreground == "own" else ())):
            texture.copy_(torch.linspace(0.2, 0.8, texture.shape[2]).expand_as(texture))
    large = small.resized(SIZE)
    assert large.frames().shape == (TIMES, 3, *SIZE)
    shrunk = torch.nn.functional.avg_pool2d(large.frames().detach(), 2)
    assert (shrunk - small.frames().detach()).abs().mean() < 0.05
    fresh = Layers.of(targets, foreground=foreground)  # pyright: ignore[reportArgumentType]
    shapes = [tuple(parameter.shape) for parameter in large.parameters()]
    assert shapes == [tuple(parameter.shape) for parameter in fresh.parameters()]
    with torch.no_grad():
        large.background_canvases[0].pixels.zero_()
    assert small.background_canvases[0]().mean() > 0.4


def test_state_is_restored_exactly(targets: list[FrameTarget], generator: torch.Generator) -> None:
    layers, other = Layers.of(targets, generator=generator), Layers.of(targets, generator=generator)
    assert not torch.equal(layers.frames(), other.frames())
    other.load_state_dict(layers.state_dict())
    assert torch.equal(layers.frames(), other.frames())


def test_same_generator_same_pixels(targets: list[FrameTarget]) -> None:
    one, two = (Layers.of(targets, generator=torch.Generator().manual_seed(3)).frames() for _ in range(2))
    assert torch.equal(one, two)


def test_pixels_out_of_range_are_cut_off_but_not_stuck(targets: list[FrameTarget]) -> None:
    layers = Layers.of(targets, level=0.9, spread=0.0)
    with torch.no_grad():
        layers.details[0].fill_(0.4)
    frames = layers.frames([0])
    assert frames.max() == 1
    frames.sum().backward()
    assert layers.details[0].grad is not None
    assert layers.details[0].grad.max() > 0
    with torch.no_grad():
        layers.background_canvases[0].pixels.fill_(1.5)
        layers.details[0].fill_(-2)
    layers.clamp_()
    assert layers.background_canvases[0]().max() == 1
    assert layers.details[0].min() == -0.5


def test_own_foregrounds_are_pictures_of_their_own(targets: list[FrameTarget], generator: torch.Generator) -> None:
    layers = Layers.of(targets, foreground="own", generator=generator)
    assert not layers.textures
    assert [detail.shape for detail in layers.details] == [(3, *SIZE)] * TIMES
    with torch.no_grad():
        layers.details[2].fill_(2)
    layers.clamp_()
    frames = layers.frames().detach()
    assert (frames[2][:, targets[2].masks.any(0)] > 0.999).all()
    assert flicker(frames, free(targets)).max() == 0


@pytest.mark.parametrize("count", [0, 2])
def test_no_objects_and_a_single_frame(count: int) -> None:
    empty = FrameTarget(torch.zeros(count, *SIZE, dtype=torch.bool), torch.ones(count, dtype=torch.int64))
    layers = Layers.of([empty])
    assert torch.equal(layers.frames()[0], layers.background_canvases[0]())
    assert not layers.textures


def test_texture_keeps_to_a_turning_and_growing_object(generator: torch.Generator) -> None:
    """Registered to the anchor and not from frame to frame, errors do not add up over 12 frames."""
    masks = [ellipse(25 + time, 20, 9 + 0.5 * time, 7 + 0.3 * time) for time in range(12)]
    targets = [FrameTarget(mask[None], torch.tensor([1])) for mask in masks]
    layers = Layers.of(targets, kind="affine", details=0, softness=0.0, generator=generator)
    with torch.no_grad():
        layers.background_canvases[0].pixels.zero_()
        texture = layers.texture_canvases["0"].pixels
        texture.zero_()[:, texture.shape[1] // 2 :] = 1  # the lower half is white
    for frame, mask in zip(layers.frames().detach(), masks, strict=True):
        lower = mask.clone()
        lower[:20] = False
        assert iou(frame[0] > 0.5, lower) > 0.85


def test_pyramids_of_pixels_leave_the_background_still(targets: list[FrameTarget], generator: torch.Generator) -> None:
    layers = Layers.of(targets, levels=3, generator=generator)
    optimiser = torch.optim.Adam(layers.parameters(), 0.05)
    before = float(layers.frames().detach().mean())
    for _ in range(3):
        optimiser.zero_grad()
        (-layers.frames([0, 2]).mean()).backward()
        optimiser.step()
        layers.clamp_()
    frames = layers.resized((20, 30)).frames().detach()
    assert frames.mean() > before + 0.1
    assert flicker(layers.frames().detach(), free(targets)).max() == 0


def test_bad_arguments(targets: list[FrameTarget]) -> None:
    with pytest.raises(ValueError, match="background must be 'shared' or 'own', got 'none'"):
        Layers.of(targets, background="none")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="foreground must be 'riding' or 'own', got 'none'"):
        Layers.of(targets, foreground="none")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="details must be 0 to 1, got 2"):
        Layers.of(targets, details=2)
    with pytest.raises(ValueError, match="softness must be 0 or more pixels, got -1"):
        Layers.of(targets, softness=-1)
    with pytest.raises(ValueError, match="one frame or more"):
        Layers.of([])
