"""Networks that come as TorchScript: read, or refused before anything of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.weights import load_script
from maskreel.common.weights._script_text import reaches_out

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")


class Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(1.0)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.drop(image * 2)


class Reaching(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + torch.from_file("/tmp/anything", False, 1)


def saved(network: nn.Module, path: Path) -> Path:
    torch.jit.save(torch.jit.script(network), path)
    return path


def test_it_is_read_for_evaluation(tmp_path: Path) -> None:
    network = load_script(saved(Doubling(), tmp_path / "net.pt"))
    assert network(torch.ones(2)).tolist() == [2, 2], "nothing is dropped"


def test_what_is_no_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt does not exist, expected a TorchScript file"):
        load_script(tmp_path / "none.pt")
    torch.save({"weight": torch.ones(2)}, tmp_path / "checkpoint.pt")
    (tmp_path / "text.pt").write_text("hello")
    for name in ("checkpoint.pt", "text.pt"):
        with pytest.raises(InputError, match=rf"{name} is not a TorchScript file; it may be cut short"):
            load_script(tmp_path / name)
    whole = saved(Doubling(), tmp_path / "net.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.pt is not a TorchScript file"):
        load_script(tmp_path / "cut.pt")


def test_a_script_that_reaches_for_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"net\.pt is refused: its script uses 'from_file',"):
        load_script(saved(Reaching(), tmp_path / "net.pt"))


def test_every_operator_that_takes_the_name_of_a_file_is_known() -> None:
    named = {"filename", "file_name", "filepath", "fname"}
    schemas = torch._C._jit_get_all_schemas()
    found = {schema.name for schema in schemas if any(one.name in named for one in schema.arguments)}
    assert {"aten::from_file", "aten::save"} <= found
    for name in found:
        assert reaches_out(f"torch.{name.partition('::')[2]}(")
