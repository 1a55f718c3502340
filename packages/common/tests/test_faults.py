"""Signals, second runs and other settings: what a command and a training do about them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from maskreel.common.atomic import atomic_path
from maskreel.common.cli._outcome import exit_code
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.training import Preempted, TrainingConfig, TrainingTask, train
from maskreel.common.training import _signals as signals
from maskreel.common.training._processes import joined_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
CONFIG = TrainingConfig(steps=4, batch_size=2, checkpoint_every=1, threads=1)

COMMAND = """
import logging, os, signal, sys, time
from pathlib import Path
from maskreel.common.atomic import atomic_path
from maskreel.common.cli._outcome import exit_code

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
logging.basicConfig(level=logging.INFO)
def command():
    with atomic_path(Path(sys.argv[1]) / "result") as scratch:
        scratch.write_text("half")
        if sys.argv[2] == "fork":
            if os.fork() == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(20)
            sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) + 100)
        print("working", flush=True)
        time.sleep(60)
sys.exit(exit_code(command))
"""


class Line(TrainingTask):
    """`at` maps a step to what happens in it."""

    def __init__(self, at: Mapping[int, Callable[[], None]] | None = None, **weights: Any) -> None:
        torch.manual_seed(1)
        self.module = nn.Linear(2, 1)
        self.at, self.weights, self.calls = at or {}, weights, 0

    def identity(self) -> Mapping[str, Any]:
        return self.weights

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        self.calls += 1
        self.at.get(self.calls, lambda: None)()
        return {"square": module(batch).square().mean()}


def points() -> torch.Tensor:
    return torch.linspace(-1, 1, 16).reshape(8, 2)


def kill(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@unix
@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (signal.SIGTERM, 143, "maskreel: stopped; run the same command again to go on"),
        (signal.SIGINT, 130, "maskreel: stopped; run the same command again to go on"),
        ("SIGUSR1", 75, "stopped by SIGUSR1; run the same command again to go on"),
    ],
)
def test_a_signal_ends_a_command_in_order(tmp_path: Path, scontrol: Path, number: Any, code: int, told: str) -> None:
    """No scratch file is left, and Slurm's job is queued again."""
    number, place = getattr(signal, number) if isinstance(number, str) else number, tmp_path / "work"
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(place), "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "working\n"
        running.send_signal(number)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == code, errors
    assert told in errors
    assert "Traceback" not in errors
    assert list(place.iterdir()) == []
    assert scontrol.exists() == (code == 75)
    assert code != 75 or scontrol.read_text() == "requeue 7\n"


@unix
def test_a_forked_worker_of_a_command_dies_of_a_signal_without_a_word(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path), "fork"], check=False, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (100 - signal.SIGTERM, "")


@unix
def test_a_command_leaves_the_handlers_as_they_were() -> None:
    before = [signal.getsignal(number) for number in signals.STOPPING]
    seen: list[Any] = []
    assert exit_code(lambda: seen.extend(signal.getsignal(number) for number in signals.STOPPING)) == 0
    assert [signal.getsignal(number) for number in signals.STOPPING] == before
    assert not set(seen) & set(before)


@unix
def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert exit_code(kill(signal.SIGTERM)) == 0
    finally:
        signal.signal(signal.SIGTERM, before)


