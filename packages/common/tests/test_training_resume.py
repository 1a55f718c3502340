"""An interrupted training goes on exactly: same weights, same optimiser, same averages, same log."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.training import Preempted, TrainingConfig, TrainingTask, train
from maskreel.common.training import _checkpoints as checkpoints
from maskreel.common.training._folder import RunFolder
from maskreel.common.training._log import _lines as read_log

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 20
CONFIG = TrainingConfig(
    steps=STEPS,
    batch_size=6,
    accumulate=2,
    schedule="onecycle",
    lr=0.01,
    clip_norm=1.0,
    ema=0.9,
    checkpoint_every=4,
    evaluate_every=5,
    log_every=3,
    samples_every=10,
    best="error",
    best_is="lowest",
    threads=1,
)


class Noisy:
    """17 samples, each with noise from all three global generators."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 17

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append(index)
        noise = float(np.random.normal()) + random.random()  # noqa: NPY002
        return torch.randn(4) + index / 10, torch.tensor([noise / 10 + index])


class Net(TrainingTask):
    """Dropout and batch norm; `at` maps a step to what happens in it."""

    def __init__(self, at: dict[int, Callable[[], None]] | None = None) -> None:
        torch.manual_seed(5)
        self.module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.at = at or {}
        self.parts = 0

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        self.parts += 1
        if self.parts % CONFIG.accumulate == 0:
            self.at.get(self.parts // CONFIG.accumulate, lambda: None)()
        x, y = batch
        error = module(x) - y
        return {"square": error.square().mean(), "absolute": error.abs().mean()}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        return {"error": float(module(torch.ones(1, 4) + torch.rand(1)).abs())}

    def samples(self, module: nn.Module) -> torch.Tensor:
        shade = module(torch.linspace(-1, 1, 16 * 4).reshape(16, 4)).sigmoid()
        return (255 * shade).to(torch.uint8).reshape(1, 4, 4).expand(3, 4, 4)


def preempted(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def crashed() -> None:
    raise RuntimeError("the power went")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    train(Net(), Noisy(), CONFIG, folder)
    return folder


def interrupted(
    folder: Path, at: dict[int, Callable[[], None]], error: type[BaseException], config: TrainingConfig = CONFIG
) -> None:
    with pytest.raises(error):
        train(Net(at), Noisy(), config, folder)


def assert_equal(one: Any, other: Any) -> None:
    """Equal to the bit, in nested dicts and lists."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            if "seconds" not in str(key):
                assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, others in zip(one, other, strict=True):
            assert_equal(mine, others)
    else:
        assert one == other


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_same_run(folder: Path, other: Path) -> None:
    assert files(folder) == files(other)
    assert_equal(lines(folder), lines(other))
    for name in ("final.safetensors", "best.safetensors"):
        assert_equal(load_file(folder / name), load_file(other / name))
    for step in (16, 20):
        name = f"checkpoints/step_{step:08}.pth"
        states = [torch.load(place / name, weights_only=True) for place in (folder, other)]
        assert_equal(*states)
    assert (folder / "samples/step_00000020.png").read_bytes() == (other / "samples/step_00000020.png").read_bytes()


@pytest.mark.parametrize("step", [1, 5, 7, 12])
def test_preempted_at_any_step(uninterrupted: Path, tmp_path: Path, step: int) -> None:
    interrupted(tmp_path, {step: preempted(signal.SIGTERM)}, Preempted)
    assert (tmp_path / f"checkpoints/step_{step:08}.pth").exists()
    assert not (tmp_path / "final.safetensors").exists()
    train(Net(), Noisy(), CONFIG, tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def test_stopped_twice_before_an_evaluation(uninterrupted: Path, tmp_path: Path) -> None:
    interrupted(tmp_path, {10: preempted(signal.SIGTERM)}, Preempted)  # step 10 is to be evaluated
    assert [line["step"] for line in lines(tmp_path) if "metrics" in line] == [5]
    interrupted(tmp_path, {1: crashed}, RuntimeError)  # after the evaluation, before a checkpoint knows of it
    assert [line["step"] for line in lines(tmp_path) if "metrics" in line] == [5, 10]
    train(Net(), Noisy(), CONFIG, tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def test_crash_goes_back_to_the_checkpoint(uninterrupted: Path, tmp_path: Path) -> None:
    interrupted(tmp_path, {11: crashed}, RuntimeError)
    assert max(files(tmp_path / "checkpoints")) == "step_00000008.pth"
    assert lines(tmp_path)[-1]["step"] == 10
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 1')  # as a killed process may leave it
    train(Net(), Noisy(), CONFIG, tmp_path)
    assert_same_run(tmp_path, uninterrupted)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"step": 1', "line 2, cannot be read as JSON"),
        (b"\xff", "line 2, cannot be read as JSON"),
        (b"", "line 2, cannot be read as JSON"),
        (b"[" * 100_000, "line 2, cannot be read as JSON: it is nested too deep"),
        (b"7", "line 2, is not of the log of a training"),
        (b'{"epoch": 1}', "line 2, is not of the log of a training"),
    ],
)
def test_a_damaged_log_is_not_cut_off_in_silence(tmp_path: Path, line: bytes, fault: str) -> None:
    """Only the end may have been lost when a run was killed."""
    folder = RunFolder(tmp_path)
    folder.log.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 2}\n')
    with pytest.raises(InputError, match=rf"log\.jsonl, {fault}"):
        read_log(folder)


@pytest.mark.parametrize(("end", "steps"), [(b"", [1]), (b'{"st', [1]), (b"\0\0", [1]), (b'{"step": 2}', [1, 2])])
def test_the_end_of_a_log_may_have_been_cut_off(tmp_path: Path, end: bytes, steps: list[int]) -> None:
    folder = RunFolder(tmp_path)
    folder.log.write_bytes(b'{"step": 1}\n' + end)
    assert [line["step"] for line in read_log(folder)] == steps


def test_killed_and_moved(uninterrupted: Path, tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, __file__, str(tmp_path / "here"), "11"], check=False)
    assert ended.returncode == -signal.SIGKILL
    (tmp_path / "here").rename(tmp_path / "there")
    (tmp_path / "there/checkpoints/.step_00000012.a1b2c3d4.part.pth").write_bytes(b"killed while it saved")
    train(Net(), Noisy(), CONFIG, tmp_path / "there")
    assert_same_run(tmp_path / "there", uninterrupted)


def test_the_lock_of_a_process_that_was_killed_after_the_end_goes(uninterrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    (tmp_path / "run/.lock").touch()
    assert train(Net(), Noisy(), CONFIG, tmp_path / "run").steps == CONFIG.steps
    assert_same_run(tmp_path / "run", uninterrupted)
    assert not (tmp_path / "run/.lock").exists()


def test_killed_before_the_end_was_recorded(uninterrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    record = json.loads((tmp_path / "run/training.json").read_text())
    (tmp_path / "run/training.json").write_text(json.dumps(record | {"result": None}))
    (tmp_path / "run/final.safetensors").unlink()
    task = Net()
    result = train(task, Noisy(), CONFIG, tmp_path / "run")
    assert task.parts == 0
    assert result.losses == record["result"]["losses"]
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker")
def test_worker_processes_change_nothing(uninterrupted: Path, tmp_path: Path) -> None:
    with_workers = TrainingConfig(**{**vars(CONFIG), "workers": 2})
    interrupted(tmp_path, {7: preempted(signal.SIGUSR1)}, Preempted, with_workers)
    train(Net(), Noisy(), with_workers, tmp_path)
    assert_same_run(tmp_path, uninterrupted)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker")
def test_worker_processes_live_through_signals_and_end(tmp_path: Path) -> None:
    """Slurm signals every process; and workers that ignore SIGTERM must not keep a failed run from ending."""

    def signalled() -> None:
        for worker in multiprocessing.active_children():
            os.kill(worker.pid or 0, signal.SIGTERM)
            os.kill(worker.pid or 0, signal.SIGUSR1)

    with_workers = TrainingConfig(**{**vars(CONFIG), "workers": 2})
    with pytest.raises(RuntimeError, match="the power went") as error:
        train(Net({2: signalled, 9: crashed}), Noisy(), with_workers, tmp_path)
    assert multiprocessing.active_children() == []
    assert error.traceback  # which refers to all the objects of the run


def test_random_states_matter(uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is such that a resumed run with other random numbers ends elsewhere."""
    interrupted(tmp_path, {7: preempted(signal.SIGTERM)}, Preempted)
    monkeypatch.setattr(checkpoints, "restore_random_states", lambda states: torch.manual_seed(1))
    result = train(Net(), Noisy(), CONFIG, tmp_path)
    expected = load_file(uninterrupted / "final.safetensors")
    assert not torch.equal(load_file(result.weights)["3.weight"], expected["3.weight"])


def test_nothing_is_read_twice(tmp_path: Path) -> None:
    whole, first, second = Noisy(), Noisy(), Noisy()
    train(Net(), whole, CONFIG, tmp_path / "whole")
    with pytest.raises(Preempted):
        train(Net({7: preempted(signal.SIGTERM)}), first, CONFIG, tmp_path / "parts")
    train(Net(), second, CONFIG, tmp_path / "parts")
    assert len(first.asked) == 7 * CONFIG.batch_size
    assert first.asked + second.asked == whole.asked
    assert sorted(whole.asked[:17]) == sorted(whole.asked[17:34]) == list(range(17))
    assert whole.asked[:17] != whole.asked[17:34]


def test_finished_run_returns_at_once(uninterrupted: Path) -> None:
    before = {name: (uninterrupted / name).stat().st_mtime_ns for name in files(uninterrupted)}
    task = Net({1: crashed})
    result = train(task, Noisy(), CONFIG, uninterrupted)
    assert task.parts == 0
    assert result.steps == STEPS
    assert result.weights == uninterrupted / "final.safetensors"
    assert result.best_weights == uninterrupted / "best.safetensors"
    assert result.losses == [line for line in lines(uninterrupted) if "losses" in line][-1]["losses"]
    assert_equal(
        dict(task.module.state_dict()), {key: load_file(result.weights)[key] for key in task.module.state_dict()}
    )
    assert not task.module.training
    assert before == {name: (uninterrupted / name).stat().st_mtime_ns for name in files(uninterrupted)}


def test_config_that_differs_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path, {2: preempted(signal.SIGTERM)}, Preempted)
    changed = TrainingConfig(**{**vars(CONFIG), "lr": 0.5})
    with pytest.raises(InputError, match=r"begun with lr 0\.01, not 0\.5"):
        train(Net(), Noisy(), changed, tmp_path)
    changed = TrainingConfig(**{**vars(CONFIG), "betas": (0.9, 0.9)})
    with pytest.raises(InputError, match=r"begun with betas \[0\.9, 0\.999\], not \[0\.9, 0\.9\]"):
        train(Net(), Noisy(), changed, tmp_path)
    with pytest.raises(InputError, match="begun with the number of samples 17, not 16"):
        train(Net(), [(torch.zeros(4), torch.zeros(1))] * 16, CONFIG, tmp_path)
    harmless = TrainingConfig(**{**vars(CONFIG), "log_every": 1, "keep": 1, "evaluate_every": 20})
    assert train(Net(), Noisy(), harmless, tmp_path).steps == STEPS
    assert json.loads((tmp_path / "training.json").read_text())["config"]["log_every"] == 1


def test_checkpoint_that_does_not_fit(tmp_path: Path) -> None:
    interrupted(tmp_path, {2: preempted(signal.SIGTERM)}, Preempted)
    wider = Net()
    wider.module = nn.Linear(4, 1)
    with pytest.raises(InputError, match=r"step_00000002\.pth does not fit Linear; keys 2 missing"):
        train(wider, Noisy(), CONFIG, tmp_path)
    (tmp_path / "checkpoints/step_00000002.pth").write_bytes(b"no")
    with pytest.raises(InputError, match=r"step_00000002\.pth: cannot be read"):
        train(Net(), Noisy(), CONFIG, tmp_path)
    (tmp_path / "training.json").write_text("[]")
    with pytest.raises(InputError, match=r"training\.json: not the record of a training"):
        train(Net(), Noisy(), CONFIG, tmp_path)


def test_old_checkpoints_go(tmp_path: Path) -> None:
    train(Net(), Noisy(), TrainingConfig(**{**vars(CONFIG), "keep": 3}), tmp_path)
    assert files(tmp_path / "checkpoints") == {f"step_{step:08}.pth" for step in (12, 16, 20)}


if __name__ == "__main__":
    train(Net({int(sys.argv[2]): killed}), Noisy(), CONFIG, Path(sys.argv[1]))
