"""Networks on disk: what comes back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import TrainingRecord
from maskreel.vfp.saved import load_network, save_network, shipped

if TYPE_CHECKING:
    from pathlib import Path

EXPECTS = {"channels": ["red", "green", "blue"], "mean": [0.5, 0.5, 0.5]}


@dataclass(frozen=True)
class Config:
    """Of a tiny network."""

    width: int = 3
    sizes: tuple[int, int] = (1, 2)
    kind: str = "plain"


@dataclass(frozen=True)
class OtherConfig:
    """Of another one."""

    depth: int = 3


def build(config: Config) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, config.width, config.sizes[0]), nn.BatchNorm2d(config.width), nn.Dropout())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_network(tmp_path / "net.safetensors", build(Config(5)), Config(5), expects=EXPECTS)
    return tmp_path / "net.safetensors"


def test_a_network_comes_back(tmp_path: Path):
    torch.manual_seed(1)
    network, config = build(Config(4, kind="other")), Config(4, kind="other")
    save_network(tmp_path / "net.safetensors", network, config, expects=EXPECTS)
    found, found_config = load_network(tmp_path / "net.safetensors", build, Config, expects=EXPECTS)
    assert found_config == config
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-3, atol=1e-3)
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert all(value.dtype in (torch.float32, torch.int64) for value in found.state_dict().values())
    assert not (tmp_path / "net.json").exists()


def test_it_is_stored_in_half_precision(path: Path):
    stored = load_file(path)
    assert stored["0.weight"].dtype == torch.float16


def test_the_record_lies_beside_it(tmp_path: Path):
    record = TrainingRecord(data="none", command="none", steps=1, hardware="none", seconds=1, quality={"iou": 0.5})
    save_network(tmp_path / "net.safetensors", build(Config()), Config(), expects=EXPECTS, record=record)
    assert json.loads((tmp_path / "net.json").read_text()) == json.loads(json.dumps(asdict(record)))


def test_another_networks_file_is_refused(path: Path):
    with pytest.raises(InputError, match="does not hold a network of OtherConfig, which has depth"):
        load_network(path, build, OtherConfig, expects=EXPECTS)  # type: ignore[arg-type]
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="does not hold a network of Config, which has kind, sizes, width"):
        load_network(path, build, Config, expects=EXPECTS)


def test_weights_for_blue_green_red_are_refused(path: Path):
    with pytest.raises(InputError, match="channels"):
        load_network(path, build, Config, expects={**EXPECTS, "channels": ["blue", "green", "red"]})
    with pytest.raises(InputError, match="mean"):
        load_network(path, build, Config, expects={**EXPECTS, "mean": [0.4, 0.5, 0.5]})


def test_weights_that_do_not_fit_are_refused(path: Path):
    with pytest.raises(InputError, match=r"net.safetensors"):
        load_network(path, lambda _: nn.Conv2d(3, 5, 2), Config, expects=EXPECTS)


def test_missing_and_broken_files_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="is not a file, expected weights that were saved by maskreel vfp"):
        load_network(tmp_path / "none.safetensors", build, Config, expects=EXPECTS)
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"broken.safetensors is not a readable safetensors file"):
        load_network(tmp_path / "broken.safetensors", build, Config, expects=EXPECTS)


def test_shipped_files_are_in_the_package():
    assert shipped("predictor").parts[-3:] == ("vfp", "weights", "predictor.safetensors")
