"""What can be ordered from `maskreel web`, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "error"),
    [
        ("POST", "/jobs", {"page": "none"}, 400, "there is no page 'none'; there is "),
        ("POST", "/jobs", {}, 400, "there is no page None"),
        ("POST", "/jobs", b"[]", 400, "the request must be a JSON object"),
        ("POST", "/jobs", b"{", 400, "the request cannot be read as JSON"),
        ("POST", "/jobs", b"\xff", 400, "the request cannot be read as JSON"),
        ("POST", "/jobs", b" " * 20_000, 413, "The request is too long."),
        ("GET", "/jobs/guessed", None, 404, "This job is gone; begin anew."),
        ("POST", "/jobs/guessed/cancel", {}, 404, "This job is gone; begin anew."),
        ("POST", "{job}/steps/none", {}, 404, "There is nothing here"),
        ("POST", "{job}/steps/look", {"how": "rm"}, 400, "how cannot be 'rm'; it can be well, badly"),
        ("POST", "{job}/steps/look", {"how": ["well"]}, 400, "how cannot be ['well']; it can be well, badly"),
        ("POST", "{job}/steps/look", {"--output": "x"}, 400, "the page has no choice '--output'; it has how"),
        ("PUT", "{job}/files/none", b"x", 404, "There is nothing here"),
        ("GET", "{job}/files/extra", None, 404, "There is nothing here"),
        ("GET", "{job}/results/none", None, 404, "There is nothing here"),
        ("GET", "{job}/results/made", None, 404, "There is nothing here"),
        ("GET", "{job}/results/..%2f..%2flock", None, 404, "There is nothing here"),
    ],
)
def test_what_is_not_offered_cannot_be_had(
    server: Any, method: str, path: str, body: Any, code: int, error: str
) -> None:
    job = server.new(b"film")
    refused = server.told(method, path.format(job=job), body, code=code)
    assert refused["error"].startswith(error)
    assert server.told("GET", job)["status"] == "idle"


def test_a_step_needs_its_files(server: Any) -> None:
    refused = server.told("POST", f"{server.new()}/steps/look", {}, code=400)
    assert refused["error"] == "there is no file yet for: Your film"


def test_from_file_to_result(server: Any) -> None:
    job = server.new(b"0123456789", "my film.mp4")
    state = server.run(job, how="badly")
    assert (state["status"], state["done"], state["error"]) == ("done", ["look"], None)
    assert (server.folder(job) / "arguments").read_text().split() == ["look", "film.mp4", "badly", "film.mp4"]
    state = server.run(job, "make", how="badly")
    assert state["done"] == ["look", "make"]
    made, report = state["results"]["make"]
    assert (made["name"], made["size"], report["name"]) == ("my film.made.mp4", "10 bytes", "my film.made.html")
    answer = server.ask("GET", f"{job}/results/made?download")
    assert answer.content == b"0123456789"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''my%20film.made.mp4"
    part_of_it = server.ask("GET", f"{job}/results/made", headers={"Range": "bytes=2-4"})
    assert (part_of_it.status, part_of_it.content) == (206, b"234")
    assert part_of_it.headers["content-disposition"] is None
    shown = server.ask("GET", f"{job}/results/report")
    assert shown.headers["content-type"].startswith("text/html")
    assert shown.headers["content-security-policy"].endswith("; sandbox")
    assert "script-src" not in shown.headers["content-security-policy"]


def test_an_earlier_step_done_again_voids_the_later_ones(server: Any) -> None:
    job = server.new(b"film")
    server.run(job)
    server.run(job, "make")
    state = server.run(job)
    assert state["done"] == ["look"]
    server.told("GET", f"{job}/results/made", code=404)


def test_bad_input_is_told_in_its_own_sentence_with_its_own_name(server: Any) -> None:
    state = server.run(server.new(b"bad", "holiday.mp4"))
    assert (state["status"], state["done"]) == ("failed", [])
    assert state["error"] == "holiday.mp4 is not a video; give one that is."


def test_a_warning_is_told(server: Any) -> None:
    state = server.run(server.new(b"none", "holiday.mp4"))
    assert (state["status"], state["notes"]) == ("done", ["holiday.mp4: nothing was found."])


@pytest.mark.parametrize(
    ("film", "error"),
    [(b"bug", "Something went wrong in maskreel itself"), (b"die", "The work was ended from outside")],
)
def test_what_is_not_the_input_s_fault(server: Any, film: bytes, error: str) -> None:
    state = server.run(server.new(film))
    assert state["status"] == "failed"
    assert state["error"].startswith(error)
    assert "secret" not in state["error"]
    if film == b"bug":
        assert "RuntimeError: the secret reason" in server.messages.read_text()
