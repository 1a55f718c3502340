"""What a process knows of its group before it has joined it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from maskreel.common.training import TrainingConfig, is_first, place_in_group

VARIABLES = ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS")


@pytest.mark.parametrize(
    ("launcher", "place"), [("none", (0, 1)), ("pytorch", (1, 4)), ("slurm", (2, 3))], ids=lambda value: str(value)
)
def test_the_launcher_says_whose_variables_count(
    launcher: Any, place: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(VARIABLES, ("1", "4", "2", "3"), strict=True):
        monkeypatch.setenv(name, value)
    config = TrainingConfig(launcher=launcher)
    assert place_in_group(config) == place
    assert is_first(config) == (launcher == "none")


@pytest.mark.parametrize("launcher", ["pytorch", "slurm"])
def test_without_a_group_a_process_is_the_only_one(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert place_in_group(TrainingConfig(launcher=launcher)) == (0, 1)


def test_asking_needs_no_torch() -> None:
    code = (
        "import sys; from maskreel.common.training import TrainingConfig, is_first\n"
        "is_first(TrainingConfig()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
