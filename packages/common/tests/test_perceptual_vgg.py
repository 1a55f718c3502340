"""The VGG-19 loss against torchvision's network and the published definition; its weights files."""

from __future__ import annotations

import copy
import hashlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torchvision.models import VGG19_Weights, vgg16, vgg19

from maskreel.common.errors import InputError
from maskreel.common.perceptual import (
    VGG3,
    VGG5,
    VGG19_WEIGHTS,
    PyramidLoss,
    VggLoss,
    _vgg_weights,
    perceptual_loss,
    slim_vgg,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")

SLICES = ((0, 2), (2, 7), (7, 12), (12, 21), (21, 30))


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    """torchvision's, with random values; its classifier, most of it, is left out."""
    with torch.device("meta"):
        layers = vgg19(weights=None).features
    assert isinstance(layers, nn.Sequential)
    generator = torch.Generator().manual_seed(7)
    layers.to_empty(device="cpu")
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            assert layer.bias is not None
            nn.init.normal_(layer.bias, std=0.1, generator=generator)
    return layers.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def full(network: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the published file, with tiny tensors for the classifier."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    state = {f"features.{key}": value for key, value in network.state_dict().items()}
    torch.save(
        state | {f"classifier.{n}.{part}": torch.zeros(1) for n in (0, 3, 6) for part in ("weight", "bias")}, path
    )
    return path


def pictures(seed: int, count: int = 1, side: int = 32) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def level(images: Tensor, factor: int) -> Tensor:
    """As published: a square Gaussian kernel over every pixel, of which most are dropped then; normalised."""
    if factor > 1:
        sigma = (factor - 1) / 2
        side = 2 * round(4 * sigma) + 1
        line = torch.exp(-((torch.arange(side, dtype=images.dtype) - side // 2) ** 2) / (2 * sigma**2))
        kernel = line[:, None] * line[None, :] / line.sum() ** 2
        images = F.conv2d(images, kernel.expand(3, 1, -1, -1), padding=side // 2, groups=3)[:, :, ::factor, ::factor]
    mean, std = (torch.tensor(values)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (images - mean) / std


def published(
    network: nn.Sequential, images: Tensor, target: Tensor, weights: Sequence[float], factors: Sequence[int]
) -> Tensor:
    """Every slice of every level, of pictures and target apart; after the last weight only zeros would be added."""
    used = max(number for number, weight in enumerate(weights, start=1) if weight)
    total = torch.zeros((), dtype=images.dtype)
    for factor in factors:
        ours, theirs = level(images, factor), level(target, factor)
        for (start, end), weight in zip(SLICES[:used], weights, strict=False):
            ours, theirs = network[start:end](ours.clone()), network[start:end](theirs.clone())
            total = total + weight * (ours - theirs.detach()).abs().mean()
    return total


@pytest.mark.parametrize(
    ("weights", "factors", "side"),
    [(VGG3, (1, 2, 4, 8), 32), (VGG5, (1, 2), 32), ((1.0, 0.0, 3.0, 0.5, 0.0), (1, 4), 32)],
    ids=["three", "five", "some"],
)
def test_values_and_gradients_are_those_of_the_published_loss(
    network: nn.Sequential, full: Path, weights: tuple[float, ...], factors: tuple[int, ...], side: int
) -> None:
    loss, true = VggLoss.load(full, weights, factors=factors).double(), pictures(2, side=side).double()
    ours, theirs = (pictures(1, side=side).double().requires_grad_() for _ in range(2))
    expected = published(copy.deepcopy(network).double(), theirs, true, weights, factors)
    value = loss(ours, loss.target(true))
    expected.backward()
    value.backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    assert (ours.grad - theirs.grad).norm() < 1e-5 * theirs.grad.norm()


def test_each_in_one_pass_equals_one_after_the_other() -> None:
    loss = VggLoss.random(1)
    target = loss.target(pictures(3, 2))
    batches = [pictures(seed, 2) for seed in (1, 2)]
    together, alone = loss.each(batches, target), [loss(images, target) for images in batches]
    torch.testing.assert_close(together, alone)
    assert together[0] != together[1]


def test_nothing_but_pictures_gets_a_gradient() -> None:
    loss = VggLoss.random()
    images, true = pictures(1).requires_grad_(), pictures(2).requires_grad_()
    target = loss.target(true)
    loss(images, target).backward()
    assert not any(feature.requires_grad for feature in target)
    assert true.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())
    assert images.grad is not None
    assert images.grad.norm() > 0


@pytest.mark.parametrize(("weights", "count"), [(VGG3, 555_328), (VGG5, 12_944_960)], ids=["three", "five"])
def test_only_what_is_needed_is_held(weights: tuple[float, ...], count: int) -> None:
    """0.555 and 12.9 million."""
    loss = VggLoss.random(0, weights)
    assert sum(parameter.numel() for parameter in loss.parameters()) == count
    assert sum(buffer.numel() for buffer in loss.buffers()) < 100


def test_slices_of_weight_0_are_not_computed_or_compared() -> None:
    loss = VggLoss.random(0, (0.0, 2.0, 0.0, 0.0, 0.0), factors=(1, 2))
    run: list[str] = []
    for name, layer in loss.layers.named_children():
        layer.register_forward_hook(lambda *_, name=name: run.append(name))
    found = loss.features(pictures(1))
    assert run == [str(number) for number in range(7)] * 2
    assert [feature.shape for feature in found] == [(1, 128, 16, 16), (1, 128, 8, 8)]
    assert loss.weights == (2.0, 2.0)


def test_layers_beyond_the_last_weight_are_let_go(network: nn.Sequential) -> None:
    loss = VggLoss(network, VGG3).double()
    assert len(loss.layers) == 12
    assert len(network) == 37
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_under_autocast_the_pyramid_and_the_means_stay_single() -> None:
    loss = VggLoss.random(0, (1.0,), factors=(1, 2))
    seen: list[torch.dtype] = []
    loss.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    exact = loss(pictures(1), loss.target(pictures(2)))
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(pictures(1).bfloat16(), loss.target(pictures(2)))
    assert set(seen) == {torch.float32}
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact.item(), rel=0.01)


def test_channels_last_gives_the_same() -> None:
    loss = VggLoss.random()
    images, true = pictures(1), pictures(2)
    expected = loss(images, loss.target(true))
    loss.to(memory_format=torch.channels_last)
    torch.testing.assert_close(loss(images, loss.target(true)), expected)


def test_random_weights_come_from_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = VggLoss.random(1), VggLoss.random(1), VggLoss.random(2)
    assert torch.equal(torch.get_rng_state(), before)
    images = pictures(3)
    assert torch.equal(one.features(images)[-1], same.features(images)[-1])
    assert not torch.equal(one.features(images)[-1], other.features(images)[-1])


def test_random_features_keep_their_size() -> None:
    sizes = [one.square().mean().item() for one in VggLoss.random(0, VGG5, factors=(1,)).features(pictures(1))]
    assert len(sizes) == 5
    assert all(0.5 < size < 10 for size in sizes)


@pytest.mark.parametrize(
    "weights", [(), (0.0, 0.0), (1.0, -1.0), (1.0,) * 6, (float("nan"),), (float("inf"),)], ids=str
)
def test_weights_of_slices_are_checked(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="slice_weights must be 1 to 5 numbers of 0 or more, one of them above 0"):
        VggLoss.random(0, weights)


def test_factors_and_layers_are_checked(network: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="factors must be one or more"):
        VggLoss.random(factors=())
    with pytest.raises(ValueError, match="layers must be 12 or more for 3 slices, got 11"):
        VggLoss(network[:11], VGG3)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 31, 32)])
def test_pictures_are_checked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H, W\) with H and W of 32 or more"):
        VggLoss.random().features(torch.zeros(shape))


def test_the_smallest_pictures_work() -> None:
    assert VggLoss.random(0, VGG5).features(pictures(1, side=128))[-1].shape == (1, 512, 1, 1)


@pytest.mark.parametrize(("slices", "weights", "megabytes"), [(3, VGG3, 2.2), (5, VGG5, 51.8)])
def test_a_slim_file_gives_the_same_loss(
    full: Path, tmp_path: Path, slices: Any, weights: tuple[float, ...], megabytes: float
) -> None:
    slim = slim_vgg(full, tmp_path / "slim.safetensors", slices=slices)
    assert slim.stat().st_size / 1e6 == pytest.approx(megabytes, abs=0.05)
    one, other = VggLoss.load(full, weights).state_dict(), VggLoss.load(slim, weights).state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_slim_files_tell_where_they_come_from(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(full.read_bytes()).hexdigest()
    told = _metadata(slim_vgg(full, tmp_path / "a.safetensors"))
    assert told["slices"] == "3"
    assert told["source_sha256"] == digest
    assert told["origin"] == "vgg19.pth, which is not the published file"
    assert told["licence"] == "unknown"
    monkeypatch.setattr(_vgg_weights, "VGG19_WEIGHTS", replace(VGG19_WEIGHTS, sha256=digest[:8]))
    told = _metadata(slim_vgg(full, tmp_path / "b.safetensors"))
    assert told["licence"].startswith("BSD-3-Clause")
    assert "torchvision" in told["origin"]


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def test_names_and_shapes_are_those_of_torchvision() -> None:
    with torch.device("meta"):
        theirs = vgg19(weights=None).features.state_dict()
    for key, value in VggLoss.random(0, VGG5).layers.state_dict().items():
        assert value.shape == theirs[key].shape


def test_the_entry_is_that_of_torchvision() -> None:
    theirs = VGG19_Weights.IMAGENET1K_V1
    assert theirs.url == VGG19_WEIGHTS.url
    assert theirs.url.endswith(f"/{VGG19_WEIGHTS.name}")
    assert f"-{VGG19_WEIGHTS.sha256}." in VGG19_WEIGHTS.name
    assert VGG19_WEIGHTS.size / 2**20 == pytest.approx(theirs.meta["_file_size"], abs=1e-3)
    assert {f"ImageNet-1K {k}": v for k, v in theirs.meta["_metrics"]["ImageNet-1K"].items()} == VGG19_WEIGHTS.metrics


def test_nothing_of_torchvision_is_needed(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert len(VggLoss.load(full).features(pictures(1))) == 12


def test_wrong_files_are_refused(full: Path, tmp_path: Path) -> None:
    expected = r"expected torchvision's vgg19-dcbb9e9d\.pth or what slim_vgg made of it$"
    with pytest.raises(InputError, match=rf"nothing\.pth is not a file, {expected}"):
        VggLoss.load(tmp_path / "nothing.pth")
    other = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, other)
    with pytest.raises(InputError, match=rf"other\.safetensors does not hold VGG-19, {expected}"):
        slim_vgg(other, tmp_path / "slim.safetensors")
    slim = slim_vgg(full, tmp_path / "slim.safetensors")
    with pytest.raises(InputError, match=r"slim\.safetensors holds 3 slices of VGG-19, but 5 are asked for"):
        VggLoss.load(slim, VGG5)


def test_vgg_16_is_refused_although_its_first_slices_look_the_same(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in vgg16(weights=None).features.state_dict().items()}
    path = tmp_path / "vgg16.safetensors"
    save_file({f"features.{key}": torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}, path)
    with pytest.raises(InputError, match=r"vgg16\.safetensors does not hold VGG-19"):
        VggLoss.load(path)


def test_other_shapes_are_refused(full: Path, tmp_path: Path) -> None:
    from maskreel.common.weights import load_state_dict

    state = load_state_dict(slim_vgg(full, tmp_path / "slim.safetensors"))
    save_file(state | {"features.5.weight": torch.zeros(1)}, tmp_path / "bent.safetensors")
    with pytest.raises(InputError, match=r"bent\.safetensors does not fit .* 5\.weight \(1 in the file, 128x64x3x3"):
        VggLoss.load(tmp_path / "bent.safetensors")


def test_slimming_is_checked(full: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"slim\.pth must end in \.safetensors"):
        slim_vgg(full, tmp_path / "slim.pth")
    with pytest.raises(ValueError, match="slices must be 3 or 5, got 4"):
        slim_vgg(full, tmp_path / "slim.safetensors", slices=4)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_losses_by_name(full: Path) -> None:
    three, five, random = perceptual_loss("vgg3", full), perceptual_loss("vgg5", full), perceptual_loss("random-vgg")
    assert isinstance(three, VggLoss)
    assert isinstance(five, VggLoss)
    assert isinstance(random, VggLoss)
    assert (three.weights, five.weights) == ((10.0,) * 12, (10.0,) * 20)
    assert torch.equal(random.state_dict()["layers.0.weight"], VggLoss.random(0).state_dict()["layers.0.weight"])
    assert isinstance(perceptual_loss("pyramid"), PyramidLoss)


def test_no_loss_stands_in_for_another(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKREEL_CACHE", str(tmp_path))
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d\.pth is not here and downloads are switched off"):
        perceptual_loss("vgg3")
    with pytest.raises(InputError, match=r"vgg19\.pth is of no use to the loss pyramid; weights are for vgg3 and vgg5"):
        perceptual_loss("pyramid", full)
    with pytest.raises(ValueError, match="name must be one of vgg3, vgg5, pyramid, random-vgg, got 'lpips'"):
        perceptual_loss("lpips")  # pyright: ignore[reportArgumentType]
