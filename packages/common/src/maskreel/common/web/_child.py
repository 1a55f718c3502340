"""`python -m maskreel.common.web._child ...`: `maskreel ...`, which ends with the process that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading

from maskreel.common.cli import main


def end_with_parent() -> None:
    """Kill this process and all that it has started as soon as nobody holds the other end of its standard input."""
    watching = threading.Thread(target=_wait_and_kill, args=(os.dup(sys.stdin.fileno()),), daemon=True)
    watching.start()


def _wait_and_kill(descriptor: int) -> None:
    while os.read(descriptor, 1):
        continue
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)  # Windows has no groups of processes


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
