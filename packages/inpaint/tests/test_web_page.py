"""The page of `maskreel web` for this part: its commands are ones that there are, and in a browser it does the job."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from fractions import Fraction
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from maskreel.common.cli import main as maskreel
from maskreel.common.errors import InputError
from maskreel.common.video import Clip, probe, read, write
from maskreel.common.web import Order
from maskreel.inpaint import VideoInpainter
from maskreel.inpaint.web_page import page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Browser

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES, SIZE = 24, (96, 128)
PATIENCE = 300


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A block that walks through a scene, 24 frames."""
    rng = np.random.default_rng(0)
    scene = rng.integers(60, 200, (12, 16, 1)).astype(np.uint8).repeat(8, 0).repeat(8, 1).repeat(3, 2)
    frames = np.repeat(scene[None], FRAMES, axis=0)
    for t in range(FRAMES):
        frames[t, 30:78, 4 * t : 4 * t + 16] = 250
    path = tmp_path / "video.mp4"
    write(path, Clip.from_numpy(frames, Fraction(12)))
    return path


def red(path: Path) -> np.ndarray:
    """Where a film is tinted: bool (T, H, W)."""
    frames = read(path).numpy().astype(int)
    return frames[..., 0] - frames[..., 1:].mean(axis=-1) > 60


def test_the_page_is_registered() -> None:
    if not (found := metadata.entry_points(group="maskreel.pages", name="inpaint")):
        pytest.skip("maskreel-inpaint is installed as it was before it had a page")
    assert [entry.value for entry in found] == ["maskreel.inpaint.web_page:page"]


@pytest.mark.parametrize("installed", [False, True])
def test_people_can_be_chosen_where_torchvision_is(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: installed or None)
    choice = next(choice for choice in page().choices() if choice.key == "segmenter")
    assert ("torchvision-deeplabv3" in dict(choice.options)) == installed


@pytest.mark.parametrize("step", page().steps, ids=lambda step: step.key)
def test_every_choice_is_a_flag(step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = {choice.key: choice.options[-1][0] for choice in page().choices()}
    words = step.command(Order({"video": "video.mp4", "masks": "masks.png"}, chosen))
    with pytest.raises(SystemExit) as caught:  # what is not known would be refused before the help is shown
        maskreel([*words, "--help"])
    assert caught.value.code == 0
    known = capsys.readouterr().out
    assert all(word in known for word in words if word.startswith("--"))
    for choice in page().choices():
        for value, _ in choice.options:
            assert choice.key == "sensitivity" or value in known


def test_marks_then_removal_by_the_commands_of_the_page(
    walk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(walk.parent)
    chosen = {choice.key: choice.options[0][0] for choice in page().choices()} | {"mode": "static"}
    for step in page().steps:
        caplog.clear()
        assert maskreel(step.command(Order({"video": walk.name}, chosen))) == 0
        assert all(any((walk.parent / name).exists() for name in result.names) for result in step.results)
    assert not [record for record in caplog.records if "done anew" in record.message]  # the masks were used again
    marked = red(walk.parent / "video.marked.mp4")
    block = np.zeros((FRAMES, *SIZE), bool)
    for t in range(FRAMES):
        block[t, 30:78, 4 * t : 4 * t + 16] = True
    assert (marked & block).sum() > 0.9 * block.sum()
    assert (marked & ~block).sum() < 1.5 * block.sum()  # they grow
    assert not (read(walk.parent / "video.inpainted.mp4").numpy()[block] > 235).all(axis=-1).mean() > 0.05


def test_the_film_of_masks_is_of_even_size_and_no_larger_than_needed(tmp_path: Path) -> None:
    frames = np.full((3, 601, 403, 3), 90, np.uint8)
    write(tmp_path / "odd.mkv", Clip.from_numpy(frames, Fraction(30)), codec="ffv1")
    mask = np.zeros((601, 403), np.uint8)
    mask[:300] = 255
    Image.fromarray(mask).save(tmp_path / "masks.png")
    film = VideoInpainter().mark(tmp_path / "odd.mkv", tmp_path / "masks.png", output=tmp_path / "film.mp4")
    info = probe(film)
    assert (info.size, info.frame_count, info.fps, info.pixel_format) == ((540, 362), 3, Fraction(30), "yuv420p")
    assert red(film)[:, 10:260].mean() > 0.99
    assert red(film)[:, 290:].mean() < 0.01


def test_nothing_to_mark_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = np.full((10, 64, 80, 3), 90, np.uint8)
    write(tmp_path / "still.mp4", Clip.from_numpy(frames, Fraction(10)))
    film = VideoInpainter().mark(tmp_path / "still.mp4")
    assert film == tmp_path / "still.marked.mp4"
    assert "nothing to remove was found" in caplog.text


@pytest.mark.parametrize(("name", "error"), [("walk.mp4", "would replace the source"), ("walk.pdf", "does not end in")])
def test_a_film_that_cannot_be_written(walk: Path, name: str, error: str) -> None:
    source = walk.rename(walk.with_name("walk.mp4"))
    with pytest.raises(InputError, match=error):
        VideoInpainter().mark(source, output=source.with_name(name))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a running page, which ends in order after the test."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    code = "import sys; from maskreel.common.web.cli import main; sys.exit(main(['--no-open'], prog='maskreel web'))"
    (tmp_path / "served").mkdir()
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "served")},
    )
    with server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert list((tmp_path / "served").iterdir()) == []


@pytest.mark.needs_browser
def test_in_a_browser(address: str, browser: Browser, walk: Path) -> None:
    with browser.open(address) as tab:
        tab.wait_for("document.querySelector('#file-video') != null", seconds=PATIENCE)
        tab.choose_files("#file-video", walk)
        tab.wait_for("document.querySelector('video')?.videoWidth == 128", seconds=PATIENCE)
        tab.value("[...document.querySelectorAll('button')].find(one => one.textContent == 'Remove it').click()")
        tab.wait_for("document.querySelectorAll('video').length == 3", seconds=PATIENCE)
        tab.wait_for("[...document.querySelectorAll('video')].every(one => one.videoWidth == 128)", seconds=PATIENCE)
        links = tab.value("[...document.querySelectorAll('a[download]')].map(one => one.download)")
        assert links == ["video.inpainted.mp4", "video.inpainted.html"]
        for number in range(2):
            link = f"document.querySelectorAll('a[download]')[{number}].href"
            assert tab.value(f"fetch({link}).then(one => one.blob()).then(one => one.size)") > 2000
        assert tab.errors == []
