"""The browser of the tests sees what a person would: values, errors, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import Browser, BrowserError
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

needs_browser = pytest.mark.needs_browser

PAGE = """<!doctype html><title>Trial</title>
<body style="margin: 0; background: #00ff00"><input type="file" multiple><script>{script}</script></body>"""


def page(folder: Path, script: str = "") -> str:
    file = folder / "page.html"
    file.write_text(PAGE.format(script=script))
    return file.as_uri()


@needs_browser
def test_values(browser: Browser, tmp_path: Path):
    with browser.open(page(tmp_path)) as tab:
        assert tab.value("document.title") == "Trial"
        assert tab.value("new Promise(done => setTimeout(() => done({a: [1, 2.5]}), 50))") == {"a": [1, 2.5]}
        assert tab.errors == []


@needs_browser
@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("console.error('bad', 3)", "bad 3"),
        ("nowhere()", "nowhere is not defined"),
        ("document.body.append(Object.assign(new Image(), {src: 'missing.png'}))", "missing.png"),
        ("Promise.reject(new Error('lost'))", "lost"),
    ],
)
def test_errors_are_seen(browser: Browser, tmp_path: Path, script: str, error: str):
    with browser.open(page(tmp_path, script)) as tab:
        browser.listen(0.2)
        assert error in " ".join(tab.errors)
    with browser.open(page(tmp_path, "console.warn('only a warning')")) as tab:
        assert tab.errors == []


@needs_browser
def test_waiting(browser: Browser, tmp_path: Path):
    with browser.open(page(tmp_path, "setTimeout(() => document.title = 'Later', 300)")) as tab:
        assert tab.wait_for("document.title == 'Later' && 7") == 7
        with pytest.raises(
            BrowserError, match=r"still not true: document.title == 'Never' \(errors of the page: \[\]\)"
        ):
            tab.wait_for("document.title == 'Never'", seconds=0.2)


@needs_browser
def test_failures_are_told(browser: Browser, tmp_path: Path):
    with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"), browser.open((tmp_path / "none.html").as_uri()):
        pass
    with browser.open(page(tmp_path)) as tab:
        with pytest.raises(BrowserError, match="nothing is not defined"):
            tab.value("nothing.at.all")
        with pytest.raises(BrowserError, match=r"^No\.Such: "):
            tab.send("No.Such")


@needs_browser
def test_files_are_chosen(browser: Browser, tmp_path: Path):
    (tmp_path / "clip.txt").write_text("frames")
    with browser.open(page(tmp_path)) as tab:
        tab.choose_files("input", tmp_path / "clip.txt")
        assert tab.value("document.querySelector('input').files[0].text()") == "frames"


@needs_browser
def test_pictures(browser: Browser, tmp_path: Path):
    with browser.open(page(tmp_path), size=(120, 200)) as tab:
        tab.save_picture(tmp_path / "page.png", whole=False)
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.size == (200, 120)
        assert picture.convert("RGB").getpixel((100, 100)) == (0, 255, 0)


def test_without_a_browser(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrowserError, match=r"none of chromium, .* is installed"):
        Browser()


def test_a_program_that_is_no_browser():
    with pytest.raises(BrowserError, match="the browser ended"), Browser("/bin/true") as dead:
        dead.send("Browser.getVersion")
