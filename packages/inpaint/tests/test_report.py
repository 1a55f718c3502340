"""The report page: figures, pictures, nothing from outside."""

from __future__ import annotations

import base64
import io
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.video import Clip, write
from maskreel.inpaint.result import Summary, summarise
from maskreel.inpaint.running.figures import Figures
from maskreel.inpaint.running.report import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMES, SIZE = 12, (48, 64)


def masks() -> Iterator[torch.Tensor]:
    """Two chunks; frames 3 to 8 are covered, most of all frame 5."""
    marks = torch.zeros(FRAMES, *SIZE, dtype=torch.bool)
    for t in range(3, 9):
        marks[t, 10:30, 10 : 20 + (10 if t == 5 else 0)] = True
    yield from marks.split(7)


def figures() -> Figures:
    marks = torch.cat(list(masks())).numpy()
    covered = marks.mean(axis=(1, 2)).astype(np.float32)
    confidence = np.ones(FRAMES, np.float32)
    confidence[8] = 0.25
    never = np.where(np.arange(FRAMES) == 8, covered * 0.5, 0).astype(np.float32)
    return Figures(covered, never, confidence, np.full(FRAMES, 1.5, np.float32), marks.sum(0) * 1.0, marks[8] * 0.75)


@pytest.fixture
def videos(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "source.mkv", tmp_path / "result.mkv"
    for path, level in ((before, 200), (after, 60)):
        write(path, Clip(torch.full((FRAMES, 3, *SIZE), level, dtype=torch.uint8), Fraction(25)), codec="ffv1")
    return before, after


def report(videos: tuple[Path, Path], found: Figures) -> tuple[str, Summary]:
    summary = summarise(found, ("static", "flow", "static"), (None, "laplace", None))
    path = videos[1].with_suffix(".html")
    assert write_report(path, *videos, masks, found, summary) == path
    return path.read_text(), summary


def embedded(page: str) -> list[Image.Image]:
    data = re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in data]


def test_the_page_tells_the_figures(videos: tuple[Path, Path]) -> None:
    page, summary = report(videos, figures())
    assert "result.mkv: what was removed" in page
    assert f"{summary.covered:.1%} of all pixels were replaced." in page
    assert f"{summary.never_seen:.2%} of the replaced pixels" in page
    assert f"{summary.confidence:.3f}" in page
    assert "1.50 grey levels" in page
    assert "--mode static, --mode flow --completion laplace<" in page, "each way once, as the command line takes it"
    assert "frame 8, confidence 0.25" in page
    assert summary.worth_checking == (8,)


def test_the_page_needs_nothing_from_outside(videos: tuple[Path, Path]) -> None:
    page, _ = report(videos, figures())
    assert not re.findall(r"https?://|<script|<link|@import", page)
    assert all(value.startswith("data:") for value in re.findall(r'src="([^"]*)"', page))


def test_strips_show_before_mask_and_after(videos: tuple[Path, Path]) -> None:
    page, _ = report(videos, figures())
    assert re.findall(r"frame (\d+)<", page) == ["5", "6"], "the most covered frame of each quarter that has one"
    for picture in embedded(page)[:3]:  # frame 8, worth checking, then frames 5 and 6
        strip = np.asarray(picture.convert("RGB")).astype(int)
        before, marked, after = (strip[8:56, left : left + 64] for left in (8, 80, 152))  # 8 pixels of paper between
        assert np.abs(before - 200).max() < 3
        assert np.abs(after - 60).max() < 3
        assert np.abs(marked[15:25, 12:18] - 200).max() > 30, "the mask is drawn over the frame"
        assert np.abs(marked[35:, 35:] - 200).max() < 3


def test_a_picture_of_before_and_after_lies_beside_the_page(videos: tuple[Path, Path]) -> None:
    own = videos[1].with_suffix(".jpg")
    own.write_bytes(b"a picture of somebody's own")
    report(videos, figures())
    assert own.read_bytes() == b"a picture of somebody's own"
    with Image.open(videos[1].with_suffix(".sheet.jpg")) as picture:
        assert picture.width > 3 * SIZE[1] - 10
        assert picture.height >= 2 * SIZE[0]


def test_an_untouched_video_has_a_page_without_pictures(videos: tuple[Path, Path]) -> None:
    zeros, ones = np.zeros(FRAMES, np.float32), np.ones(FRAMES, np.float32)
    nothing = Figures(zeros, zeros, ones, zeros, np.zeros(SIZE), np.zeros(SIZE))
    page, _ = report(videos, nothing)
    assert "Nothing to remove was found; no pixel was replaced." in page
    assert embedded(page) == []
    assert not videos[1].with_suffix(".sheet.jpg").exists()
