"""Tasks that know their step, and parameters that take no part in some steps."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed, nn

from maskreel.common.training import TrainingConfig, TrainingTask, train

CONFIG = TrainingConfig(steps=6, batch_size=4, accumulate=2, lr=0.05, weight_decay=0.1, checkpoint_every=2, threads=1)


class Numbers:
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((3,), 0.1 * index)


class Late(TrainingTask):
    """A second layer that joins in after three steps."""

    idle_parameters = True

    def __init__(self, *, start: int = 3) -> None:
        torch.manual_seed(4)
        self.module: Any = nn.ModuleDict({"first": nn.Linear(3, 1), "second": nn.Linear(3, 1)})
        self.start, self.seen = start, []

    def losses(self, module: Any, batch: Any) -> dict[str, torch.Tensor]:
        self.seen.append(self.step)
        late = module["second"](batch).square().mean() if self.step >= self.start else batch.new_zeros(())
        return {"first": module["first"](batch).square().mean(), "second": late}


def same(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor], part: str) -> bool:
    return all(torch.equal(value, other[name]) for name, value in state.items() if name.startswith(part))


def test_tasks_know_their_step(tmp_path: Path) -> None:
    """The optimiser steps that are done, twice because a step has two parts; after a pause it goes on from there."""
    task = Late()
    train(task, Numbers(), CONFIG, tmp_path)
    assert task.seen == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    record = json.loads((tmp_path / "training.json").read_text())
    (tmp_path / "training.json").write_text(json.dumps(record | {"result": None}))
    (tmp_path / "checkpoints/step_00000006.pth").unlink()
    again = Late()
    train(again, Numbers(), CONFIG, tmp_path)
    assert again.seen == [4, 4, 5, 5]
    assert same(again.module.state_dict(), task.module.state_dict(), "")


def test_idle_parameters_are_left_alone(tmp_path: Path) -> None:
    """Not even by weight decay, which moves those that have a gradient of zeros."""
    fresh = Late().module.state_dict()
    short, long = Late(), Late()
    train(short, Numbers(), replace(CONFIG, steps=3), tmp_path / "short")
    train(long, Numbers(), replace(CONFIG, steps=4), tmp_path / "long")
    assert same(short.module.state_dict(), fresh, "second")
    assert not same(short.module.state_dict(), fresh, "first")
    assert not same(long.module.state_dict(), fresh, "second")


@pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_do_as_one(tmp_path: Path) -> None:
    """Without `idle_parameters` the second step waits for gradients that never come, which torch tells."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, __file__, str(tmp_path)], check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    train(Late(), Numbers(), CONFIG, tmp_path / "one")
    one, two = load_file(tmp_path / "one/final.safetensors"), load_file(tmp_path / "two/final.safetensors")
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6)
    short = load_file(tmp_path / "short/final.safetensors")
    assert same(short, Late().module.state_dict(), "second")


def main(folder: Path) -> None:
    """What each of the two processes of torchrun does."""
    config = replace(CONFIG, launcher="pytorch")
    train(Late(), Numbers(), config, folder / "two")
    train(Late(), Numbers(), replace(config, steps=3), folder / "short")
    strict = Late()
    strict.idle_parameters = False
    with pytest.raises(RuntimeError, match="Expected to have finished reduction"):
        train(strict, Numbers(), config, folder / "strict")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
