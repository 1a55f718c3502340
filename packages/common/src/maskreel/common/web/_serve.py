"""From the command to a running server and back: a socket, a folder, a browser, and a clean end."""

from __future__ import annotations

import importlib.util
import logging
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.web._app import make_app
from maskreel.common.web._installed import installed_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_PREFIX = "maskreel-web-"
_SECONDS_TO_FINISH = 2
_YOUNG_SECONDS = 60
"""A folder of this age may belong to a server that is just starting."""


def serve(host: str, port: int, *, max_bytes: int, open_browser: bool) -> int:
    """Serve the pages of the installed parts until SIGINT, SIGTERM or SIGHUP.

    Raises:
        InputError: The port cannot be had, or no part has a page.
    """
    pages, secret = installed_pages(), secrets.token_urlsafe(16)
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(host, port))
        folder = stack.enter_context(_temporary_folder())
        port = listening.getsockname()[1]
        app = make_app(pages, folder, port=port, secret=secret, max_bytes=max_bytes)
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
        server = uvicorn.Server(config)
        stack.enter_context(_ended_by_signals(server))
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/{secret}/"
        _announce(address, open_browser=open_browser)
        server.run(sockets=[listening])
    logger.info("Ended; the temporary files are gone.")
    return 0


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that takes connections from now on, so that a browser may be opened before the server runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        if sys.platform != "win32":  # there, it would share the port with another program
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(
                f"--port {port} cannot be had on {host} ({reason}); leave it out for a free one"
            ) from error
        listening.listen()
        yield listening


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that nobody else can read, deleted at the end; what killed servers have left is deleted before."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Delete the folders of servers that were killed: nobody holds their lock."""
    if importlib.util.find_spec("fcntl") is None:
        return
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue
            with locked(folder):
                shutil.rmtree(folder)
        except (InputError, OSError):  # at work, or somebody else's
            continue


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let the signals that mean "end" end the server in order, and nothing else.

    uvicorn handles the first two while it runs, and sends them again when it has ended.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    ours = [getattr(signal, name) for name in names if hasattr(signal, name)]
    ours = [number for number in ours if signal.getsignal(number) != signal.SIG_IGN]  # as by nohup
    before = {number: signal.signal(number, lambda *_: setattr(server, "should_exit", True)) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(address: str, *, open_browser: bool) -> None:
    logger.info("The page is open on this machine alone, at the address below; Ctrl-C ends it.")
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    if open_browser:
        threading.Thread(target=_open, args=(address,), daemon=True).start()


def _open(address: str) -> None:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:  # those take over the terminal: w3m, lynx
        browser.open(address)
