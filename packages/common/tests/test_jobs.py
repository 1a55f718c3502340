"""Many jobs by one call: order, failures, resume; in this process and in local processes."""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.jobs import LocalProcesses, Slurm, chosen_executor, run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = LocalProcesses(workers=0)


def counting(folder: Path) -> Callable[[int], dict[str, Any]]:
    """A job that leaves a mark for every call, fails for 2 and dies for 3; local, so that it is pickled by value."""

    def square(number: int) -> dict[str, Any]:
        import tempfile

        tempfile.mkstemp(prefix=f"{number}-", dir=folder)
        if number == 2:
            raise RuntimeError("two is odd here")
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": number * number, "process": os.getpid()}

    return square


def calls(folder: Path) -> list[str]:
    return sorted(path.name.split("-")[0] for path in folder.iterdir())


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def test_local_processes_keep_order_and_survive_failures(
    tmp_path: Path, marks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = run_jobs(counting(marks), [5, 2, 3, 4], executor=LocalProcesses(workers=2), folder=tmp_path / "jobs")
    assert [result.item for result in results] == [5, 2, 3, 4]
    assert [result.value and result.value["square"] for result in results] == [25, None, None, 16]
    assert os.getpid() not in {result.value["process"] for result in results if result.value}
    assert results[0].error is None
    assert results[1].error is not None
    assert "RuntimeError: two is odd here" in results[1].error
    assert results[2].error is not None
    assert "killed" in results[2].error
    assert results[1].log is not None
    assert "two is odd here" in results[1].log.read_text()
    assert "2 of 4 jobs failed" in caplog.text
    assert str(results[1].log) in caplog.text

    again = run_jobs(counting(marks), [5, 4], executor=LocalProcesses(workers=2), folder=tmp_path / "jobs")
    assert [result.value for result in again] == [results[0].value, results[3].value]
    assert calls(marks) == ["2", "3", "4", "5"]


def test_a_second_run_does_only_what_is_not_done(tmp_path: Path, marks: Path) -> None:
    first = run_jobs(counting(marks), [1, 2], executor=HERE, folder=tmp_path / "jobs")
    second = run_jobs(counting(marks), [4, 2, 1], executor=HERE, folder=tmp_path / "jobs")
    assert second[2] == first[0]
    assert second[0].value["square"] == 16
    assert [result.error is None for result in second] == [True, False, True]
    assert calls(marks) == ["1", "2", "2", "4"]


def test_results_survive_a_kill_between_items(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from maskreel.common.jobs import LocalProcesses, run_jobs\n"
        "def job(number):\n"
        "    if number == 3 and not os.path.exists('second'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    open('log', 'a').write(f'{number} ')\n"
        "    return number\n"
        "print([r.value for r in run_jobs(job, [1, 2, 3, 4], executor=LocalProcesses(workers=0), folder='jobs')])\n"
    )
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    (tmp_path / "second").touch()
    run = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert run.stdout == "[1, 2, 3, 4]\n"
    assert (tmp_path / "log").read_text() == "1 2 3 4 "


def test_the_first_and_the_repeated_answer_are_alike(tmp_path: Path) -> None:
    for _ in range(2):
        (result,) = run_jobs(os.path.split, ["a/b"], executor=HERE, folder=tmp_path)
        assert result.value == ["a", "b"]


def test_a_value_that_json_cannot_hold_is_a_failure_of_that_job(tmp_path: Path) -> None:
    bad, good = run_jobs(lambda item: {item} if item == 1 else item, [1, 2], executor=HERE, folder=tmp_path)
    assert bad.error is not None
    assert "set is not JSON serializable" in bad.error
    assert good.value == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "cannot be read as JSON"),
        ("[" * 100_000, "nested too deep"),
        ("7", "does not hold the result of a job; delete it"),
        ('{"item": "3"}', "does not hold the result of a job; delete it"),
    ],
)
def test_a_damaged_result_is_named(tmp_path: Path, text: str, fault: str) -> None:
    run_jobs(abs, [-3], executor=HERE, folder=tmp_path)
    (path,) = (tmp_path / "results").glob("*.json")
    path.write_text(text)
    with pytest.raises(InputError, match=rf"{path.name} .*{fault}"):
        run_jobs(abs, [-3], executor=HERE, folder=tmp_path)


def test_functions_and_their_bound_arguments_are_told_apart(tmp_path: Path) -> None:
    def run(function: Callable[[int], int]) -> int:
        return run_jobs(function, [10], executor=HERE, folder=tmp_path)[0].value

    assert run(functools.partial(pow, 2)) == 1024
    assert run(functools.partial(pow, 3)) == 59049
    assert run(abs) == 10


