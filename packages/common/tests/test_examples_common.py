"""The examples do what they say."""

from __future__ import annotations

import re
import runpy
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from maskreel.common.masks import write_binary_png
from maskreel.common.video import Clip, read, write

if TYPE_CHECKING:
    import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def squares(folder: Path, *, shift: int = 0, count: int = 4) -> torch.Tensor:
    """Masks of a square of 20 pixels that moves, bool (T, 48, 64), also as PNG files."""
    masks = torch.zeros(count, 48, 64, dtype=torch.bool)
    for index, mask in enumerate(masks):
        mask[10:30, 4 + 6 * index + shift : 24 + 6 * index + shift] = True
        write_binary_png(folder / f"{index}.png", mask)
    return masks


def test_mark_masks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = squares(tmp_path / "masks")
    grey = torch.full((4, 3, 48, 64), 120, dtype=torch.uint8)
    write(tmp_path / "clip.mkv", Clip(grey, Fraction(5)), codec="ffv1")
    run(monkeypatch, "mark_masks.py", tmp_path / "clip.mkv", tmp_path / "masks", tmp_path / "marked.mp4")
    changed = (read(tmp_path / "marked.mp4").frames.float() - 120).abs().mean(1)
    assert changed[masks].mean() > 20
    assert changed[~masks].mean() < 3
    assert "13.0% of all pixels" in capsys.readouterr().out  # 400 of 3072


def test_score_masks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squares(tmp_path / "found", shift=5)
    squares(tmp_path / "truth")
    run(monkeypatch, "score_masks.py", tmp_path / "found", tmp_path / "truth")
    printed = capsys.readouterr().out
    assert "J 0.600, F 0." in printed  # 15 of 25 columns are common
    assert "decay of J 0.000" in printed


def test_render_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, "render_world.py", tmp_path / "table.gif", "--frames", 4)
    with Image.open(tmp_path / "table.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 3
        assert picture.width >= 3 * 240


def test_every_example_is_tested_told_about_and_short() -> None:
    examples = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert {f"test_{name}" for name in examples} <= set(globals())
    assert set(re.findall(r"`(\w+)\.py`", (EXAMPLES.parent / "README.md").read_text())) == set(examples)
    assert all(text.count("\n") < 40 for text in examples.values())
