"""How `maskreel web` works and ends: one job at a time, and nothing left of what is cancelled or killed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Alive = Callable[[int], bool]


def test_one_job_at_a_time_and_an_end_for_all_that_it_has_started(server: Any, alive: Alive) -> None:
    first, second = server.new(b"slow"), server.new(b"film")
    server.told("POST", f"{first}/steps/look", {})
    pids = server.pids_of(first)
    server.wait_while(lambda: server.told("GET", first)["progress"] is None)
    told = server.told("GET", first)["progress"]
    assert (told["description"], told["total"]) == ("count", 3000)
    server.told("POST", f"{second}/steps/look", {})
    time.sleep(0.3)
    assert server.told("GET", second)["status"] == "waiting"
    for method, path in (("POST", "steps/look"), ("PUT", "files/film?name=x.mp4"), ("DELETE", "files/film")):
        refused = server.told(method, f"{first}/{path}", b"{}", code=409)
        assert refused["error"] == "This job is being worked on; wait, or cancel it first."
    assert all(map(alive, pids))
    assert server.told("POST", f"{first}/cancel", {})["status"] == "cancelled"
    assert not any(map(alive, pids))
    assert server.wait(second, "done", "failed")["status"] == "done"
    (server.folder(first) / "hurry").touch()
    assert server.run(first)["status"] == "done"


def test_a_job_that_waits_can_be_cancelled(server: Any, alive: Alive) -> None:
    first, second = server.new(b"slow"), server.new(b"film")
    server.told("POST", f"{first}/steps/look", {})
    server.told("POST", f"{second}/steps/look", {})
    assert server.told("POST", f"{second}/cancel", {})["status"] == "cancelled"
    assert not (server.folder(second) / "arguments").exists()
    folder, pids = server.folder(first), server.pids_of(first)
    server.told("DELETE", first, code=204)
    assert not any(map(alive, pids))
    assert not folder.exists()
    assert server.run(second)["status"] == "done"


def test_a_few_jobs_are_kept(server: Any) -> None:
    jobs = [server.new(b"film") for _ in range(10)]
    codes = [server.ask("GET", job).status for job in jobs]
    assert codes == [404] * 2 + [200] * 8
    (folder,) = server.place.glob("maskreel-web-*")
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_end_is_clean(serve: Callable[..., Any], tmp_path: Path, alive: Alive, number: signal.Signals) -> None:
    with serve() as server:
        job = server.new(b"slow")
        server.told("POST", f"{job}/steps/look", {})
        pids = server.pids_of(job)
        assert server.end(number) == 0
    assert server.messages.read_text().splitlines()[-1] == "Ended; the temporary files are gone."
    assert "Traceback" not in server.messages.read_text()
    assert list(tmp_path.glob("maskreel-web-*")) == []
    assert not any(map(alive, pids))


def test_a_killed_server_takes_its_work_along_and_the_next_one_tidies_up(
    serve: Callable[..., Any], tmp_path: Path, alive: Alive
) -> None:
    with serve() as server:
        job = server.new(b"slow")
        server.told("POST", f"{job}/steps/look", {})
        pids = server.pids_of(job)
    server.wait_while(lambda: any(map(alive, pids)))
    (left,) = tmp_path.glob("maskreel-web-*")
    aside = tmp_path / "maskreel-web-link"
    aside.symlink_to(tmp_path)
    os.utime(left, (0, 0))
    with serve() as server:
        assert not left.exists()
        (used,) = [path for path in tmp_path.glob("maskreel-web-*") if not path.is_symlink()]
        os.utime(used, (0, 0))
        with serve():
            assert used.exists()
        server.end(signal.SIGINT)
    assert aside.is_symlink()


def test_a_port_that_is_taken(server: Any, serve: Callable[..., Any], tmp_path: Path) -> None:
    with serve("--port", str(server.port)) as second:
        assert second.process.wait(120) == 2
    said = second.messages.read_text()
    assert f"--port {server.port} cannot be had on 127.0.0.1 (address already in use)" in said
    assert list(tmp_path.glob("maskreel-web-*")) == []
