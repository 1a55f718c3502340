"""Stop signals: noted when they come, acted upon between two steps, or at once where there is nothing to save."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from maskreel.common.training._outcome import Preempted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STOPPING", "StopSignals", "noted_stop_signals", "requeue", "stop_at_once"]

logger = logging.getLogger(__name__)

STOPPING = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGTERM") if hasattr(signal, name))
"""Windows has no SIGUSR1."""


class StopSignals:
    """What has come so far."""

    received: signal.Signals | None = None
    under_way: bool = False
    """Whether there are steps to save; before, a signal stops the run at once."""

    @property
    def requeues(self) -> bool:
        """Whether what has come is Slurm's, which wants the job to go on later."""
        return self.received is not None and self.received.name == "SIGUSR1"

    def note(self, number: int, frame: object) -> None:
        del frame
        self.received = signal.Signals(number)
        if not self.under_way:
            stop_at_once(number)


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


def stop_at_once(number: int) -> NoReturn:
    """End this process, which has nothing to save; the first one of its group queues the job again after SIGUSR1.

    Raises:
        Preempted: always.
    """
    name = signal.Signals(number).name
    if name == "SIGUSR1" and os.environ.get("SLURM_PROCID", "0") == os.environ.get("RANK", "0") == "0":
        requeue()
    message = f"stopped by {name}; run the same command again to go on"
    logger.warning(message)
    raise Preempted(message)


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
