"""One `maskreel` command in a process of its own: what it says as it says it, and a sure end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from maskreel.common.cli._progress import SECONDS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

_CHILD = [sys.executable, "-P", "-m", "maskreel.common.web._child"]  # -P: the uploads lie in its working folder
_OFTEN = "0.3"
_LONGEST_LINE = 1 << 16


async def run_command(arguments: Sequence[str], folder: Path, heard: Callable[[str], object]) -> int:
    """Run `maskreel` with `arguments` in `folder` and return its exit code; `heard` is told every line of its messages.

    When the caller is cancelled, the process and all that it has started are killed before this returns.
    """
    process = await asyncio.create_subprocess_exec(
        *_CHILD,
        *arguments,
        cwd=folder,
        env=os.environ | {SECONDS_VARIABLE: _OFTEN},
        stdin=asyncio.subprocess.PIPE,  # held open: its end tells the child that this process is gone
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        async for line in _lines(process.stderr):
            heard(line)
        return await process.wait()
    finally:
        _kill(process)
        await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # ended already
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows has no groups of processes
            process.kill()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of text; of one without end, the end."""
    rest = b""
    while chunk := await stream.read(_LONGEST_LINE):
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[-_LONGEST_LINE:]
        for line in whole:
            yield line.decode(errors="replace").rstrip()
    if rest:
        yield rest.decode(errors="replace").rstrip()
