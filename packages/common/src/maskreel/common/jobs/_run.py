"""One call for many jobs: submit what is not done, wait, and read every result back from its file."""

from __future__ import annotations

import functools
import hashlib
import logging
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.errors import InputError
from maskreel.common.jobs._executors import submitit_module
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from maskreel.common.jobs._executors import LocalProcesses, Slurm

logger = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class JobResult(Generic[ItemT]):
    """What came of one item."""

    item: ItemT
    value: Any = None
    """What the function returned, read back from JSON (a tuple has become a list); None after a failure."""
    error: str | None = None
    """The traceback of a failed job; None after success."""
    log: Path | None = None
    """The job's stderr; None for jobs of this process and for items done in an earlier run."""


def run_jobs(
    function: Callable[[ItemT], Any],
    items: Sequence[ItemT],
    *,
    executor: LocalProcesses | Slurm,
    folder: str | os.PathLike[str],
) -> list[JobResult[ItemT]]:
    """Call `function(item)` for every item, each in a job of its own, and return the results in order.

    Every value is kept in `folder/results` as soon as it is there, so the same call after an interruption runs only
    what is not done; failed items run again. A failure is logged and told in its result, and stops no other job.
    Delete `folder` after changing what `function` computes.

    Args:
        function: Importable where the jobs run, or picklable by value; returns what JSON can hold.
        items: Told apart by `repr`, so numbers, strings, paths, and dataclasses and tuples of these.
        executor: Where the jobs run.
        folder: Results and logs.

    Raises:
        ValueError: Two items are equal, or the `repr` of one changes from run to run.
        MissingExtraError: submitit is needed and not installed.
        InputError: A file in `folder` is damaged, or no result.
    """
    folder = Path(folder).resolve()
    jobs = [_Job(function, item, folder / "results" / _file_name(function, item)) for item in items]
    if len({job.result for job in jobs}) < len(jobs):
        raise ValueError("items must differ from each other, but some are equal")
    pending = [job for job in jobs if not job.result.exists()]
    logger.info("%d jobs, %d of them done before", len(jobs), len(jobs) - len(pending))
    for job in pending:
        job.failure.unlink(missing_ok=True)
    logs = _run_here(pending) if executor.at_once == 0 else _submit(pending, executor, folder / "logs")
    results = [job.outcome(logs.get(job.result)) for job in jobs]
    _report([result for result in results if result.error is not None], len(jobs))
    return results


@dataclass(frozen=True)
class _Job:
    """One call, and the two files of which it leaves one."""

    function: Callable[[Any], Any]
    item: Any
    result: Path

    @property
    def failure(self) -> Path:
        return self.result.with_suffix(".error.txt")

    def __call__(self) -> None:
        try:
            write_json(self.result, {"item": repr(self.item), "value": self.function(self.item)})
        except Exception:
            with atomic_path(self.failure) as scratch:
                scratch.write_text(traceback.format_exc())
            raise

    def checkpoint(self) -> Any:
        """Asked by submitit before a preempted job is queued again."""
        return submitit_module().helpers.DelayedSubmission(self)

    def settled(self) -> bool:
        return self.result.exists() or self.failure.exists()

    def outcome(self, log: Path | None) -> JobResult[Any]:
        if self.result.exists():
            return JobResult(self.item, _value(self.result), log=log)
        if self.failure.exists():
            return JobResult(self.item, error=self.failure.read_text(), log=log)
        return JobResult(self.item, error="the job ended without a result; it may have been killed", log=log)


def _value(path: Path) -> Any:
    found = read_json(path)
    if not isinstance(found, dict) or "value" not in found:
        raise InputError(f"{path} does not hold the result of a job; delete it, and the job runs again")
    return found["value"]


def _run_here(jobs: Sequence[_Job]) -> dict[Path, Path]:
    for job in jobs:
        try:
            job()
        except Exception as error:
            logger.debug("%r failed: %s", job.item, error)  # its traceback is in its failure file
    return {}


def _submit(jobs: Sequence[_Job], executor: LocalProcesses | Slurm, logs: Path) -> dict[Path, Path]:
    """Run the jobs, never more than the executor takes at once, and return the log of each result."""
    launcher = executor.launcher(logs) if jobs else None
    waiting, running, tickets = list(jobs), {}, {}
    try:
        while waiting or running:
            batch = [waiting.pop(0) for _ in range(min(len(waiting), executor.at_once - len(running)))]
            running |= _launch(launcher, batch)
            tickets |= running
            time.sleep(executor.poll_seconds)
            alive = executor.alive(running.values())
            running = {path: ticket for path, ticket in running.items() if ticket.job_id in alive}
    except BaseException:
        for ticket in running.values():
            ticket.cancel(check=False)
        raise
    if not all(job.settled() for job in jobs):
        time.sleep(executor.poll_seconds)  # a shared file system may show the last files late
    return {path: ticket.paths.stderr for path, ticket in tickets.items()}


def _launch(launcher: Any, batch: Sequence[_Job]) -> dict[Path, Any]:
    if not batch:
        return {}
    with launcher.batch():
        tickets = [launcher.submit(job) for job in batch]
    return {job.result: ticket for job, ticket in zip(batch, tickets, strict=True)}


def _report(failures: Sequence[JobResult[Any]], total: int) -> None:
    if failures:
        logger.error("%d of %d jobs failed", len(failures), total)
    for failure in failures:
        logger.error("%r failed (log: %s):\n%s", failure.item, failure.log or "none", failure.error)


def _file_name(function: Callable[..., Any], item: object) -> str:
    call = f"{_name(function)}({item!r})"
    if " at 0x" in call:
        raise ValueError(f"jobs must have a repr that is the same in every run, got {call}")
    return hashlib.sha256(call.encode()).hexdigest()[:20] + ".json"


def _name(function: Callable[..., Any]) -> str:
    if isinstance(function, functools.partial):
        return f"{_name(function.func)}, {function.args!r}, {function.keywords!r}"
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
