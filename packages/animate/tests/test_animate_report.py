"""What is shown of an animation: looks, the page and the command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.animate.config import AnimateConfig
from maskreel.animate.framing import whole
from maskreel.animate.model import Source
from maskreel.animate.running.inputs import Inputs
from maskreel.animate.running.plan import Plan, SourceView
from maskreel.animate.running.renderer import Rendered
from maskreel.animate.running.report import command, frames_shown, look_of, titles_of, write_report
from maskreel.animate.running.result import AnimateResult, FrameFigures, summarise
from maskreel.common.show import save_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.animate.running.driving_masks import Poses


@pytest.mark.parametrize(
    ("count", "numbers"),
    [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 3]), (6, [0, 1, 2, 3, 4, 5]), (101, [0, 20, 40, 60, 80, 100])],
)
def test_looks_are_spread_from_the_first_to_the_last_frame(count: int, numbers: list[int]) -> None:
    assert frames_shown(count) == numbers


class Nobody:
    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Poses]:
        return iter(())


def plan() -> Plan:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).repeat(1, 1, 8, 8)
    source = Source(red, torch.zeros(1, 1, 4, 4), red[..., ::2, ::2], torch.zeros(1, 1, 8, 8))
    picture = torch.zeros(3, 8, 16, dtype=torch.uint8)
    return Plan(SourceView(picture, whole((8, 16)), source), whole((8, 8)), Nobody())


def rendered(channels: int) -> Rendered:
    frames = torch.zeros(2, channels, 8, 16, dtype=torch.uint8)
    frames[1, 1] = 255
    frames[1, 3:, :, 8:] = 255
    driving = torch.zeros(2, 3, 8, 8)
    driving[1, 2] = 1
    masks = torch.zeros(2, 1, 4, 4)
    masks[1] = 1
    return Rendered(frames, driving, 1 - masks, masks)


def cells(look: torch.Tensor, widths: list[int]) -> list[list[int]]:
    """Colour in the middle of each picture of a row; cells are as wide as the widest picture."""
    wide, gap = max(widths), 8
    middle = look.shape[1] - gap - 192 // 2
    return [look[:, middle, gap + number * (wide + gap) + wide // 2].tolist() for number in range(len(widths))]


def test_a_look_shows_source_driving_masks_and_result() -> None:
    look = look_of(plan(), rendered(3), 1)
    assert look.dtype == torch.uint8
    red, blue, green = [255, 0, 0], [0, 0, 255], [0, 255, 0]
    assert cells(look, [192, 192, 192, 192, 384]) == [red, blue, [0, 0, 0], [255, 255, 255], green]
    other = look_of(plan(), rendered(3), 0)
    assert other.shape == look.shape
    assert cells(other, [192, 192, 192, 192, 384])[1:] == [[0, 0, 0], [255, 255, 255], [0, 0, 0], [0, 0, 0]]


def test_a_saved_motion_has_no_frame_to_show() -> None:
    look = look_of(plan(), rendered(3)._replace(driving=None), 1)
    assert cells(look, [192, 192, 192, 384]) == [[255, 0, 0], [0, 0, 0], [255, 255, 255], [0, 255, 0]]
    assert titles_of(with_driving=False) == ("source", "driving subject", "subject of the result", "result")


def test_what_is_transparent_is_chequered() -> None:
    look = look_of(plan(), rendered(4), 1)
    result = look[:, -8 - 192 : -8, -8 - 384 : -8]
    assert result[:, 96, 300].tolist() == [0, 255, 0]
    left = result[:, :, :180].reshape(3, -1)
    assert set(map(tuple, left.T.tolist())) <= {(v, v, v) for v in range(150, 206)}


def test_figures_become_a_summary() -> None:
    figures = [FrameFigures(0.2, 0.1), FrameFigures(0.001, 0.3), FrameFigures(0.0, 0.2)]
    summary = summarise(figures, size=(8, 16), fps=25.0, start=None)
    assert summary.driving_area == pytest.approx(0.067)
    assert summary.area == pytest.approx(0.2)
    assert (summary.frames, summary.lost) == (3, 2)


@pytest.mark.parametrize("name", ["made.png", "made"])
def test_the_page_holds_the_result_the_figures_and_the_command(tmp_path: Path, name: str) -> None:
    look = look_of(plan(), rendered(3), 1)
    if name == "made.png":
        save_image(tmp_path / name, look)
    summary = summarise([FrameFigures(0.0, 0.25)] * 4, size=(8, 16), fps=25.0, start=2)
    result = AnimateResult.beside(tmp_path / name, summary)
    write_report(result, [look, look], "maskreel animate run <a> b")
    page = result.report.read_text()
    assert f"{name}: what was animated" in page
    assert "16 x 8 pixels" in page
    assert "In 4 of 4 driving frames no subject was found" in page
    assert "maskreel animate run &lt;a&gt; b" in page
    assert page.count("<img") == (2 if name == "made.png" else 1)
    assert np.array(Image.open(tmp_path / "made.sheet.jpg")).shape == (2 * look.shape[1], look.shape[2], 3)


def test_the_command_names_what_is_not_default() -> None:
    inputs = Inputs(Path("my source.png"), Path("drive.mp4"), "sky blue.jpg", Path("mask.png"))
    config = AnimateConfig(weights="w.safetensors", motion="relative", lock_background=True, fused=False, crf=20)
    words = shlex.split(command(inputs, config, Path("out.mp4"), seconds=2.5))
    assert words == [
        *("maskreel", "animate", "run", "my source.png", "drive.mp4"),
        *("--background", "sky blue.jpg", "--background-mask", "mask.png", "--preview", "2.5s"),
        *("--weights", "w.safetensors", "--motion", "relative", "--lock-background", "--no-fused", "--crf", "20"),
        *("-o", "out.mp4"),
    ]
    plain = command(Inputs(Path("a.png"), Path("b.mp4")), AnimateConfig(), Path("c.mp4"))
    assert plain == "maskreel animate run a.png b.mp4 -o c.mp4"
