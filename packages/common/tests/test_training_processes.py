"""Several processes train as one, whatever starts them; here over gloo on the CPU."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed, nn

from maskreel.common.errors import InputError
from maskreel.common.training import DivergedError, Preempted, TrainingConfig, TrainingTask, train

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

SMOOTH = TrainingConfig(steps=12, batch_size=8, accumulate=2, lr=0.02, clip_norm=1.0, log_every=1, threads=1)
ROUGH = TrainingConfig(steps=9, batch_size=8, lr=0.02, ema=0.8, checkpoint_every=2, evaluate_every=3, threads=1)


class Numbers:
    def __len__(self) -> int:
        return 21

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(4) + index / 20
        return x, x.sin().sum(0, keepdim=True)


class Smooth(TrainingTask):
    """Neither batch norm nor dropout, so that it does not matter how a batch is divided."""

    def __init__(self, at: dict[int, Callable[[], None]] | None = None) -> None:
        torch.manual_seed(2)
        self.module: Any = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
        self.at = at or {}
        self.calls = 0
        self.buffers: list[list[float]] = []

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        self.calls += 1
        self.at.get(self.calls, lambda: None)()
        error = module(batch[0]) - batch[1]
        return {"square": error.square().mean(), "absolute": error.abs().mean()}


class Normed(Smooth):
    """Batch norm, which does see how a batch is divided, unless the processes tell each other.

    No bias before it: that has no gradient but rounding, which Adam would follow.
    """

    def __init__(self) -> None:
        super().__init__()
        first = nn.Linear(4, 16, bias=False)
        self.module = nn.Sequential(first, nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))


class Rough(Smooth):
    """Batch norm and dropout; the ranks differ in both."""

    def __init__(self, at: dict[int, Callable[[], None]] | None = None) -> None:
        super().__init__(at)
        self.module = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 1))

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        self.buffers.append([float(buffer.sum()) for buffer in module.buffers()])
        return {"rank": float(os.environ["RANK"])}


def curve(folder: Path) -> list[dict[str, float]]:
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["losses"] for line in log if "losses" in line]


@pytest.fixture(scope="module")
def by_torchrun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have done: `main` below. A stand-in for scontrol plays the part of Slurm."""
    folder = tmp_path_factory.mktemp("torchrun")
    program = folder / "bin/scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/scontrol\necho localhost\necho node8\n')
    program.chmod(0o755)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with subprocess.Popen([*launcher, __file__, str(folder)], stderr=subprocess.PIPE, text=True) as running:
        try:
            errors = running.communicate(timeout=600)[1]
        finally:
            running.terminate()
    assert running.returncode == 0, errors
    return folder


def test_two_processes_give_the_curve_of_one(by_torchrun: Path, tmp_path: Path) -> None:
    """Up to the rounding of sums in another order: 1e-5 relative in each of the steps."""
    result = train(Smooth(), Numbers(), SMOOTH, tmp_path)
    two, one = curve(by_torchrun / "smooth"), curve(tmp_path)
    assert len(one) == len(two) == 12
    for mine, others in zip(one, two, strict=True):
        assert mine == pytest.approx(others, rel=1e-5)
    weights = load_file(by_torchrun / "smooth/final.safetensors")
    for name, value in load_file(result.weights).items():
        assert torch.allclose(value, weights[name], rtol=1e-4, atol=1e-6)


def test_batch_norm_sees_the_whole_batch(by_torchrun: Path, tmp_path: Path) -> None:
    """Also in parts, by `accumulate`: both see these."""
    result = train(Normed(), Numbers(), SMOOTH, tmp_path)
    for mine, others in zip(curve(tmp_path), curve(by_torchrun / "normed"), strict=True):
        assert mine == pytest.approx(others, rel=1e-4)
    weights = load_file(by_torchrun / "normed/final.safetensors")
    for name, value in load_file(result.weights).items():
        assert torch.allclose(value, weights[name], rtol=1e-3, atol=1e-5), name


def test_two_processes_resume_exactly(by_torchrun: Path) -> None:
    whole, parts = by_torchrun / "whole", by_torchrun / "parts"
    for rank in (0, 1):
        assert "saved after step 4 of 9" in (by_torchrun / f"preempted{rank}.txt").read_text()
    assert curve(whole) == curve(parts)
    expected, weights = load_file(whole / "final.safetensors"), load_file(parts / "final.safetensors")
    assert all(torch.equal(expected[name], weights[name]) for name in expected)
    name = "checkpoints/step_00000009.pth"
    states = [torch.load(folder / name, weights_only=True)["random"] for folder in (whole, parts)]
    assert torch.equal(states[0][0]["torch"], states[1][0]["torch"])
    assert torch.equal(states[0][1]["torch"], states[1][1]["torch"])
    assert not torch.equal(states[0][0]["torch"], states[0][1]["torch"])


def test_batch_norm_is_the_same_in_all_processes(by_torchrun: Path) -> None:
    ranks = [json.loads((by_torchrun / f"buffers{rank}.json").read_text()) for rank in (0, 1)]
    assert len(ranks[0]) == 3
    assert ranks[0] == ranks[1]


