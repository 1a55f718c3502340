"""Our networks against plain transcriptions of the published ones, with weights that travel through files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from maskreel.common.errors import InputError
from maskreel.vfp.networks import (
    ConvLSTM,
    ConvLSTMConfig,
    SimVP,
    SimVPConfig,
    build_convlstm,
    build_simvp,
    load_published,
)

if TYPE_CHECKING:
    from types import ModuleType

KINDS = ["gsta", "tau", "incepu", "v1"]


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "_plain_networks.py"
    spec = importlib.util.spec_from_file_location("plain_networks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_simvp_gives_what_the_published_one_gives(plain: ModuleType, tmp_path: Path, kind: str, training: bool) -> None:
    theirs = _lively(plain.PlainSimVP(kind, 3, 2, 8, 72, 4, 3, 2.0)).train(training)
    torch.save(theirs.state_dict(), tmp_path / "published.pth")
    ours = _small_simvp(kind).train(training)
    load_published(ours, tmp_path / "published.pth")
    x = torch.randn(2, 3, 2, 16, 24)
    target = torch.randn(2, 3, 2, 16, 24)
    ours_out, theirs_out = ours(x), theirs(x)
    assert_close(ours_out, theirs_out, rtol=1e-4, atol=1e-5)
    ((ours_out - target) ** 2).mean().backward()
    ((theirs_out - target) ** 2).mean().backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("depths", [(2, 2), (6, 2)])
def test_other_depths_have_the_published_strides(plain: ModuleType, depths: tuple[int, int]) -> None:
    spatial, temporal = depths
    theirs = _lively(plain.PlainSimVP("gsta", 2, 1, 8, 16, spatial, temporal)).eval()
    config = SimVPConfig(2, 2, 1, None, 8, 16, spatial_depth=spatial, temporal_depth=temporal)
    ours = build_simvp(config).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 2, 1, 16, 16)
    assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_convlstm_gives_what_the_published_one_gives(plain: ModuleType, tmp_path: Path) -> None:
    theirs = plain.PlainConvLSTM(3, (6, 10), 2, 5)
    torch.save({"epoch": 3, "state_dict": theirs.state_dict()}, tmp_path / "published.pth")
    ours = build_convlstm(ConvLSTMConfig(3, (6, 10), kernel=5, patch=2))
    load_published(ours, tmp_path / "published.pth")
    x = torch.rand(2, 4, 3, 8, 12)
    for steps in (1, 5):
        assert_close(ours(x, steps), theirs(x, steps), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("prefix", ["model.", "module.", "model.module.", "module.model."])
def test_wrapped_checkpoints_load(tmp_path: Path, prefix: str) -> None:
    saved, ours = _small_simvp("tau"), _small_simvp("tau")
    state = {prefix + key: value for key, value in saved.state_dict().items()}
    torch.save({"epoch": 1, "state_dict": state, "pytorch-lightning_version": "2.0"}, tmp_path / "last.ckpt")
    load_published(ours, tmp_path / "last.ckpt")
    assert_close(dict(ours.state_dict()), dict(saved.state_dict()), rtol=0, atol=0)


def test_safetensors_load(tmp_path: Path) -> None:
    saved, ours = _small_simvp("gsta"), _small_simvp("gsta")
    save_file(saved.state_dict(), tmp_path / "weights.safetensors")
    load_published(ours, tmp_path / "weights.safetensors")
    assert_close(dict(ours.state_dict()), dict(saved.state_dict()), rtol=0, atol=0)


def test_another_network_is_refused_with_its_keys(tmp_path: Path) -> None:
    torch.save(_small_simvp("tau").state_dict(), tmp_path / "tau.pth")
    with pytest.raises(InputError, match=r"tau\.pth does not fit SimVP; .*spatial_gating_unit\.fc\.0\.weight"):
        load_published(_small_simvp("gsta"), tmp_path / "tau.pth")


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model": "SimVP"}, tmp_path / "odd.pth")
    with pytest.raises(InputError, match=r"odd\.pth must hold a state dict.*epoch \(int\)"):
        load_published(_small_simvp("gsta"), tmp_path / "odd.pth")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "args": Path()}, tmp_path / "code.ckpt")
    with pytest.raises(InputError, match=r"code\.ckpt is refused"):
        load_published(_small_simvp("gsta"), tmp_path / "code.ckpt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pth is not a file"):
        load_published(_small_simvp("gsta"), tmp_path / "none.pth")


def test_the_dead_parameters_are_dropped_but_others_are_not(plain: ModuleType, tmp_path: Path) -> None:
    state = plain.PlainConvLSTM(1, (4,), 2, 3).state_dict()
    assert {"cell_list.0.conv_o.0.weight", "cell_list.0.conv_last.weight"} < set(state)
    torch.save({**state, "cell_list.0.peephole.weight": torch.zeros(1)}, tmp_path / "peephole.pth")
    ours: ConvLSTM = build_convlstm(ConvLSTMConfig(1, (4,), kernel=3, patch=2))
    with pytest.raises(InputError, match=r"1 unexpected: cell_list\.0\.peephole\.weight"):
        load_published(ours, tmp_path / "peephole.pth")


def _small_simvp(kind: str) -> SimVP:
    choice: dict[str, Any] = {"translator": "incepu", "layout": "original"} if kind == "v1" else {"translator": kind}
    sizes: dict[str, Any] = {"frames": 3, "frames_out": 3, "channels": 2, "spatial_width": 8, "temporal_width": 72}
    return build_simvp(SimVPConfig(**sizes, temporal_depth=3, mlp_ratio=2.0, **choice))


def _lively(network: nn.Module) -> nn.Module:
    # Fresh layer scales of 0.01 and neutral norms would hide mistakes in the blocks.
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if ("layer_scale" in name or "norm" in name) and tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network
