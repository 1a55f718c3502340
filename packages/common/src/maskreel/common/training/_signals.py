"""Stop signals: noted when they come, acted upon between two steps."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StopSignals", "noted_stop_signals", "requeue"]

logger = logging.getLogger(__name__)

STOPPING = (signal.SIGUSR1, signal.SIGTERM)


class StopSignals:
    """What has come so far."""

    received: signal.Signals | None = None

    def note(self, number: int, frame: object) -> None:
        del frame
        self.received = signal.Signals(number)


@contextmanager
def noted_stop_signals() -> Iterator[StopSignals]:
    """Note SIGUSR1 and SIGTERM instead of dying of them; only the main thread of a process can do so."""
    signals = StopSignals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.note) for number in STOPPING}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def requeue() -> None:
    """Put the present Slurm job back into the queue, if this is one."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
        logger.info("job %s is back in the queue", job)
    except (OSError, subprocess.CalledProcessError) as error:
        logger.warning("job %s could not be put back into the queue: %s", job, getattr(error, "stderr", None) or error)
