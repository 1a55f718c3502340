"""Work spread over processes that use one thread each and never outlive the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def for_each(
    function: Callable[[Any], object],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Call `function(item)` for all items, in any order.

    Args:
        function: Picklable and importable, as new processes are spawned.
        items: Picklable.
        workers: Processes; None: one per usable core; 0: everything in this process.
        progress: Called in this process with 1 after every item.

    Raises:
        ValueError: `workers` is negative.
        RuntimeError: A worker was killed.
        Exception: What `function` raised first; the other workers are stopped.
    """
    if workers is not None and workers < 0:
        raise ValueError(f"workers must be 0 or more, got {workers}")
    progress = progress or (lambda _: None)
    workers = min(usable_cores() if workers is None else workers, len(items))
    if workers == 0:
        for item in items:
            function(item)
            progress(1)
        return
    processes: dict[Connection, SpawnProcess] = {}
    try:
        with _environment_of_workers():
            for first in range(workers):
                inbox, process = _start(function, items[first::workers])
                processes[inbox] = process
        _collect(processes, progress)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.join()


def _start(function: Callable[[Any], object], items: Sequence[Any]) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    inbox, outbox = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(function, items, outbox), daemon=True)
    process.start()
    outbox.close()  # the worker's copy is the only one now, so its end is seen at once
    return inbox, process


def _collect(processes: dict[Connection, SpawnProcess], progress: Callable[[int], object]) -> None:
    running = dict(processes)
    while running:
        ready = wait(list(running))
        for inbox in [inbox for inbox in running if inbox in ready]:
            try:
                error = inbox.recv()
            except EOFError:
                process = running.pop(inbox)
                process.join()
                if process.exitcode != 0:
                    raise RuntimeError(f"a worker process ended with exit code {process.exitcode}") from None
            else:
                if error is not None:
                    raise error
                progress(1)


@contextmanager
def _environment_of_workers() -> Iterator[None]:
    """Numerical libraries read these variables when they are loaded; Ctrl-C is for the parent, which then stops all."""
    before = {name: os.environ[name] for name in _ONE_THREAD if name in os.environ}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name in _ONE_THREAD:
            os.environ.pop(name)
        os.environ.update(before)
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _work(function: Callable[[Any], object], items: Sequence[Any], outbox: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for item in items:
            function(item)
            outbox.send(None)
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        with suppress(BrokenPipeError):  # there is nobody to tell
            outbox.send(error)


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers, and nothing else would."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
