"""SimVP: published sizes, what its options do, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from maskreel.vfp.networks import ConvLSTMConfig, SimVP, SimVPConfig, build_convlstm, build_simvp

MOVING_MNIST: dict[str, Any] = {"frames": 10, "frames_out": 10, "channels": 1, "temporal_width": 512}
SMALL = SimVPConfig(3, 3, 2, spatial_width=8, temporal_width=16, temporal_depth=2, mlp_ratio=2.0)


@pytest.mark.parametrize(
    ("options", "shape", "million", "gmac"),
    [
        ({"layout": "original", "translator": "incepu"}, (11, 3, 160, 240), 16.0, 87.0),
        ({**MOVING_MNIST, "layout": "original", "translator": "incepu"}, (10, 1, 64, 64), 57.8, 19.4),
        ({**MOVING_MNIST, "translator": "incepu"}, (10, 1, 64, 64), 57.9, 19.3),
        ({**MOVING_MNIST, "translator": "gsta"}, (10, 1, 64, 64), 46.8, 16.5),
        ({**MOVING_MNIST, "translator": "tau"}, (10, 1, 64, 64), 44.7, 15.9),
    ],
)
def test_size_and_cost_are_the_published_ones(
    options: dict[str, Any], shape: tuple[int, ...], million: float, gmac: float
) -> None:
    with torch.device("meta"):
        network = build_simvp(SimVPConfig(**options)).eval()
        clip = torch.empty(1, *shape)
    assert _millions(network) == pytest.approx(million, abs=0.05)
    assert _giga_macs(network, clip) == pytest.approx(gmac, abs=0.05)


def test_convlstm_has_the_published_size_less_its_dead_parameters() -> None:
    with torch.device("meta"):
        network = build_convlstm(ConvLSTMConfig(channels=1))
    dead = 4 * (256 * 128 * 25 + 256 * 128) / 1e6
    assert _millions(network) + dead == pytest.approx(15.0, abs=0.1)


def test_the_first_version_has_the_published_number_of_tensors() -> None:
    with torch.device("meta"):
        network = build_simvp(SimVPConfig(translator="incepu", layout="original"))
    assert len(network.state_dict()) == 322


@pytest.mark.parametrize("translator", ["gsta", "tau", "incepu"])
def test_each_frame_keeps_its_place(translator: Any) -> None:
    network = _zero_translator(build_simvp(replace(SMALL, translator=translator)).eval())
    x = torch.randn(1, 3, 2, 8, 8)
    changed = x.clone()
    changed[:, 1] += 1
    moved = (network(changed) - network(x)).abs().amax(dim=(0, 2, 3, 4))
    # Without the translator's help a frame reaches the output through its own skip only.
    assert moved[1] > 1e-3
    assert_close(moved[[0, 2]], torch.zeros(2))


def test_fewer_outputs_get_the_newest_skips() -> None:
    network = _zero_translator(build_simvp(replace(SMALL, frames_out=1)).eval())
    x = torch.randn(1, 3, 2, 8, 8)
    older, newest = x.clone(), x.clone()
    older[:, :2] += 1
    newest[:, 2] += 1
    assert network(x).shape == (1, 1, 2, 8, 8)
    assert_close(network(older), network(x))
    assert (network(newest) - network(x)).abs().max() > 1e-3


def test_the_newest_skip_goes_to_every_output() -> None:
    network = _zero_translator(build_simvp(replace(SMALL, frames_out=4, newest_skip=True)).eval())
    x = torch.randn(1, 3, 2, 8, 8)
    predicted = network(x)
    assert_close(predicted, predicted[:, :1].expand(-1, 4, -1, -1, -1))
    x[:, :2] += 1
    assert_close(network(x), predicted)


@pytest.mark.parametrize("newest_skip", [False, True])
def test_slots_are_those_outputs(newest_skip: bool) -> None:
    network = build_simvp(replace(SMALL, newest_skip=newest_skip)).eval()
    x = torch.randn(2, 3, 2, 8, 8)
    assert_close(network(x, slots=[2, 0]), network(x)[:, [2, 0]])


def test_slots_save_work() -> None:
    with torch.device("meta"):
        network = build_simvp(SimVPConfig()).eval()
        clip = torch.empty(1, 11, 3, 160, 240)
    with FlopCounterMode(display=False) as counter:
        network(clip, slots=[10])
    assert counter.get_total_flops() / 2e9 < 0.75 * _giga_macs(network, clip)


@torch.inference_mode()
def test_output_channels_may_differ() -> None:
    predicted = build_simvp(replace(SMALL, channels_out=5))(torch.randn(1, 3, 2, 8, 8))
    assert predicted.shape == (1, 3, 5, 8, 8)
    assert predicted.is_contiguous()


def test_drop_path_drops_whole_residuals_in_training_only() -> None:
    network = build_simvp(replace(SMALL, drop_path=0.9))
    block = cast("Any", network.hid).enc[1].block
    x = torch.randn(64, block.norm1.num_features, 4, 4)
    torch.manual_seed(0)
    block.attn, block.norm1 = nn.Identity(), nn.Identity()
    block.layer_scale_2.data.zero_()
    factors = ((block(x) - x) / (x * 0.01))[:, 0, 0, 0]
    dropped = factors.abs() < 1e-2
    assert 0.75 < dropped.float().mean() < 1.0
    assert_close(factors[~dropped], torch.full((int((~dropped).sum()),), 10.0), rtol=1e-2, atol=0)
    assert_close(block.eval()(x), x * 1.01)


@pytest.mark.parametrize(
    ("option", "match"),
    [
        ({"translator": "swin"}, r"translator must be one of .*'swin'"),
        ({"layout": "new"}, r"layout must be one of .*'new'"),
        ({"layout": "original"}, r"translator must be 'incepu' in the original layout, got 'gsta'"),
        ({"frames": 0}, r"frames must be 1 or more, got 0"),
        ({"frames_out": 4}, r"frames_out must be 3 \(frames\) or less, got 4"),
        ({"channels_out": 0}, r"channels_out must be 1 or more, got 0"),
        ({"spatial_depth": 3}, r"spatial_depth must be 2, 4, 6, \.\.\., got 3"),
        ({"spatial_width": 7}, r"spatial_width must be even.*got 7"),
        ({"temporal_depth": 1}, r"temporal_depth must be 2 or more, got 1"),
        ({"drop_path": 1.0}, r"drop_path must be in \[0, 1\), got 1\.0"),
        ({"mlp_ratio": 0.01}, r"mlp_ratio must leave.*0\.01"),
        ({"translator": "incepu", "spatial_width": 6}, r"must be a multiple of 8 for incepu, got 3 \* 6"),
    ],
)
def test_a_wrong_configuration_is_refused(option: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        replace(SMALL, **option)


@pytest.mark.parametrize("shape", [(1, 2, 2, 8, 8), (1, 3, 1, 8, 8), (1, 3, 2, 10, 8), (1, 3, 2, 8, 6), (3, 2, 8, 8)])
def test_a_wrong_input_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected x of shape \(B, 3, 2, H, W\) with H and W multiples of 4"):
        build_simvp(SMALL)(torch.zeros(shape))


def _zero_translator(network: SimVP) -> SimVP:
    class Zero(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            batch, _, height, width = x.shape
            return x.new_zeros(batch, network.config.frames_out * network.config.spatial_width, height, width)

    network.hid = Zero()
    return network


def _millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def _giga_macs(network: nn.Module, clip: torch.Tensor) -> float:
    with FlopCounterMode(display=False) as counter:
        network(clip)
    return counter.get_total_flops() / 2e9
