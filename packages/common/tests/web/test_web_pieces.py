"""Pieces of `maskreel web` that need no server: options, descriptions, the browser that is opened, progress read."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import threading
import webbrowser
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

from maskreel.common.cli import ProgressLine, main, progress, read_progress
from maskreel.common.cli._logging import set_up_logging
from maskreel.common.cli._main import _summary
from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.web import Choice
from maskreel.common.web.cli import _bytes, web
from maskreel.common.web.cli import main as web_main

if TYPE_CHECKING:
    from pathlib import Path


def test_help_describes_the_page() -> None:
    entry = metadata.EntryPoint("web", "maskreel.common.web.cli:main", "maskreel.commands")
    assert _summary(entry) == "Use the installed parts in your browser, on a page of this machine alone"


def test_the_command_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        web_main(["--help"], prog="maskreel web")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert all(option in said for option in ("--port", "--host", "--max-size", "--open, --no-open"))


@pytest.mark.parametrize("library", ["starlette", "uvicorn"])
def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == library else find(name))
    with pytest.raises(MissingExtraError, match=rf"^{library} is not installed; run: .* 'maskreel-common\[web\]'$"):
        web()


def test_neither_the_command_nor_its_pages_import_what_is_heavy() -> None:
    code = (
        "import sys, maskreel.common.web.cli, maskreel.common.web._installed as installed\n"
        "installed.installed_pages() if installed.metadata.entry_points(group='maskreel.pages') else None\n"
        "heavy = {'torch', 'numpy', 'av', 'starlette', 'uvicorn'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


class TestOptions:
    @pytest.fixture(autouse=True)
    def _both_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", ""])
    def test_any_host_but_loopback_is_refused(self, host: str) -> None:
        with pytest.raises(InputError, match=r"the page is for this machine alone; use localhost, 127.0.0.1, ::1"):
            web(host=host)

    @pytest.mark.parametrize("port", [-1, 65536])
    def test_a_port_that_is_none(self, port: int) -> None:
        with pytest.raises(InputError, match=rf"--port {port}: write a number from 1 to 65535"):
            web(port=port)

    @pytest.mark.parametrize("size", ["", "0", "-1GB", "much", "1EB", "0.0001K", "GB"])
    def test_a_size_that_is_none(self, size: str) -> None:
        with pytest.raises(InputError, match="write a size above 0, for example 500MB or 20GB"):
            _bytes(size)

    def test_a_mistake_ends_the_command_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        if not any(entry.name == "web" for entry in metadata.entry_points(group="maskreel.commands")):
            pytest.skip("maskreel-common is installed as it was before it had this command")
        assert main(["web", "--host", "0.0.0.0"]) == 2
        assert capsys.readouterr().err.startswith("maskreel: error: --host 0.0.0.0: the page is for this machine alone")


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("1.5m", 1_500_000), ("700", 700), (" 20 kB ", 20_000), ("2T", 2 * 10**12)]
)
def test_sizes(text: str, size: int) -> None:
    assert _bytes(text) == size


def test_a_choice_has_options() -> None:
    with pytest.raises(ValueError, match="options of the choice 'how' must not be empty"):
        Choice("how", "How", ())


def no_entry_points(**_: str) -> list[metadata.EntryPoint]:
    return []


def test_without_a_page_there_is_nothing_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.common.web._installed import installed_pages

    monkeypatch.setattr(metadata, "entry_points", no_entry_points)
    with pytest.raises(
        InputError, match="no part that has a page is installed; run: python -m pip install maskreel-in"
    ):
        installed_pages()


def test_a_page_whose_module_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.common.web._installed import installed_pages

    entry = metadata.EntryPoint("lost", "maskreel.lost.web_page:page", "maskreel.pages")
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [entry])
    with pytest.raises(
        InputError, match=r"the page 'lost' has no module maskreel.lost.web_page; install its part anew"
    ):
        installed_pages()


@pytest.mark.parametrize("text_browser", [False, True])
def test_a_browser_is_opened_unless_it_would_take_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text_browser: bool
) -> None:
    pytest.importorskip("uvicorn")
    from maskreel.common.web import _serve

    opened: list[str] = []

    class Window(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return bool(new or autoraise)

    browser = webbrowser.GenericBrowser("false") if text_browser else Window()
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    monkeypatch.setattr(webbrowser.GenericBrowser, "open", lambda _, url: opened.append(url))
    before = set(threading.enumerate())
    _serve._announce("http://127.0.0.1:1/word/", open_browser=True)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert opened == ([] if text_browser else ["http://127.0.0.1:1/word/"])
    assert capsys.readouterr().out == "http://127.0.0.1:1/word/\n"


def test_no_browser_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn")
    from maskreel.common.web import _serve

    def none() -> Any:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    _serve._open("http://127.0.0.1:1/word/")


def test_what_progress_writes_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("MASKREEL_PROGRESS_SECONDS", "0")
    set_up_logging(20)
    with progress(description="masks ", total=40, unit="frames") as bar:
        for _ in range(4):
            bar.update(10)
    lines = [read_progress(line) for line in stream.getvalue().splitlines()]
    assert None not in lines
    assert sorted({line.done for line in lines if line}) == [0, 10, 20, 30, 40]
    assert lines[-1] == ProgressLine("masks", 40.0, 40.0, "frames", "00:00")


@pytest.mark.parametrize("seconds", ["often", ""])
def test_progress_as_ever_where_the_variable_says_nothing(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("MASKREEL_PROGRESS_SECONDS", seconds)
    set_up_logging(20)
    for _ in progress(range(50), description="masks"):
        pass
    assert len(stream.getvalue().splitlines()) == 2  # the first and the last


@pytest.mark.parametrize(
    "line", ["", "masks", "fill: 12 frames in 00:03, 4.00 frames/s", "maskreel: error: 3% 1/2 x, y"]
)
def test_other_lines_are_no_progress(line: str) -> None:
    assert read_progress(line) is None


def test_a_child_without_a_parent_ends(tmp_path: Path) -> None:
    code = (
        "from maskreel.common.web._child import end_with_parent; import time\n"
        "end_with_parent(); print('ready', flush=True); time.sleep(300)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        start_new_session=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == b"ready\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(60) == -9
