"""The demo's page in a real browser, and what decides whether a part is made again; with stand-ins for the parts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
import torch
from demo import command, films, scale
from demo.page import write_page
from demo.story import Figures, Row, Story, load, save
from demo.workshop import CommandFailedError, Workshop

from maskreel.common.errors import InputError
from maskreel.common.show import save_image

if TYPE_CHECKING:
    from pathlib import Path

    from browser import Browser, Page

STORY = Story(
    title="Squares to circles",
    sentence="Squares go in; circles come out.",
    commands=["maskreel round <squares> -o out.mp4"],
    rows=[
        Row({"in.mp4": "input", "masks.mp4": "masks", "out.png": "result"}, heading="Clip 1"),
        Row({"in.mp4": "again"}),
    ],
    figures=[
        Figures(["", "IoU", "interval"], [["ours", 0.25, "0.1 to 0.4"], ["baseline", None, "–"]], "More is better.")
    ],
    remark="Nothing is known about triangles.",
    links={"report.html": "report of this run"},
    seconds=(83.0, 70.5),
    summary="IoU 0.25; baseline 0.1",
)
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def make_part(folder: Path, *, frames: int = 12) -> None:
    """Tiny films where those of a part would be, and its story."""
    folder.mkdir(parents=True)
    noise = torch.randint(0, 256, (frames, 3, 20, 30), dtype=torch.uint8)
    films.save_film(folder / "in.mp4", noise, Fraction(10), width=96)
    films.save_film(folder / "masks.mp4", films.white_on_black(noise[:, 0] > 128), Fraction(10), width=96)
    save_image(folder / "out.png", noise[0])
    (folder / "report.html").write_text("<!doctype html><title>Report</title>")
    save(STORY, folder)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The page of two parts."""
    for name in ("inpaint", "vfp"):
        make_part(tmp_path / "demo" / name)
    path = tmp_path / "demo" / "index.html"
    stories = {name: story for name in ("inpaint", "vfp") if (story := load(path.parent / name)) is not None}
    write_page(path, stories, machine="Made on paper.")
    return path


@pytest.mark.needs_browser
@pytest.mark.parametrize("size", [(900, 1280), (800, 390)], ids=["desk", "phone"])
def test_videos_play_and_pictures_show(browser: Browser, index: Path, size: tuple[int, int]):
    with browser.open(index.as_uri(), size=size) as page:
        assert page.value("document.querySelectorAll('video').length") == 6
        assert scroll_through(page) == 6
        assert page.value("[...document.images].map(one => one.naturalWidth)") == [30, 30]
        assert not page.value(TOO_WIDE)
        assert page.errors == []


def scroll_through(page: Page) -> int:
    """Bring one video after the other to sight, as browsers rest those out of sight; how many play."""
    count = page.value("document.querySelectorAll('video').length")
    for number in range(count):
        video = f"document.querySelectorAll('video')[{number}]"
        page.value(f"{video}.scrollIntoView({{block: 'center'}})")
        page.wait_for(f"{video}.readyState >= 2 && {video}.videoWidth > 0 && {video}.currentTime > 0.2")
        assert page.value(f"{video}.muted && {video}.loop")
    return count


@pytest.mark.needs_browser
def test_videos_of_a_row_keep_step(browser: Browser, index: Path):
    with browser.open(index.as_uri(), size=(2000, 1280)) as page:
        rows = "[...document.querySelectorAll('.films')].map((row) => row.querySelectorAll('video'))"
        page.value(f"[first, second] = {rows}.find((videos) => videos.length > 1), 0")
        page.wait_for("first.currentTime > 0.1 && second.currentTime > 0.1")
        page.value("second.currentTime = (first.currentTime + second.duration / 2) % second.duration, 0")
        page.wait_for("Math.abs(first.currentTime - second.currentTime) < 0.2")
        browser.listen(1)  # they still play, rather than seek all the time
        page.wait_for("second.currentTime > 0.3 && !second.seeking")
        assert page.errors == []


@pytest.mark.needs_browser
def test_links_lead_to_the_reports(browser: Browser, index: Path):
    with browser.open(index.as_uri()) as page:
        address = page.value("document.querySelector('a').href")
        page.go(address)
        assert page.value("document.title") == "Report"
        assert page.errors == []


