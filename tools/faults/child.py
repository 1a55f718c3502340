"""One command in a forked process: what is slow to import is loaded already, so kills fall into the work."""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Child", "Ended", "die_with_parent", "start"]

BUG = 70
"""Exit code after an exception that the command has not turned into a sentence."""
PATIENCE = 300.0
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """The exit code, or minus the signal."""
    told: str
    """stdout and stderr."""

    @property
    def refused(self) -> bool:
        """Whether it ended with one sentence for a person."""
        lines = self.told.strip().splitlines()
        return (
            self.code == 2
            and "Traceback" not in self.told
            and lines[-1:] != []
            and lines[-1].startswith("maskreel: error: ")
        )


@dataclass(frozen=True)
class Child:
    """A running command, the leader of a process group of its own."""

    pid: int
    log: Path

    def ended_within(self, seconds: float) -> bool:
        """Wait so long at most; whether it has ended."""
        end = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= end:
                return False
            time.sleep(0.002)
        return True

    def send(self, number: int) -> None:
        """Send a signal to this process alone; its workers must notice by themselves."""
        os.kill(self.pid, number)

    def load_what_it_loaded(self) -> None:
        """Import in this process what the command imported, so that the next ones begin with their work at once."""
        for name in self.log.with_suffix(".modules").read_text().split():
            with suppress(Exception):  # names that only another module can bring about
                importlib.import_module(name)

    def wait(self) -> Ended:
        """Wait until it has ended; one that hangs is killed, with its workers."""
        if not self.ended_within(PATIENCE):
            os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        return Ended(os.waitstatus_to_exitcode(status), self.log.read_text(errors="replace"))


def start(words: Sequence[str], log: Path, *, first: Callable[[], object] = lambda: None) -> Child:
    """Start `maskreel` with these arguments; `first` is called in the new process before."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os._exit(_run(words, log, first))
    return Child(pid, log)


def die_with_parent() -> None:
    """Let no job outlive a session that is itself stopped (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(words: Sequence[str], log: Path, first: Callable[[], object]) -> int:
    code = BUG
    try:
        os.setsid()
        die_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with `&` ignore Ctrl-C
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))  # pytest has its own
        first()
        from maskreel.common.cli import main

        code = main(["-q", *words])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else BUG
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(OSError):  # a disk may be full
        log.with_suffix(".modules").write_text(" ".join(name for name in sys.modules if name != "__main__"))
    return code