def test_first_process_writes_and_its_metrics_count(by_torchrun: Path) -> None:
    log = [json.loads(line) for line in (by_torchrun / "whole/log.jsonl").read_text().splitlines()]
    assert [line["metrics"] for line in log if "metrics" in line] == [{"rank": 0.0}] * 3
    assert json.loads((by_torchrun / "whole/training.json").read_text())["result"]["steps"] == 9


def test_errors_reach_all_processes(by_torchrun: Path) -> None:
    for rank in (0, 1):
        told = json.loads((by_torchrun / f"errors{rank}.json").read_text())
        assert "diverged in step 3: square nan" in told["diverged"]
        assert "begun with lr 0.02, not 0.5" in told["changed"]
        assert "batch_size must be a multiple of 4" in told["indivisible"]
        assert "would train apart" in told["alone"]


def test_fewer_processes_than_before(
    by_torchrun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(by_torchrun / "whole", tmp_path / "run")
    (tmp_path / "run/checkpoints/step_00000009.pth").unlink()
    record = json.loads((tmp_path / "run/training.json").read_text())
    (tmp_path / "run/training.json").write_text(json.dumps(record | {"result": None}))
    monkeypatch.setenv("RANK", "0")
    assert train(Rough(), Numbers(), ROUGH, tmp_path / "run").steps == 9
    assert "step_00000008.pth is of 2 processes, not 1: it goes on inexactly" in caplog.text


def test_slurm(by_torchrun: Path) -> None:
    assert (by_torchrun / "scontrol").read_text() == "show hostnames localhost,node8\n" * 2
    assert curve(by_torchrun / "slurm") == curve(by_torchrun / "smooth")


def changed(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    return TrainingConfig(**{**vars(config), **changes})


def test_launchers_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="RANK is not set: start this with torchrun"):
        train(Smooth(), Numbers(), changed(SMOOTH, launcher="pytorch"), tmp_path)
    with pytest.raises(InputError, match="SLURM_PROCID is not set: start this with srun"):
        train(Smooth(), Numbers(), changed(SMOOTH, launcher="slurm"), tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="launcher is 'none', but this process belongs to a group"):
        train(Smooth(), Numbers(), SMOOTH, tmp_path)
    assert not list(tmp_path.iterdir())


def test_group_of_the_caller_is_used_and_left_alone(tmp_path: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        with pytest.raises(InputError, match="would train apart"):
            train(Smooth(), Numbers(), SMOOTH, tmp_path / "run")
        train(Smooth(), Numbers(), changed(SMOOTH, launcher="pytorch"), tmp_path / "run")
        assert distributed.is_initialized()
    finally:
        distributed.destroy_process_group()
    train(Smooth(), Numbers(), SMOOTH, tmp_path / "alone")
    assert curve(tmp_path / "run") == curve(tmp_path / "alone")


def main(folder: Path) -> None:
    """What each of the two processes of torchrun does."""
    rank = int(os.environ["RANK"])
    smooth, rough = changed(SMOOTH, launcher="pytorch"), changed(ROUGH, launcher="pytorch")
    train(Smooth(), Numbers(), smooth, folder / "smooth")
    train(Normed(), Numbers(), smooth, folder / "normed")
    whole = Rough()
    train(whole, Numbers(), rough, folder / "whole")
    (folder / f"buffers{rank}.json").write_text(json.dumps(whole.buffers))
    stop = {4: lambda: os.kill(os.getpid(), signal.SIGTERM)} if rank == 1 else None
    said = attempt(Preempted, Rough(stop), rough, folder / "parts")
    (folder / f"preempted{rank}.txt").write_text(said)
    train(Rough(), Numbers(), rough, folder / "parts")
    poisoned = Smooth()
    poisoned.at = {5: lambda: poisoned.module[0].bias.data.fill_(float("nan"))} if rank == 1 else {}
    told = {
        "diverged": attempt(DivergedError, poisoned, smooth, folder / "poisoned"),
        "changed": attempt(InputError, Smooth(), changed(smooth, lr=0.5), folder / "smooth"),
        "indivisible": attempt(InputError, Smooth(), changed(smooth, batch_size=6), folder / "new"),
        "alone": attempt(InputError, Smooth(), SMOOTH, folder / "new"),
    }
    (folder / f"errors{rank}.json").write_text(json.dumps(told))
    os.environ |= slurm_task(rank, folder)
    os.environ.pop("TORCHELASTIC_USE_AGENT_STORE")  # torchrun's word that its own store is to be used everywhere
    train(Smooth(), Numbers(), changed(SMOOTH, launcher="slurm"), folder / "slurm")


def slurm_task(rank: int, folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "SLURM_JOB_ID": str(os.getppid()),
        "SLURM_NTASKS": "2",
        "SLURM_JOB_NODELIST": "localhost,node8",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
    }


def attempt(error: type[BaseException], task: TrainingTask, config: TrainingConfig, folder: Path) -> str:
    with pytest.raises(error) as raised:
        train(task, Numbers(), config, folder)
    return str(raised.value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
