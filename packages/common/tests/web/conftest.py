"""A running `maskreel web` with the page of web_part.py, and a client of it that says whatever it likes."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PATIENCE = 120
"""Seconds; what takes this long has failed, even on a busy machine."""


def wait_while(condition: Callable[[], object]) -> None:
    """Return as soon as something is no longer so."""
    deadline = time.monotonic() + PATIENCE
    while condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Server:
    """A running `maskreel web`, and a client of it that says whatever it likes."""

    def __init__(self, part: Path, place: Path, *options: str) -> None:
        self.place = place
        environment = os.environ | {"PYTHONPATH": str(part), "TMPDIR": str(place)}
        command = [sys.executable, "-m", "maskreel.common.cli", "web", "--no-open", *options]
        self.messages = place / "messages.txt"
        with self.messages.open("w") as messages:
            self.process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=messages, text=True
            )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        parts = urlsplit(self.address)
        self.port, self.root = parts.port, parts.path.rstrip("/")
        self.host = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        root: str | None = None,
    ) -> http.client.HTTPResponse:
        """An answer, its body in `.content`; asked as the page does unless headers say otherwise (None: without)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port or 0, timeout=PATIENCE)
        sent = {"Host": self.host, "Origin": f"http://{self.host}"} | dict(headers or {})
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.putrequest(method, (self.root if root is None else root) + path, skip_host=True)
        if isinstance(data, bytes):
            sent.setdefault("Content-Length", str(len(data)))
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            if data is not None:
                connection.send(data)
        answer = connection.getresponse()
        answer.content = answer.read()  # pyright: ignore[reportAttributeAccessIssue]
        connection.close()
        return answer

    def told(self, method: str, path: str, body: Any = None, *, code: int = 200, **rest: Any) -> Any:
        answer = self.ask(method, path, body, **rest)
        assert answer.status == code, (answer.status, answer.content)  # pyright: ignore[reportAttributeAccessIssue]
        content = answer.content  # pyright: ignore[reportAttributeAccessIssue]
        return json.loads(content) if content else None

    def new(self, film: bytes | None = None, name: str = "my film.mp4") -> str:
        """The path of a new job, with a film if one is given."""
        job = f"/jobs/{self.told('POST', '/jobs', {'page': 'try'}, code=201)['id']}"
        if film is not None:
            self.told("PUT", f"{job}/files/film?name={quote(name)}", film)
        return job

    def wait(self, job: str, *statuses: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while (state := self.told("GET", job))["status"] not in statuses:
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state

    wait_while = staticmethod(wait_while)

    def run(self, job: str, step: str = "look", **chosen: str) -> Any:
        self.told("POST", f"{job}/steps/{step}", chosen)
        return self.wait(job, "done", "failed")

    def folder(self, job: str) -> Path:
        (folder,) = self.place.glob("maskreel-web-*")
        return folder / job.rpartition("/")[2]

    def files(self, job: str) -> list[str]:
        return sorted(path.name for path in self.folder(job).iterdir())

    def pids_of(self, job: str) -> list[int]:
        """The processes of a slow step: the command and one that it has started."""
        file = self.folder(job) / "pids"
        wait_while(lambda: not file.exists() or len(file.read_text().split()) < 2)
        return [int(word) for word in file.read_text().split()]

    def send_chunks(self, job: str, count: int, *, finish: bool = True) -> http.client.HTTPResponse | None:
        """Send `count` bytes without saying how many they will be."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port or 0, timeout=PATIENCE)
        connection.putrequest("PUT", f"{self.root}{job}/files/film?name=x.mp4", skip_host=True)
        for name, value in {"Host": self.host, "Origin": f"http://{self.host}", "Transfer-Encoding": "chunked"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        piece = b"x" * 1_000_000
        with closing(connection):
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
                for _ in range(count // len(piece)):
                    connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                if not finish:
                    return None
                connection.send(b"0\r\n\r\n")
            try:
                answer = connection.getresponse()
            except ConnectionResetError:  # the refusal was overtaken by what was still on its way
                return None
            answer.read()
            return answer


@pytest.fixture(scope="session", autouse=True)
def _libraries() -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")


@pytest.fixture(scope="session")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the module path in which a part with the page `try` is installed."""
    folder = tmp_path_factory.mktemp("part")
    shutil.copy(Path(__file__).with_name("web_part.py"), folder)
    info = folder / "maskreel_try-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: maskreel-try\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[maskreel.commands]\ntry = web_part:main\n"
        "web = maskreel.common.web.cli:main\n[maskreel.pages]\ntry = web_part:page\n"
    )
    return folder


@pytest.fixture(scope="module")
def server(part: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(part, tmp_path_factory.mktemp("served"), "--max-size", "32MB") as running:
        yield running


@pytest.fixture
def serve(part: Path, tmp_path: Path) -> Callable[..., Server]:
    """Start a server of this test's own, in its folder."""
    return lambda *options: Server(part, tmp_path, *options)


@pytest.fixture(scope="session")
def alive() -> Callable[[int], bool]:
    """Whether a process runs; one that has ended and waits to be fetched does not."""
    return is_alive


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