@unix
@pytest.mark.parametrize("rank", ["0", "1"])
def test_preempted_before_the_first_step(
    tmp_path: Path, scontrol: Path, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    """While processes find each other, or data are looked through; only the first of a group queues the job again."""
    monkeypatch.setenv("SLURM_PROCID", rank)

    def waiting(config: TrainingConfig) -> Any:
        kill(signal.SIGUSR1)()
        return joined_processes(config)

    with monkeypatch.context() as patch:
        patch.setattr("maskreel.common.training._processes.joined_processes", waiting)
        with pytest.raises(Preempted, match=r"stopped by SIGUSR1; run the same command again") as stopped:
            train(Line(), points(), CONFIG, tmp_path / "run")
    assert stopped.value.code == 75
    assert not (tmp_path / "run").exists()
    assert scontrol.exists() == (rank == "0")
    assert train(Line(), points(), CONFIG, tmp_path / "run").steps == 4


def test_two_trainings_in_one_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    straight = load_file(train(Line(), points(), CONFIG, tmp_path / "straight").weights)

    def second() -> None:
        with pytest.raises(InputError, match="run: another run is at work here; wait for it"):
            train(Line(), points(), CONFIG, tmp_path / "run")

    result = train(Line({2: second}), points(), CONFIG, tmp_path / "run")
    assert all(torch.equal(value, straight[name]) for name, value in load_file(result.weights).items())
    with locked(tmp_path / "run"):  # the finished run is only read
        assert train(Line(), points(), CONFIG, tmp_path / "run") == result
    assert not (tmp_path / "run/.lock").exists()


@unix
@pytest.mark.parametrize(
    "save",
    [
        "torch.save({'a': torch.zeros(1_000_000)}, path)",
        "save_file({'a': torch.zeros(1_000_000)}, path)",
        "np.save(path.open('wb'), np.zeros(1_000_000))",
    ],
)
def test_a_full_disk_is_told_by_the_system_and_not_by_the_library_that_writes(tmp_path: Path, save: str) -> None:
    program = f"""
import resource, signal, sys, torch
import numpy as np
from safetensors.torch import save_file
from maskreel.common.atomic import atomic_path
from maskreel.common.cli._outcome import exit_code
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
def command():
    with atomic_path(sys.argv[1]) as path:
        {save}
sys.exit(exit_code(command))
"""
    run = subprocess.run(
        [sys.executable, "-B", "-c", program, str(tmp_path / "a.pth")], check=False, capture_output=True, text=True
    )
    assert run.returncode == 2, run.stderr
    assert run.stderr == "maskreel: error: file too large\n"
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_is_not_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError), atomic_path(tmp_path / "a"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@unix
@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker")
def test_a_killed_training_can_be_gone_on_with_at_once(tmp_path: Path) -> None:
    """Its data loader's workers live some seconds longer, and held the lock if they could."""
    died = subprocess.run([sys.executable, __file__, str(tmp_path / "run")], check=False)
    assert died.returncode == -signal.SIGKILL
    assert (tmp_path / "run/.lock").exists()
    result = train(Line(), points(), CONFIG, tmp_path / "run")
    straight = load_file(train(Line(), points(), CONFIG, tmp_path / "straight").weights)
    assert all(torch.equal(value, straight[name]) for name, value in load_file(result.weights).items())


def test_a_training_is_not_gone_on_with_by_another_task(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="power"):
        train(Line({2: _fail}, swap=1.0, path=Path("x")), points(), CONFIG, tmp_path)
    with pytest.raises(InputError, match=r"was begun with swap of the task 1.0, not 2.0; go on with that, or choose"):
        train(Line(swap=2.0, path=Path("x")), points(), CONFIG, tmp_path)
    assert train(Line(swap=1.0, path=Path("x")), points(), CONFIG, tmp_path).steps == 4
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["task"] == {"swap": 1.0, "path": "x"}


def test_a_training_begun_by_an_older_version_goes_on(tmp_path: Path) -> None:
    """Its record does not tell of the task."""
    with pytest.raises(RuntimeError, match="power"):
        train(Line({2: _fail}, swap=1.0), points(), CONFIG, tmp_path)
    record = json.loads((tmp_path / "training.json").read_text())
    del record["task"]
    (tmp_path / "training.json").write_text(json.dumps(record))
    assert train(Line(swap=1.0), points(), CONFIG, tmp_path).steps == 4


def test_systems_without_sigusr1(tmp_path: Path) -> None:
    """Windows: a training must at least begin."""
    program = """
import signal, sys
sys.modules["resource"] = sys.modules["fcntl"] = None
for name in ("SIGUSR1", "SIGUSR2", "pthread_sigmask"):
    vars(signal).pop(name, None)
sys.path.insert(0, sys.argv[1])
import test_faults as here
from maskreel.common.cli._outcome import exit_code
sys.exit(exit_code(lambda: here.train(here.Line(), here.points(), here.CONFIG, sys.argv[2]).steps))
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 4, run.stderr


def _fail() -> None:
    raise RuntimeError("the power went")


if __name__ == "__main__":
    with_workers = TrainingConfig(**{**vars(CONFIG), "workers": 2})
    train(Line({3: kill(signal.SIGKILL)}), points(), with_workers, sys.argv[1])
