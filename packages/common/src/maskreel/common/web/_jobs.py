"""The jobs of the page: each with files, choices and steps in a folder of its own; one step at a time is worked on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from maskreel.common.cli import ProgressLine, read_progress
from maskreel.common.errors import InputError
from maskreel.common.web._describe import FileInput, Order, Result, Step, WebPage
from maskreel.common.web._work import run_command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

Status = Literal["idle", "waiting", "running", "done", "failed", "cancelled"]

KEPT = 8
"""Jobs; when there are more, the oldest that is not worked on goes."""
_ERROR, _WARNING = "maskreel: error: ", "maskreel: warning: "
_REFUSED = 2  # exit code: the input is at fault, and the last line says so
_LAST_LINES = 40


@dataclass
class Job:
    """One job. Its id is its only key, and cannot be guessed."""

    page: WebPage
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    names: dict[str, str] = field(default_factory=dict)
    """What the files that were given are called by who gave them; on the disk they are called by `stored`."""
    stored: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    """Steps whose results are there."""
    step: str | None = None
    """That was asked for last."""
    status: Status = "idle"
    progress: ProgressLine | None = None
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    round: int = 0
    """Counts the runs, so that nobody takes a result for the one before."""
    task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a step waits or runs."""
        return self.status in ("waiting", "running")

    def path_of(self, result: Result) -> Path | None:
        """Where a result lies, if its step is done."""
        if not any(result in step.results for step in self.page.steps if step.key in self.done):
            return None
        return next((self.folder / name for name in result.names if (self.folder / name).is_file()), None)

    def result(self, key: str) -> Result | None:
        return next((one for step in self.page.steps for one in step.results if one.key == key), None)

    def add_file(self, wanted: FileInput, name: str, stored: str) -> None:
        """Take note of a file that lies in the folder now; what was made from the one before is void."""
        before = self.stored.get(wanted.key)
        if before not in (None, stored):
            (self.folder / before).unlink(missing_ok=True)
        self.names[wanted.key], self.stored[wanted.key] = name, stored
        self.done, self.step, self.status, self.error, self.notes = [], None, "idle", None, []

    def remove_file(self, key: str) -> None:
        """Forget a file that was given."""
        self.names.pop(key, None)
        if (stored := self.stored.pop(key, None)) is not None:
            (self.folder / stored).unlink(missing_ok=True)

    def missing(self) -> list[str]:
        """Labels of required files that are not there."""
        return [one.label for one in self.page.inputs if one.required and one.key not in self.stored]

    def readable(self, sentence: str) -> str:
        """A message with the names that the files have for the person who gave them."""
        for key, stored in self.stored.items():
            sentence = sentence.replace(f"{self.folder}/", "").replace(stored, self.names[key])
        return sentence

    def state(self) -> dict[str, Any]:
        """What the page is told."""
        return {
            "id": self.id,
            "files": self.names,
            "done": self.done,
            "step": self.step,
            "status": self.status,
            "progress": None if self.progress is None else vars(self.progress),
            "error": self.error,
            "notes": self.notes,
            "round": self.round,
        }


class Jobs:
    """All jobs of one server. They lie in `folder`, one folder each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._turn = asyncio.Lock()

    def create(self, page: WebPage) -> Job:
        """A new job without files."""
        job = Job(page, self._folder)
        job.folder = self._folder / job.id
        job.folder.mkdir()
        self._jobs[job.id] = job
        idle = [other for other in self._jobs.values() if not other.busy and other is not job]
        for old in idle[: max(0, len(self._jobs) - KEPT)]:
            self._forget(old)
        return job

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def start(self, job: Job, step: Step, chosen: Mapping[str, str]) -> None:
        """Run a step as soon as no other job is worked on; what it and later steps have left is void."""
        keys = [one.key for one in job.page.steps]
        job.done = [key for key in job.done if keys.index(key) < keys.index(step.key)]
        job.step, job.status, job.progress, job.error, job.notes = step.key, "waiting", None, None, []
        job.round += 1
        job.task = asyncio.create_task(self._run(job, step, Order(dict(job.stored), dict(chosen))))

    async def cancel(self, job: Job) -> None:
        """End what the job waits for or does; its process is gone when this returns."""
        if job.task is not None and not job.task.done():
            job.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await job.task

    async def remove(self, job: Job) -> None:
        """End a job and delete its folder."""
        await self.cancel(job)
        self._forget(job)

    async def close(self) -> None:
        """End all jobs."""
        for job in list(self._jobs.values()):
            await self.remove(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    async def _run(self, job: Job, step: Step, order: Order) -> None:
        try:
            async with self._turn:
                job.status = "running"
                await self._work(job, step, order)
        except asyncio.CancelledError:
            job.status, job.progress = "cancelled", None
            raise
        except Exception:
            logger.exception("the step %s failed", step.key)
            job.status, job.error = "failed", _bug()

    async def _work(self, job: Job, step: Step, order: Order) -> None:
        last: deque[str] = deque(maxlen=_LAST_LINES)

        def heard(line: str) -> None:
            told = read_progress(line)
            if told is not None:
                job.progress = told
            elif line.startswith(_WARNING):
                job.notes.append(_sentence(job.readable(line.removeprefix(_WARNING))))
            elif line:
                last.append(line)

        code = await run_command(step.command(order), job.folder, heard)
        job.progress = None
        job.error = None if code == 0 else _why(code, job, last)
        job.status = "done" if code == 0 else "failed"
        if code == 0:
            job.done.append(step.key)


def _why(code: int, job: Job, last: deque[str]) -> str:
    sentence = next((line.removeprefix(_ERROR) for line in reversed(last) if line.startswith(_ERROR)), None)
    if code == _REFUSED and sentence is not None:
        return _sentence(job.readable(sentence))
    logger.error("the command ended with code %d; its last messages:\n%s", code, "\n".join(last))
    if code < 0:
        return "The work was ended from outside, perhaps for want of memory; try a shorter or smaller video."
    return _bug()


def _bug() -> str:
    return "Something went wrong in maskreel itself; the terminal in which maskreel web runs says more."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def chosen_of(page: WebPage, given: Mapping[str, Any]) -> dict[str, str]:
    """A value for every choice of the page: what was given, else its default.

    Raises:
        InputError: Something was given that is no choice, or no value of it.
    """
    chosen = {choice.key: choice.options[0][0] for choice in page.choices()}
    allowed = {choice.key: [value for value, _ in choice.options] for choice in page.choices()}
    for key, value in given.items():
        if key not in allowed:
            raise InputError(f"the page has no choice {key!r}; it has {', '.join(allowed) or 'none'}")
        if value not in allowed[key]:
            raise InputError(f"{key} cannot be {value!r}; it can be {', '.join(allowed[key])}")
        chosen[key] = value
    return chosen
