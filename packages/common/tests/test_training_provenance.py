"""What is told of a training."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
import torch

from maskreel.common.training import TrainingConfig, TrainingResult, provenance

RESULT = TrainingResult(
    steps=7, losses={}, metrics={}, best=None, weights=Path("final.safetensors"), best_weights=None, seconds=12.6
)


def test_the_command_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/maskreel", "animate", "train", "my videos"])
    told = provenance(TrainingConfig(device="cpu", threads=3), RESULT)
    assert told == {
        "command": "maskreel animate train 'my videos'",
        "steps": 7,
        "hardware": f"{platform.machine()} CPU, 3 threads",
        "seconds": 13,
    }


def test_threads_are_those_of_torch_unless_said() -> None:
    assert f"CPU, {torch.get_num_threads()} threads" in provenance(TrainingConfig(device="cpu"), RESULT)["hardware"]


@pytest.mark.parametrize(("device", "told"), [("auto", "A Card"), ("cpu", "CPU")])
def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch, device: str, told: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A Card")
    config = TrainingConfig(device=device)  # type: ignore[arg-type]
    assert told in provenance(config, RESULT)["hardware"]
