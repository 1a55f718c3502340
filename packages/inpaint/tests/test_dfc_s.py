"""DFC-S against its description: keys, sizes, and a forward pass written out from the state dict."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maskreel.inpaint.dfc import DFCS, dfc_s, dfc_s_movie
from maskreel.inpaint.dfc.dfc_s import FrozenBatchNorm, MultiScaleHead
from maskreel.inpaint.dfc.folding import folded

BLOCKS = (2, 1, 2, 1)


@pytest.fixture(scope="module")
def network() -> DFCS:
    """A short one with lively weights and statistics."""
    torch.manual_seed(0)
    network = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=BLOCKS).eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            gain = value[0].numel() ** -0.5 if value.ndim > 1 else 0.3
            value.copy_(torch.randn_like(value) * gain)
        if name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
            value.uniform_(0.5, 1.5)
    return network


def test_published_numbers_of_parameters_and_keys():
    with torch.device("meta"):
        variants = [(dfc_s(33, 2), 325, 37.005), (dfc_s(66, 4), 325, 37.109), (dfc_s_movie(), 627, 42.598)]
    for network, keys, millions in variants:
        assert len(network.state_dict()) == keys
        assert round(sum(p.numel() for p in network.parameters()) / 1e6, 3) == millions


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in dfc_s().state_dict().items()}
        movie = {key: tuple(value.shape) for key, value in dfc_s_movie().state_dict().items()}
    assert shapes["conv1.weight"] == (64, 33, 7, 7)
    assert shapes["conv1.bias"] == (64,)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer3.5.conv2.weight"] == (256, 256, 3, 3)
    assert shapes["layer4.0.downsample.1.running_var"] == (2048,)
    assert shapes["layer5.conv1.weight"] == (256, 2048, 5, 5)
    assert shapes["layer5.conv2.bias"] == (128,)
    assert shapes["layer5.conv3.weight"] == (2, 128, 1, 1)
    assert movie["layer3.22.conv3.weight"] == (1024, 256, 1, 1)
    assert movie["layer5.conv1.weight"] == (2, 2048, 1, 1)


@pytest.mark.parametrize("size", [(40, 56), (37, 51)])
def test_forward_is_what_the_paper_describes(network: DFCS, size: tuple[int, int]):
    x = torch.randn(1, 33, *size)
    with torch.no_grad():
        found, expected = network(x), _written_out(network.state_dict(), x)
    assert found.shape == (1, 2, *size)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_folding_batch_norm_changes_nothing_but_the_layers(network: DFCS):
    fast = folded(network)
    x = torch.randn(2, 33, 40, 48)
    with torch.no_grad():
        torch.testing.assert_close(fast(x), network(x), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, FrozenBatchNorm) for module in fast.modules())
    assert any(isinstance(module, FrozenBatchNorm) for module in network.modules())


def test_batch_norm_stays_frozen_in_training(network: DFCS):
    assert not DFCS(MultiScaleHead(2048, 2), in_channels=3, blocks=(1, 1, 1, 1)).bn1.training
    network.train()
    norms = [module for module in network.modules() if isinstance(module, FrozenBatchNorm)]
    assert network.training
    assert not any(norm.training for norm in norms)
    assert not any(parameter.requires_grad for norm in norms for parameter in norm.parameters())
    assert network.conv1.weight.requires_grad
    before = network.state_dict()["bn1.running_mean"].clone()
    network(torch.randn(2, 33, 16, 16))
    assert torch.equal(network.state_dict()["bn1.running_mean"], before)
    network.eval()


def test_convolutions_begin_with_the_published_deviation():
    network = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=(1, 1, 1, 1))
    state = network.state_dict()
    for weight in (state["conv1.weight"], state["layer4.0.conv2.weight"], state["layer5.conv1.weight"]):
        assert float(weight.std()) == pytest.approx(0.01, rel=0.02)
        assert abs(float(weight.mean())) < 1e-4


def _written_out(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Section 3 of the paper and its table of layers, one operation after the other."""
    size = x.shape[-2:]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt() * weight[:, None, None] + bias[
            :, None, None
        ]

    def up(x: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        return functional.interpolate(x, tuple(size), mode="bilinear", align_corners=False)

    x = functional.conv2d(x, state["conv1.weight"], state["conv1.bias"], stride=2, padding=3)
    x = functional.max_pool2d(norm(x, "bn1").relu(), 3, 2, 1, ceil_mode=True)
    for layer, (count, first_stride, dilation) in enumerate(zip(BLOCKS, (1, 2, 1, 1), (1, 1, 2, 4), strict=True), 1):
        for block in range(count):
            name, stride = f"layer{layer}.{block}", first_stride if block == 0 else 1
            shortcut = x
            if block == 0:
                shortcut = functional.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                shortcut = norm(shortcut, f"{name}.downsample.1")
            x = norm(functional.conv2d(x, state[f"{name}.conv1.weight"], stride=stride), f"{name}.bn1").relu()
            x = functional.conv2d(x, state[f"{name}.conv2.weight"], padding=dilation, dilation=dilation)
            x = norm(x, f"{name}.bn2").relu()
            x = (norm(functional.conv2d(x, state[f"{name}.conv3.weight"]), f"{name}.bn3") + shortcut).relu()
    x = up(x, (size[0] // 4, size[1] // 4))
    x = functional.conv2d(x, state["layer5.conv1.weight"], state["layer5.conv1.bias"], padding=2).relu()
    x = up(x, (size[0] // 2, size[1] // 2))
    x = functional.conv2d(x, state["layer5.conv2.weight"], state["layer5.conv2.bias"], padding=1).relu()
    return functional.conv2d(up(x, size), state["layer5.conv3.weight"], state["layer5.conv3.bias"])