def test_items_must_be_told_apart_in_every_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="items must differ"):
        run_jobs(abs, [1, 2, 1], executor=HERE, folder=tmp_path)
    with pytest.raises(ValueError, match=r"jobs must have a repr that is the same in every run, got .*object at 0x"):
        run_jobs(str, [object()], executor=HERE, folder=tmp_path)


def test_negative_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers must be 0 or more, got -1"):
        LocalProcesses(workers=-1)


def test_no_items_need_no_executor(tmp_path: Path) -> None:
    assert run_jobs(abs, [], executor=Slurm("nowhere"), folder=tmp_path) == []


def test_an_interruption_stops_the_processes(tmp_path: Path) -> None:
    def sleep(seconds: int) -> None:
        import time

        (tmp_path / "started").touch()
        time.sleep(seconds)
        (tmp_path / "finished").touch()

    class Interrupted(LocalProcesses):
        def alive(self, tickets: Any) -> set[str]:
            self_tickets.extend(ticket for ticket in tickets if ticket not in self_tickets)
            if (tmp_path / "started").exists():
                raise KeyboardInterrupt
            return super().alive(tickets)

    self_tickets: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        run_jobs(sleep, [60], executor=Interrupted(workers=1), folder=tmp_path / "jobs")
    assert [ticket._process.wait(timeout=120) is not None for ticket in self_tickets] == [True]
    assert not (tmp_path / "finished").exists()


FAKE_SQUEUE = "#!/bin/sh\n[ -e busy ] && { echo 'slurm_load_jobs error' >&2; exit 1; }\nprintf '12_0\\n12_2\\n99\\n'\n"


def test_slurm_asks_squeue_who_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Ticket:
        def __init__(self, job_id: str) -> None:
            self.job_id = job_id

    (tmp_path / "squeue").write_text(FAKE_SQUEUE)
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    tickets = [Ticket(f"12_{index}") for index in range(3)]
    assert Slurm("debug").alive(tickets) == {"12_0", "12_2"}
    (tmp_path / "busy").touch()
    with caplog.at_level(logging.WARNING):
        assert Slurm("debug").alive(tickets) == {"12_0", "12_1", "12_2"}
    assert "squeue does not answer, asking again later: slurm_load_jobs error" in caplog.text


def test_a_slurm_array_asks_for_what_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sbatch` is replaced by a script that keeps the submission and `srun` by nothing: no cluster is needed."""
    (tmp_path / "sbatch").write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/submitted\necho Submitted batch job 12\n')
    for name, text in (("srun", "#!/bin/sh\n"), ("squeue", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
    for name in ("sbatch", "srun", "squeue"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(Slurm, "poll_seconds", 0.01)
    slurm = Slurm(
        "gpu", minutes=30, cpus=4, gpus=1, memory_gb=1.5, parallel=2, setup=("module load x",), options={"qos": "low"}
    )
    results = run_jobs(abs, [1, 2, 3], executor=slurm, folder=tmp_path / "jobs")
    assert all(result.error is not None and "killed" in result.error for result in results)
    text = (tmp_path / "submitted").read_text()
    for line in (
        "array=0-2%2",
        "partition=gpu",
        "time=30",
        "cpus-per-task=4",
        "gpus-per-node=1",
        "mem=1536M",
        "qos=low",
    ):
        assert f"#SBATCH --{line}\n" in text
    assert "\nmodule load x\n" in text


@pytest.mark.parametrize(
    ("workers", "slurm", "device", "expected"),
    [
        (0, None, "auto", None),
        (3, None, "auto", LocalProcesses(3, gpus=2)),
        (3, None, "cuda", LocalProcesses(3, gpus=2)),
        (3, None, "cpu", LocalProcesses(3, gpus=0)),
        (0, "long", "auto", Slurm("long", gpus=0, parallel=16)),
        (0, "long", "cpu", Slurm("long", gpus=0, parallel=16)),
        (5, "long", "cuda", Slurm("long", gpus=1, parallel=5)),
    ],
)
def test_who_does_the_jobs_of_a_command(
    workers: int, slurm: str | None, device: Any, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert chosen_executor(workers, slurm, device=device) == expected


def test_negative_workers_of_a_command_are_refused() -> None:
    with pytest.raises(InputError, match=r"--workers -1: write 0 \(this process alone\) or more"):
        chosen_executor(-1, None, device="auto")


def test_without_submitit_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(MissingExtraError, match=r"maskreel-common\[slurm\]"):
        run_jobs(abs, [1], executor=LocalProcesses(workers=1), folder=tmp_path)
    assert run_jobs(abs, [-1], executor=HERE, folder=tmp_path)[0].value == 1
