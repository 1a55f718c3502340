"""Our own weights files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.weights import (
    check_expectations,
    load_into,
    load_state_dict,
    read_metadata,
    save_half,
    save_tensors,
)

if TYPE_CHECKING:
    from pathlib import Path

EXPECTS = {"kind": "a pair of layers"}


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_what_is_saved_is_what_was_there_in_half_precision(tmp_path: Path, layout: torch.memory_format) -> None:
    saved, path = network().to(memory_format=layout), tmp_path / "pair.safetensors"
    save_half(path, saved, EXPECTS)
    check_expectations(path, EXPECTS)
    again = network()
    load_into(again, load_state_dict(path), source=str(path))
    for name, value in saved.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(again.state_dict()[name], value.half().float()), name


def test_a_file_is_replaced_while_its_tensors_are_in_use(tmp_path: Path) -> None:
    """Before 0.8, safetensors hands out windows into the file; to write into that would end the process."""
    path = tmp_path / "pair.safetensors"
    save_half(path, network(), EXPECTS)
    state = load_state_dict(path)
    kept = {name: value.clone() for name, value in state.items()}
    save_half(path, nn.Linear(1, 1), EXPECTS)
    assert all(torch.equal(state[name], value) for name, value in kept.items())
    assert load_state_dict(path).keys() == {"weight", "bias"}


def test_equal_networks_give_equal_files_whatever_is_told_of_them(tmp_path: Path) -> None:
    """safetensors alone writes these four in any of 24 orders; a run that was killed must not end otherwise."""
    about = {"b": '"ä\\n\\"/"', "a": "\x01\x7f\u2028", "d": "{}", "c": ""}
    for number in range(12):
        save_tensors(tmp_path / f"{number}.safetensors", {"w": torch.arange(3.0)}, about)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert read_metadata(tmp_path / "0.safetensors") == about
    assert torch.equal(load_state_dict(tmp_path / "0.safetensors")["w"], torch.arange(3.0))


def test_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pair.safetensors"
    save_half(path, network(), EXPECTS)
    with pytest.raises(InputError, match=r"was saved for kind .*a pair of layers.*expected .*a net"):
        check_expectations(path, {"kind": "a net"})


def test_bad_names_and_values_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        save_half(tmp_path / "pair.pth", network(), EXPECTS)
    large = network()
    with torch.no_grad():
        next(large.parameters()).fill_(1e6)
    with pytest.raises(ValueError, match=r"below 65504 only, but 0\.weight does not"):
        save_half(tmp_path / "pair.safetensors", large, EXPECTS)
    assert list(tmp_path.iterdir()) == []
