"""What `kill` and Slurm send to a command: it ends in order, as after Ctrl-C, so that no scratch file is left."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stopped", "stoppable"]


class Stopped(KeyboardInterrupt):
    """SIGTERM has come; like Ctrl-C, but for the exit code."""

    code = 128 + signal.SIGTERM


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises `Stopped` in the block. SIGUSR1, by which Slurm announces preemption, ends it with the exit code
    75 and puts the job back into the queue: so it is until `training.train` has something to save first, and in all
    other commands, which go on where they were. Only the main thread of a process can do so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def stop(number: int, frame: object) -> NoReturn:
        del frame
        if os.getpid() != owner:  # a forked worker: it must die as if nothing had been set
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if number == signal.SIGTERM:
            raise Stopped
        from maskreel.common.training._signals import stop_at_once

        stop_at_once(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]  # not on Windows
    # who starts a command with a signal ignored, as nohup does, means it
    before = {number: signal.signal(number, stop) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
