"""A folder in which maskreel's commands run, each once: what is there is not made again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maskreel.common.atomic import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CommandFailedError", "Workshop", "say"]


class CommandFailedError(RuntimeError):
    """A command of maskreel ended with an error, which it has told itself."""


def say(message: str) -> None:
    """Tell whoever waits; the commands' own progress goes the same way."""
    print(message, file=sys.stderr, flush=True)


class Workshop:
    """Where one part of the demo is made.

    Args:
        folder: is made if need be. `seconds.json` in it remembers what has been done and how long it took: by the
            clock, and of processors.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._record = folder / "seconds.json"
        self._done: dict[str, tuple[float, float]] = (
            json.loads(self._record.read_text()) if self._record.exists() else {}
        )

    @property
    def seconds(self) -> tuple[float, float]:
        """Of everything that was done here, in this run or before: by the clock, and of processors."""
        return sum(clock for clock, _ in self._done.values()), sum(work for _, work in self._done.values())

    def run(self, *words: str | Path, makes: str) -> str:
        """Run `maskreel WORDS` in the folder, unless it has been done and `makes` is there; the command as text.

        Raises:
            CommandFailedError: it ended with an error.
        """
        command = shlex.join(["maskreel", *map(str, words)])
        with self.step(command, makes) as wanted:
            if wanted:
                call = [sys.executable, "-m", "maskreel.common.cli", *map(str, words)]
                if code := subprocess.run(call, cwd=self.folder, check=False).returncode:
                    raise CommandFailedError(f"{command}: ended with exit code {code} in {self.folder}")
        return command

    @contextmanager
    def step(self, name: str, *makes: str) -> Iterator[bool]:
        """Time what is done in the block, which is told whether it is wanted: not if it was done and all is there."""
        wanted = name not in self._done or not all((self.folder / one).exists() for one in makes)
        say(f"  {name}" if wanted else f"  there already: {name}")
        clock, work = time.monotonic(), processor_seconds()
        yield wanted
        if wanted:
            self._done[name] = time.monotonic() - clock, processor_seconds() - work
            write_json(self._record, self._done)


def processor_seconds() -> float:
    """Of this process and of the commands that it has run."""
    return sum(os.times()[:4])
