"""Who may ask `maskreel web` for something: programs of this machine, and the page of the very server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/", "text/html", b"<title>maskreel</title>"),
        ("/app.js", "text/javascript", b"fetch("),
        ("/style.css", "text/css", b"prefers-color-scheme"),
        ("/icon.svg", "image/svg+xml", b"<svg"),
        ("/pages", "application/json", b"Try it"),
    ],
)
def test_the_page_comes_from_here_and_may_use_nothing_from_elsewhere(
    server: Any, path: str, kind: str, said: bytes
) -> None:
    answer = server.ask("GET", path)
    assert (answer.status, str(answer.headers["content-type"]).partition(";")[0]) == (200, kind)
    assert said in answer.content
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["server"] is None


def test_the_page_names_no_other_place() -> None:
    import maskreel.common.web

    folder = Path(str(maskreel.common.web.__file__)).parent / "page"
    for file in folder.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, file


@pytest.mark.parametrize("root", ["", "/wrong-word", "/../"])
def test_without_the_secret_word_there_is_nothing(server: Any, root: str) -> None:
    for path in ("/", "/pages"):
        assert "address that maskreel web printed" in server.told("GET", path, root=root, code=404)["error"]


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.example.com:{port}", "", None]
)
def test_other_hosts_are_refused(server: Any, host: str | None) -> None:
    name = None if host is None else host.format(port=server.port)
    answer = server.ask("GET", "/pages", headers={"Host": name})
    if host is None:
        assert answer.status in (400, 403)
    else:
        assert answer.status == 403
        assert b"only under the loopback address" in answer.content


def test_localhost_is_this_machine_too(server: Any) -> None:
    host = f"localhost:{server.port}"
    server.told("POST", "/jobs", {"page": "try"}, headers={"Host": host, "Origin": f"http://{host}"}, code=201)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://example.com"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://{host}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_only_the_page_itself_may_change_something(server: Any, headers: dict[str, str | None]) -> None:
    job = server.new(b"film")
    foreign = {name: value and value.format(host=server.host) for name, value in headers.items()}
    asked = [
        ("POST", "/jobs", {"page": "try"}),
        ("PUT", f"{job}/files/film?name=x.mp4", b"other"),
        ("POST", f"{job}/steps/look", {}),
        ("POST", f"{job}/cancel", {}),
        ("DELETE", f"{job}/files/film", None),
        ("DELETE", job, None),
    ]
    for method, path, body in asked:
        answer = server.ask(method, path, body, headers=foreign)
        assert answer.status == 403, (method, path)
        assert b"Only the page of this server" in answer.content
    assert (server.folder(job) / "film.mp4").read_bytes() == b"film"
    assert server.told("GET", job)["status"] == "idle"


def test_only_loopback_listens(server: Any) -> None:
    addresses = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        if not address.startswith("127."):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, server.port), 5)
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in table if row[3] == "0A" and int(row[1].split(":")[1], 16) == server.port]
    assert listening == [f"0100007F:{server.port:04X}"]


def test_nobody_else_can_read_the_folder(server: Any) -> None:
    (folder,) = server.place.glob("maskreel-web-*")
    assert folder.stat().st_mode & 0o077 == 0