@pytest.mark.needs_browser
def test_a_film_that_is_gone_is_noticed(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("maskreel.common.show._page.EMBEDDED_VIDEO_BYTES", 0)  # linked, as large films are
    make_part(tmp_path / "vfp")
    write_page(tmp_path / "index.html", {"vfp": STORY}, machine="")
    (tmp_path / "vfp/in.mp4").unlink()
    with browser.open((tmp_path / "index.html").as_uri()) as page:
        page.wait_for("document.querySelector('video').error !== null")
        assert "ERR_FILE_NOT_FOUND" in page.errors[0]


def test_page_tells_commands_figures_and_time(index: Path):
    text = index.read_text()
    assert "<pre>maskreel round &lt;squares&gt; -o out.mp4</pre>" in text
    assert "1 min 23 s" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert '<td class="number">0.25</td>' in text
    assert "Made on paper." in text
    assert 'href="vfp/report.html"' in text
    assert "http" not in text  # nothing from a network


def test_a_story_is_kept_while_its_films_are_there(tmp_path: Path):
    make_part(tmp_path / "vfp")
    assert load(tmp_path / "vfp") == STORY
    (tmp_path / "vfp/masks.mp4").unlink()
    assert load(tmp_path / "vfp") is None
    assert load(tmp_path / "nowhere") is None


def test_a_command_runs_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    place = Workshop(tmp_path / "part")
    assert place.run("--version", makes=".") == "maskreel --version"
    assert "maskreel-common" in capfd.readouterr().out
    again = Workshop(tmp_path / "part")
    again.run("--version", makes=".")
    said = capfd.readouterr()
    assert said.out == ""
    assert "there already: maskreel --version" in said.err
    clock, work = again.seconds
    assert (clock, work) == place.seconds
    assert clock > 0.05 < work  # the command's own work is counted


def test_a_command_runs_again_if_its_file_is_gone(tmp_path: Path):
    place = Workshop(tmp_path)
    for wanted in (True, False):
        with place.step("writing", "file") as asked:
            assert asked == wanted
            (tmp_path / "file").touch()
    (tmp_path / "file").unlink()
    with place.step("writing", "file") as asked:
        assert asked


def test_a_step_that_fails_is_not_done(tmp_path: Path):
    with pytest.raises(OSError, match="full"), Workshop(tmp_path).step("writing"):
        raise OSError("full")
    with Workshop(tmp_path).step("writing") as asked:
        assert asked


def test_a_command_that_fails_stops_the_part(tmp_path: Path):
    with pytest.raises(CommandFailedError, match=r"maskreel nothing: ended with exit code 2 in "):
        Workshop(tmp_path).run("nothing", makes="file")


def test_a_folder_holds_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scale.claim(tmp_path / "demo", scale.FULL)
    scale.claim(tmp_path / "demo", scale.FULL)
    with pytest.raises(InputError, match="holds a demo of another size or version"):
        scale.claim(tmp_path / "demo", scale.QUICK)
    monkeypatch.setattr(scale, "FORMAT", 0)
    with pytest.raises(InputError, match="holds a demo of another size or version"):
        scale.claim(tmp_path / "demo", scale.FULL)


class StandIn:
    """In place of a part."""

    def __init__(self) -> None:
        self.made = 0

    def make(self, place: Workshop, size: scale.Scale, *, video: Path | None) -> Story:
        assert size == scale.QUICK
        assert video is None
        self.made += 1
        make_part(place.folder / "films")
        for path in (place.folder / "films").iterdir():
            path.rename(place.folder / path.name)
        return replace(STORY, seconds=(60.0, 45.0))


def test_what_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    part = StandIn()
    monkeypatch.setattr(command, "import_module", lambda name: part)
    words = ["--out", str(tmp_path / "demo"), "--quick", "--only"]
    assert command.main([*words, "vfp"]) == 0
    assert command.main([*words, "vfp", "inversion"]) == 0
    assert part.made == 2
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(tmp_path / "demo/index.html")] * 2
    assert "[2/2] inversion" in told.err
    page = (tmp_path / "demo/index.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert page.count("<h2>Squares to circles</h2>") == 2
    assert "Made in 2 min 00 s" in page
    assert "with 1 min 30 s of processor time" in page


def test_errors_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert command.main(["--out", str(tmp_path), "--video", str(tmp_path / "none.mp4")]) == 2
    assert capsys.readouterr().err == f"error: --video must be a video file, and {tmp_path / 'none.mp4'} is none\n"
    with pytest.raises(SystemExit) as told:
        command.main(["--only", "everything"])
    assert told.value.code == 2
