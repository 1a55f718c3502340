"""`maskreel web`: use the installed parts in your browser, on a page of this machine alone."""

from __future__ import annotations

import re
from typing import Annotated

import tyro

from maskreel.common.errors import InputError, require_extra

__all__ = ["main", "web"]

_LOOPBACK = {"localhost": "127.0.0.1", "127.0.0.1": "127.0.0.1", "::1": "::1"}
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LAST_PORT = 65535


def main(argv: list[str], *, prog: str) -> int | None:
    """Run the command; the imports wait until then, so that `maskreel --help` stays quick."""
    from maskreel.common.cli import run_command

    return run_command(web, argv, prog)


def web(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    max_size: str = "4GB",
    open_browser: Annotated[bool, tyro.conf.arg(name="open")] = True,
) -> int:
    """Open a page in your browser on which files are dropped, looked at and worked on. Ctrl-C ends it.

    Only programs of this machine reach it, and only under the address that is printed, which holds a secret word. From
    another machine, use an SSH tunnel. Files and results lie in a temporary folder (TMPDIR says where), which is gone
    when the page ends: download what you want to keep.

    Args:
        port: Where to listen; 0: any free port.
        host: The loopback address: 127.0.0.1, ::1 or localhost.
        max_size: The largest file that is taken, for example 500MB or 20GB.
        open_browser: Open the page in your browser; otherwise only print its address.
    """
    require_extra("maskreel-common[web]", "starlette", "uvicorn")
    if host not in _LOOPBACK:
        raise InputError(
            f"--host {host}: the page is for this machine alone; use {', '.join(_LOOPBACK)}, and from elsewhere an SSH"
            " tunnel (ssh -L)"
        )
    if not 0 <= port <= _LAST_PORT:
        raise InputError(f"--port {port}: write a number from 1 to {_LAST_PORT}, or 0 for any free port")
    from maskreel.common.web._serve import serve

    return serve(_LOOPBACK[host], port, max_bytes=_bytes(max_size), open_browser=open_browser)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    size = 0 if match is None else round(float(match[1]) * _UNITS[match[2]])
    if size < 1:
        raise InputError(f"--max-size {text}: write a size above 0, for example 500MB or 20GB")
    return size
