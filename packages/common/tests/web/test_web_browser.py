"""The page of `maskreel web` in a real browser: files in, films seen, faults told, results fetched."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Browser

pytestmark = pytest.mark.needs_browser

BUTTONS = "[...document.querySelectorAll('button')].filter(one => one.checkVisibility())"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("films") / "my film.mp4"
    write(path, Clip.from_numpy(frames, Fraction(6)))
    return path


@pytest.fixture
def tab(server: Any, browser: Browser) -> Iterator[Any]:
    """The page in a tab of its own, and no errors at the end."""
    with browser.open(f"{server.address}#try") as page:
        page.wait_for("document.querySelector('h1')?.textContent == 'Try it'")
        yield page
        assert page.errors == []


def push(tab: Any, text: str) -> None:
    tab.wait_for(f"{BUTTONS}.some(one => one.textContent == {json.dumps(text)} && !one.disabled)", seconds=60)
    tab.value(f"{BUTTONS}.find(one => one.textContent == {json.dumps(text)}).click()")


def look(tab: Any, film: Path) -> None:
    """Give a film and wait until what will go is to be seen."""
    tab.choose_files("#file-film", film)
    tab.wait_for("document.querySelector('video')?.videoWidth == 64", seconds=60)


def give(tab: Any, content: str) -> None:
    """Drop a file of this content somewhere on the page."""
    tab.value(
        "(() => { const carried = new DataTransfer();"
        f" carried.items.add(new File([{json.dumps(content)}], '<b>strange<i>.mp4'));"
        " document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true}));"
        " })()"
    )


def test_from_film_to_result(tab: Any, film: Path) -> None:
    look(tab, film)
    push(tab, "Make it")
    tab.wait_for("document.querySelectorAll('video').length == 3", seconds=60)
    tab.wait_for("[...document.querySelectorAll('video')].every(one => one.videoWidth == 64)")
    links = tab.value("[...document.querySelectorAll('a[download]')].map(one => [one.download, one.textContent])")
    assert [name for name, _ in links] == ["my film.made.mp4", "my film.made.html"]
    fetched = (
        "fetch(document.querySelector('a[download]').href).then(one => one.arrayBuffer()).then(one => one.byteLength)"
    )
    assert tab.value(fetched) == film.stat().st_size
    assert tab.value("document.querySelector('#announcer').textContent") == "The result: done"


def test_before_and_after_play_together(tab: Any, film: Path) -> None:
    look(tab, film)
    push(tab, "Make it")
    tab.wait_for("document.querySelectorAll('video').length == 3", seconds=60)
    before, after = (f"document.querySelectorAll('video')[{number}]" for number in (1, 2))
    tab.wait_for(f"{before}.readyState >= 3 && {after}.readyState >= 3")
    tab.value(f"{before}.pause(), {after}.pause()")
    tab.wait_for(f"{before}.paused && {after}.paused")
    tab.value(f"{after}.currentTime = 0.5")
    tab.wait_for(f"{before}.currentTime == 0.5")
    tab.value(f"{before}.play()")
    tab.wait_for(f"!{after}.paused")


def test_a_reloaded_page_goes_on(tab: Any, browser: Browser, film: Path) -> None:
    look(tab, film)
    tab.value("void (window.old = true)")
    tab.send("Page.reload")
    tab.wait_for("!window.old && document.querySelector('video')?.videoWidth == 64")
    assert tab.value("document.querySelector('.input strong').textContent") == "my film.mp4"
    push(tab, "Start over")
    tab.wait_for("!document.querySelector('video')")
    assert tab.value("document.querySelector('.input strong').textContent") == "Drop it here"
    assert tab.value("document.activeElement.id") == "file-film"
    assert tab.value("sessionStorage.length") == 0
    browser.listen(0.2)


def test_a_bad_file_dropped_is_told_in_a_sentence(tab: Any) -> None:
    give(tab, "bad")
    tab.wait_for("document.querySelector('.card:nth-of-type(2) .fault:not([hidden])') != null", seconds=60)
    said = tab.value("document.querySelector('.card:nth-of-type(2) .fault').textContent")
    assert said == "<b>strange<i>.mp4 is not a video; give one that is."
    assert tab.value("document.querySelectorAll('b, i').length") == 0


def test_too_large_a_file_is_told_without_being_sent(tab: Any) -> None:
    tab.value("void (File.prototype.__defineGetter__('size', () => 1e12))")
    give(tab, "x")
    tab.wait_for("document.querySelector('.fault:not([hidden])') != null")
    said = tab.value("document.querySelector('.fault:not([hidden])').textContent")
    assert said == "The file is too large: at most 32 MB (--max-size) are taken."
    assert tab.value("document.querySelectorAll('.filled').length") == 0


def test_progress_and_cancel(tab: Any) -> None:
    give(tab, "slow")
    tab.wait_for("document.querySelector('.work:not([hidden]) progress')?.value > 0", seconds=60)
    assert tab.value("document.querySelector('.work:not([hidden]) p').textContent").startswith("Counting: ")
    assert not tab.value("document.querySelector('#file-film + .pick, .pick').checkVisibility()")
    push(tab, "Cancel")
    tab.wait_for("!document.querySelector('.work:not([hidden])')")
    assert tab.value(f"{BUTTONS}.some(one => one.textContent == 'Look' && !one.disabled)")


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_everything_fits_and_has_a_name(tab: Any, film: Path, width: int) -> None:
    tab.resize((800, width))
    look(tab, film)
    assert tab.value("document.documentElement.scrollWidth") <= width
    nodes = tab.send("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "link", "progressbar", "textbox")
    used = [node for node in nodes if node.get("role", {}).get("value") in roles and not node.get("ignored")]
    assert len(used) >= 5
    assert [node for node in used if not node.get("name", {}).get("value")] == []
    assert tab.value("document.querySelectorAll('h1').length") == 1
    assert tab.value("[...document.querySelectorAll('video')].every(one => one.ariaLabel)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(tab: Any, scheme: str) -> None:
    """WCAG asks for a contrast of 4.5 for text."""
    tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    pairs = [
        ("ink", "paper"),
        ("ink", "card"),
        ("soft", "paper"),
        ("soft", "card"),
        ("soft", "tint"),
        ("accent", "tint"),
    ]
    pairs += [("accent-ink", "accent"), ("fault", "fault-tint"), ("note", "note-tint")]
    style = "getComputedStyle(document.documentElement).getPropertyValue('--{}').trim()"
    for front, back in pairs:
        one, other = sorted(luminance(tab.value(style.format(name))) for name in (front, back))
        assert (other + 0.05) / (one + 0.05) >= 4.5, (front, back)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_when_the_server_has_ended_the_page_says_so(serve: Any, browser: Browser, film: Path) -> None:
    with serve() as own, browser.open(f"{own.address}#try") as page:
        page.wait_for("document.querySelector('#file-film') != null")
        own.end(2)
        page.choose_files("#file-film", film)
        page.wait_for("document.querySelector('.fault:not([hidden])') != null")
        said = page.value("document.querySelector('.fault:not([hidden])').textContent")
        assert said.startswith("maskreel web does not answer any more; start it again")
