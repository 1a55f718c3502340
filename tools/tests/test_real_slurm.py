"""Training and arrays of jobs on a real Slurm: `nox -s slurm`, or any cluster that sbatch reaches from here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maskreel.common.masks import write_binary_png

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.needs_slurm

SCRIPTS = Path(__file__).parents[1] / "slurm"
NETWORK = ["--network", "convlstm", "--temporal-width", "6", "--temporal-depth", "1"]
TRAINING = [*NETWORK, "--steps", "60", "--batch-size", "4", "--log-every", "1", "--threads", "1", "--device", "cpu"]
"""Nothing in it depends on how a batch is shared out: no batch norm, no dropout, and all samples weigh the same."""
PATIENCE = 900
"""Seconds until something that must happen counts as missing; a busy machine starts Python slowly."""


def output_of(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.strip()


def wait_for(happened: Callable[[], bool], *, told: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, told()
        time.sleep(0.5)


def queued(*options: str) -> list[str]:
    return output_of("squeue", "--me", "--noheader", "--array", "--format=%i", *options).split()


def submitted(script: str, *words: str | Path, log: Path, options: Sequence[str] = (), **variables: str) -> str:
    """The number of a job that runs one of our scripts; maskreel is that of this Python unless a variable says else."""
    known = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["sbatch", "--parsable", f"--output={log}", *options, SCRIPTS / script, *words]
    sent = subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True, env=os.environ | known | variables
    )
    return sent.stdout.strip()


def state(job: str) -> dict[str, str]:
    """What Slurm knows of it: JobState, Restarts, ExitCode ..."""
    return dict(word.split("=", 1) for word in output_of("scontrol", "show", "job", job).split() if "=" in word)


def ended(job: str, log: Path) -> dict[str, str]:
    """What Slurm knows of a job when it has left the queue."""

    def said() -> str:
        return log.read_text() if log.is_file() else f"job {job} said nothing"

    wait_for(lambda: job not in queued(), told=said)
    known = state(job)
    assert known["JobState"] == "COMPLETED", said()
    return known


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small videos, rendered by a job of `run.sbatch` that finds maskreel in the environment it is told of."""
    place = tmp_path_factory.mktemp("rendered")
    (place / "environment/bin").mkdir(parents=True)
    (place / "environment/bin/activate").write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    bare = ":".join(dict.fromkeys(str(Path(shutil.which(name) or name).parent) for name in ("srun", "bash")))
    words = ["world", "render", "table", "--train", "4", "--size", "32", "48", "--workers", "0", "-o", place / "data"]
    job = submitted("run.sbatch", *words, log=place / "log", PATH=bare, MASKREEL_ENV=str(place / "environment"))
    ended(job, place / "log")
    return place / "data"


def test_a_job_renders_the_same_bytes(data: Path, tmp_path: Path) -> None:
    command = ["world", "render", "table", "--train", "4", "--size", "32", "48", "--workers", "0", "-o"]
    output_of(sys.executable, "-m", "maskreel.common.cli", "-q", *command, tmp_path)
    files = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*.png"))]
    assert len(files) == 4 * 22
    assert all((data / name).read_bytes() == (tmp_path / name).read_bytes() for name in files)


class Training:
    """A training of two tasks by `train.sbatch` that waits or runs on the cluster."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.run, self.log = folder, folder.with_suffix(".log")
        words = ["vfp", "train", data, "-o", folder, *TRAINING]
        self.job = submitted("train.sbatch", *words, log=self.log, options=["--ntasks-per-node=2"])

    def interrupted(self, *command: str) -> None:
        """Run a command of Slurm on the job when some steps are done."""
        log = self.run / "log.jsonl"
        wait_for(lambda: log.is_file() and len(log.read_text().splitlines()) >= 5, told=lambda: str(state(self.job)))
        output_of(*command, self.job)

    def weights(self, *, restarts: int) -> dict[str, torch.Tensor]:
        assert ended(self.job, self.log)["Restarts"] == str(restarts)
        return load_file(self.run / "final.safetensors")


def test_two_tasks_train_as_one_process_and_a_requeued_run_ends_with_the_same_weights(
    data: Path, tmp_path: Path
) -> None:
    whole = Training(data, tmp_path / "whole").weights(restarts=0)
    record = json.loads((tmp_path / "whole/training.json").read_text())
    assert record["config"]["launcher"] == "slurm"
    command = ["vfp", "train", data, "-o", tmp_path / "one", *TRAINING]
    output_of(sys.executable, "-m", "maskreel.common.cli", "-q", *command)
    for name, tensor in load_file(tmp_path / "one/final.safetensors").items():
        torch.testing.assert_close(whole[name], tensor, rtol=1e-3, atol=1e-4)
    ways = {"operator": ["scontrol", "requeue"], "time limit": ["scancel", "--signal=USR1"]}
    cut = {name: Training(data, tmp_path / name) for name in ways}  # one waits in the queue while the other runs
    for name, command in ways.items():
        cut[name].interrupted(*command)
    for name, training in cut.items():
        weights = training.weights(restarts=1)
        assert all(torch.equal(weights[key], tensor) for key, tensor in whole.items()), name
    assert "was stopped by a signal and saved" in cut["time limit"].log.read_text()


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
