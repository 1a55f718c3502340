"""Our own weights files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.weights import check_expectations, load_into, load_state_dict, save_half

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
