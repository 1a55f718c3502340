"""Training and arrays of jobs on a real Slurm: `nox -s slurm`, or any cluster that sbatch reaches from here."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.masks import write_binary_png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs_slurm

TRAINING = """
import sys, time
import torch
from maskreel.common.training import TrainingConfig, TrainingTask, train

launcher, folder, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])

class Numbers:
    def __len__(self):
        return 21
    def __getitem__(self, index):
        x = torch.randn(4) + index / 20
        return x, x.sin().sum(0, keepdim=True)

class Sines(TrainingTask):
    def __init__(self):
        torch.manual_seed(2)
        self.module = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    def losses(self, module, batch):
        time.sleep(pause)
        return {"square": (module(batch[0]) - batch[1]).square().mean()}

config = TrainingConfig(steps=40, batch_size=8, lr=0.02, checkpoint_every=1000, log_every=1, launcher=launcher,
                        device="cpu", threads=1)
train(Sines(), Numbers(), config, folder)
"""
PATIENCE = 900
"""Seconds until something that must happen counts as missing; a busy machine starts Python slowly."""
BATCH = """#!/bin/bash
#SBATCH --ntasks=2 --requeue --signal=USR1@30 --open-mode=append
srun --kill-on-bad-exit=1 "$@"
"""


def output_of(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.strip()


def wait_for(happened: Callable[[], bool], *, told: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, told()
        time.sleep(0.5)


def queued(*options: str) -> list[str]:
    return output_of("squeue", "--me", "--noheader", "--array", "--format=%i", *options).split()


class Submitted:
    """A training that waits or runs on the cluster."""

    def __init__(self, folder: Path, *, pause: float) -> None:
        folder.mkdir()
        script, batch, self.log = folder / "training.py", folder / "job.sh", folder / "job.log"
        script.write_text(TRAINING)
        batch.write_text(BATCH)
        self.run = folder / "run"
        words = ["--parsable", f"--output={self.log}", batch, sys.executable, script, "slurm", self.run, pause]
        self.job = output_of("sbatch", *map(str, words))

    def steps(self) -> int:
        log = self.run / "log.jsonl"
        return len(log.read_text().splitlines()) if log.is_file() else 0

    def weights(self) -> dict[str, object]:
        wait_for(lambda: self.job not in queued(), told=self.said)
        return tensors(self.run)

    def said(self) -> str:
        return self.log.read_text() if self.log.is_file() else f"job {self.job} said nothing"


def tensors(run: Path) -> dict[str, object]:
    from safetensors.torch import load_file

    return dict(load_file(run / "final.safetensors"))


def alone(folder: Path) -> dict[str, object]:
    """The same training in one process, without Slurm."""
    folder.mkdir()
    script = folder / "training.py"
    script.write_text(TRAINING)
    output_of(sys.executable, script, "none", folder / "run", "0")
    return tensors(folder / "run")


def test_two_tasks_train_as_one_process_and_a_requeued_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    expected = alone(tmp_path / "alone")
    whole = Submitted(tmp_path / "whole", pause=0).weights()
    cut = Submitted(tmp_path / "cut", pause=0.5)
    wait_for(lambda: cut.steps() >= 5, told=cut.said)
    output_of("scontrol", "requeue", cut.job)
    resumed = cut.weights()
    assert expected.keys() == whole.keys() == resumed.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(whole[name], tensor, rtol=1e-4, atol=1e-5)
        assert torch.equal(resumed[name], whole[name]), name  # pyright: ignore[reportArgumentType]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Four masks of a square that moves."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in range(4):
        mask = np.zeros((64, 96), bool)
        mask[20:50, 10 + 8 * number : 40 + 8 * number] = True
        write_binary_png(folder / f"{number:05}.png", torch.from_numpy(mask))
    return folder


def invert(masks: Path, output: Path, *flags: str) -> subprocess.Popen[str]:
    """Make a picture for each mask by itself."""
    command = ["inversion", "run", masks, "-o", output, "--teacher", "shapes", "--coherence", "none", "--steps", 60]
    return subprocess.Popen(
        [sys.executable, "-m", "maskreel.common.cli", "-q", *map(str, command), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def frames(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((output / "frames").iterdir())}


def test_an_array_gives_what_one_process_gives_also_when_a_job_is_killed_and_queued_again(
    masks: Path, tmp_path: Path
) -> None:
    with invert(masks, tmp_path / "one") as one:
        assert one.wait(PATIENCE) == 0, one.communicate()
    partition = output_of("sinfo", "--noheader", "--format=%R").split()[0]
    with invert(masks, tmp_path / "array", "--slurm", partition, "--workers", "2") as array:
        try:
            wait_for(lambda: bool(queued("--states=RUNNING")), told=lambda: "no job was started")
            output_of("scontrol", "requeue", queued("--states=RUNNING")[0])
            said, _ = array.communicate(timeout=PATIENCE)
        finally:
            array.kill()
    assert array.returncode == 0, said
    assert len(frames(tmp_path / "one")) == 4
    assert frames(tmp_path / "array") == frames(tmp_path / "one")
