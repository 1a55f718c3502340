"""The examples do what they say; espnetv2.py has tests of its own."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.masks import write_binary_png
from maskreel.common.video import read
from maskreel.common.world import TableScene

if TYPE_CHECKING:
    import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: Any) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_invert_masks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, "invert_masks.py", tmp_path / "out.mp4", "--frames", 2, "--steps", 4)
    made = read(tmp_path / "out.mp4")
    assert len(made) == 2
    assert made.size == TableScene().size
    assert made.frames.float().std() > 3


def test_own_teacher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    masks = torch.zeros(3, 48, 64, dtype=torch.bool)
    for index, mask in enumerate(masks):
        mask[10:30, 8 + 6 * index : 28 + 6 * index] = True
        write_binary_png(tmp_path / "masks" / f"{index}.png", mask)
    run(monkeypatch, "own_teacher.py", tmp_path / "masks", tmp_path / "out.mp4")
    frames = read(tmp_path / "out.mp4").frames.float()
    redness = frames[:, 0] - frames[:, 1:].mean(1)
    assert redness[masks].mean() > 40
    assert redness[~masks].mean() < 10


def test_every_example_is_tested_and_short() -> None:
    examples = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py") if path.stem != "espnetv2"}
    assert {f"test_{name}" for name in examples} <= set(globals())
    assert all(text.count("\n") < 50 for text in examples.values())
