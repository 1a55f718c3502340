"""What saves time must not change results."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from maskreel.vfp.networks import SimVP, SimVPConfig, build_simvp, optimise_for_inference
from maskreel.vfp.networks._fast import dilated_depthwise

SIZES: dict[str, Any] = {"frames": 3, "frames_out": 3, "channels": 2, "spatial_width": 8, "temporal_width": 16}


@pytest.mark.parametrize("size", [(9, 12), (10, 11), (4, 2)])
def test_a_dilated_convolution_by_phases_is_the_plain_one(size: tuple[int, int]) -> None:
    convolution = nn.Conv2d(6, 6, 7, padding=9, dilation=3, groups=6)
    x = torch.randn(2, 6, *size, requires_grad=True)
    gradients = []
    for result in (convolution(x), dilated_depthwise(convolution, x)):
        gradients.append([result, *torch.autograd.grad(result.square().sum(), (x, *convolution.parameters()))])
    for plain, fast in zip(*gradients, strict=True):
        assert_close(fast, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gradients", [False, True])
def test_chunks_do_not_change_predictions(monkeypatch: pytest.MonkeyPatch, gradients: bool) -> None:
    network = _used(build_simvp(SimVPConfig(**SIZES, temporal_depth=2)))
    x = torch.randn(2, 3, 2, 8, 12)
    with torch.set_grad_enabled(gradients):
        whole = network(x)
        sizes = []
        network.dec.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
        monkeypatch.setattr("maskreel.vfp.networks._fast.CHUNK_ELEMENTS", 4 * 8 * 8 * 12)
        assert_close(network(x), whole, rtol=1e-4, atol=1e-5)
        assert sizes == [4, 2]
        monkeypatch.setattr("maskreel.vfp.networks._fast.CHUNK_ELEMENTS", 1)
        assert_close(network(x), whole, rtol=1e-4, atol=1e-5)
        assert sizes == [4, 2, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("translator", ["gsta", "tau", "incepu"])
def test_folding_does_not_change_predictions(translator: Any) -> None:
    network = _used(build_simvp(SimVPConfig(**SIZES, temporal_depth=3, mlp_ratio=2.0, translator=translator)))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folded = optimise_for_inference(network.train())
    x = torch.randn(2, 3, 2, 8, 12)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert_close(dict(network.state_dict()), before, rtol=0, atol=0)
    assert network.training
    assert_close(folded(x), network.eval()(x), rtol=1e-4, atol=1e-5)


def _used(network: SimVP) -> SimVP:
    # Norms and layer scales as if after training, each with values of its own.
    for name, tensor in network.state_dict().items():
        if ("layer_scale" in name or "norm" in name) and tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return network.eval()
