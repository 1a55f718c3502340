"""Files that are sent to `maskreel web`: bounded, whole or not at all, and under names of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MOST = 32_000_000


def test_too_large_a_file_is_refused_before_it_is_sent(server: Any) -> None:
    job = server.new()
    headers = {"Content-Length": str(MOST + 1)}
    refused = server.told("PUT", f"{job}/files/film?name=x.mp4", headers=headers, code=413)
    assert refused == {"error": "The file is too large: at most 32 MB (--max-size) are taken."}
    assert server.told("GET", "/pages")["tooLarge"] == refused["error"]


def test_too_large_a_file_that_does_not_say_so_is_refused_too_and_leaves_nothing(server: Any) -> None:
    job = server.new()
    answer = server.send_chunks(job, MOST + 1_000_000)
    assert answer is None or answer.status == 413
    server.wait_while(lambda: server.files(job))
    assert server.told("GET", job)["files"] == {}


def peak_kilobytes(server: Any) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def test_files_go_to_the_disk_in_bounded_memory(server: Any) -> None:
    job, before = server.new(b"small"), peak_kilobytes(server)
    answer = server.send_chunks(job, MOST)
    assert answer is not None
    assert answer.status == 200
    assert (server.folder(job) / "film.mp4").stat().st_size == MOST
    assert peak_kilobytes(server) - before < MOST // 4000


def test_a_file_that_breaks_off_leaves_nothing(server: Any) -> None:
    job = server.new()
    server.send_chunks(job, 3_000_000, finish=False)
    server.wait_while(lambda: server.files(job))
    assert server.told("GET", job)["files"] == {}


def test_an_empty_file_is_refused(server: Any) -> None:
    job = server.new()
    refused = server.told("PUT", f"{job}/files/film?name=x.mp4", b"", code=400)
    assert refused["error"].startswith("The file is empty")
    assert server.files(job) == []


@pytest.mark.parametrize(
    ("name", "shown", "stored"),
    [
        ("lecture.mp4", "lecture.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd", "film.file"),
        ("/etc/cron.d/x.MKV", "x.MKV", "film.mkv"),
        ("C:\\films\\y.avi", "y.avi", "film.avi"),
        ("a\0b\n.mp4", "ab.mp4", "film.mp4"),
        ("..", "film", "film.file"),
        ("", "film", "film.file"),
        ("x.mp4/../../y", "y", "film.file"),
        ("evil.html", "evil.html", "film.file"),
        ("l" * 5000 + ".mov", "l" * 116 + ".mov", "film.mov"),
        ("Vögel 🐦.webm", "Vögel 🐦.webm", "film.webm"),
    ],
)
def test_names_from_outside_name_no_file(server: Any, name: str, shown: str, stored: str) -> None:
    job = server.new(b"content", name)
    assert server.files(job) == [stored]
    assert server.told("GET", job)["files"] == {"film": shown}


def test_another_file_takes_the_place_of_the_first_and_of_what_came_from_it(server: Any) -> None:
    job = server.new(b"one", "one.mp4")
    assert server.run(job)["done"] == ["look"]
    state = server.told("PUT", f"{job}/files/film?name=two.mkv", b"two")
    assert (state["files"], state["done"], state["results"]) == ({"film": "two.mkv"}, [], {})
    assert "film.mp4" not in server.files(job)
    server.told("GET", f"{job}/results/seen", code=404)


def test_an_optional_file_can_be_taken_away(server: Any) -> None:
    job = server.new(b"one")
    server.told("PUT", f"{job}/files/extra?name=more.png", b"png")
    assert server.run(job)["status"] == "done"
    assert (server.folder(job) / "arguments").read_text().split()[3:] == ["extra.png", "film.mp4"]
    assert server.told("DELETE", f"{job}/files/extra")["files"] == {"film": "my film.mp4"}
    assert "extra.png" not in server.files(job)
