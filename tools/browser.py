"""A Chromium without a window, steered from a test: open pages, run scripts in them, list their errors, take pictures.

It needs a Chromium of the system (Debian's package `chromium`) and nothing else: commands of Chrome's DevTools protocol
go through a pair of pipes (`--remote-debugging-pipe`; JSON messages, each ended by a zero byte). Tests take the fixture
`browser` of the root conftest.py and mark themselves `needs_browser`:

    @pytest.mark.needs_browser
    def test_page(browser, tmp_path):
        with browser.open((tmp_path / "index.html").as_uri()) as page:
            page.wait_for("document.querySelector('video').readyState >= 2")
            assert page.value("document.images[0].naturalWidth") > 0
            assert page.errors == []
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
)
ON_PIPES = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Chromium reads commands from descriptor 3 and answers on 4; they are put there in a process of their own."""


def find_browser() -> str | None:
    """Path of the first browser there is of `NAMES`."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(RuntimeError):
    """The browser refused a command, a script in the page failed, or it took too long."""


class Browser:
    """One running Chromium with a profile of its own; close it, or use it as a context."""

    def __init__(self, program: str | None = None, *, timeout_seconds: float = 60) -> None:
        program = program or find_browser()
        if program is None:
            raise BrowserError(f"no browser here: none of {', '.join(NAMES)} is installed")
        self.timeout_seconds = timeout_seconds
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._rest, self._last_id = b"", 0
        self._pages: dict[str, Page] = {}
        hears, self._commands = high_pipe()
        self._answers, says = high_pipe()
        options = ["--remote-debugging-pipe", f"--user-data-dir={self._profile.name}", *FLAGS]
        self._process = subprocess.Popen(
            [sys.executable, "-c", ON_PIPES, str(hears), str(says), program, *options, "about:blank"],
            pass_fds=(hears, says),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(hears)
        os.close(says)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and forget its profile."""
        with contextlib.suppress(BrowserError, OSError):
            self.send("Browser.close")
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)
        self._profile.cleanup()

    @contextlib.contextmanager
    def open(self, address: str, *, size: tuple[int, int] = (900, 1280)) -> Iterator[Page]:
        """A new tab of `size` (height, width) pixels, in which `address` is loaded to its end; closed afterwards."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        self._pages[page.session] = page
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.send(f"{domain}.enable")
            page.resize(size)
            page.go(address)
            yield page
        finally:
            del self._pages[page.session]
            self.send("Target.closeTarget", targetId=target)

    def send(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """Send one command of the protocol and return its result; what happens meanwhile goes to the pages."""
        self._last_id += 1
        number = self._last_id
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            answer = self._receive(deadline, f"an answer to {method}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            self._tell(answer)

    def listen(self, seconds: float) -> None:
        """Hand to the pages what happens in the next moments."""
        deadline = time.monotonic() + seconds
        while b"\0" in self._rest or select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
            self._tell(self._receive(deadline + self.timeout_seconds, "the rest of a message"))
            if time.monotonic() > deadline:
                return

    def _tell(self, message: dict[str, Any]) -> None:
        if (page := self._pages.get(message.get("sessionId", ""))) is not None:
            page.hear(message["method"], message["params"])

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._commands, data) :]
        except BrokenPipeError as error:
            raise BrowserError("the browser ended") from error

    def _receive(self, deadline: float, awaited: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BrowserError(f"waited {self.timeout_seconds:g} s for {awaited}")
            piece = os.read(self._answers, 1 << 16)
            if not piece:
                raise BrowserError(f"the browser ended; awaited was {awaited}")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@dataclass
class Page:
    """One tab of a browser."""

    browser: Browser
    session: str
    errors: list[str] = field(default_factory=list)
    """What the console shows in red: exceptions, console.error, what could not be loaded. Warnings are no errors."""

    _loaded: bool = False

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send one command of the DevTools protocol to this tab."""
        return self.browser.send(method, self.session, **parameters)

    def go(self, address: str) -> None:
        """Load `address`, with all pictures and scripts, in place of what is there."""
        self._loaded = False
        if fault := self.send("Page.navigate", url=address).get("errorText"):
            raise BrowserError(f"{address}: {fault}")
        deadline = time.monotonic() + self.browser.timeout_seconds
        while not self._loaded:
            if time.monotonic() > deadline:
                raise BrowserError(f"{address}: not loaded after {self.browser.timeout_seconds:g} s")
            self.browser.listen(0.1)

    def value(self, script: str) -> Any:
        """Value of a JavaScript expression in the page (numbers, strings, lists, dicts); promises are awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{script}: {message_of(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = 20) -> Any:
        """Value of an expression as soon as it is true; BrowserError, with the page's errors, if it is not in time."""
        deadline = time.monotonic() + seconds
        while not (value := self.value(script)):
            if time.monotonic() > deadline:
                raise BrowserError(f"after {seconds:g} s still not true: {script} (errors of the page: {self.errors})")
            self.browser.listen(0.1)
        return value

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Put files into the `<input type="file">` that a CSS selector finds, as a person does who picks them."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path.resolve()) for path in paths])

    def resize(self, size: tuple[int, int]) -> None:
        """Show the page in (height, width) pixels."""
        height, width = size
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def save_picture(self, path: Path, *, whole: bool = True) -> None:
        """Write a PNG of the whole page, or of what fits in the window."""
        picture = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def hear(self, event: str, details: dict[str, Any]) -> None:
        """Take note of one event of the protocol."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.errors.append(message_of(details["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and details["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in details["args"]))
        elif event == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.errors.append(f"{details['entry']['text']} {details['entry'].get('url', '')}".strip())
        elif event == "Network.loadingFailed" and not details.get("canceled"):
            self.errors.append(f"{details['type']} not loaded: {details['errorText']}")


def high_pipe() -> tuple[int, int]:
    """A pipe's two ends, for reading and for writing, on descriptors above 9: free of those that Chromium wants."""
    ends = os.pipe()
    reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return reads, writes


def message_of(exception: dict[str, Any]) -> str:
    return exception.get("exception", {}).get("description") or exception["text"]
