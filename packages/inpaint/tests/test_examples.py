"""The examples do what they say on a tiny clip: a red and a green thing cross a scene before a still camera."""

from __future__ import annotations

import runpy
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.masks import write_binary_png
from maskreel.common.video import Clip, read, write

EXAMPLES = Path(__file__).parent.parent / "examples"
FRAMES, HEIGHT, WIDTH = 40, 96, 128


def scene() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(60, 120, (8, 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def things() -> tuple[torch.Tensor, torch.Tensor]:
    """Where the red and the green thing are: bool (T, H, W)."""
    red, green = torch.zeros(2, FRAMES, HEIGHT, WIDTH, dtype=torch.bool)
    for t in range(FRAMES):
        red[t, 50:80, 3 * t : 3 * t + 14] = True
        green[t, 12:36, WIDTH - 14 - 3 * t : WIDTH - 3 * t] = True
    return red, green


@pytest.fixture
def source(tmp_path: Path) -> Path:
    red, green = (mask.numpy() for mask in things())
    frames = np.repeat(scene()[None], FRAMES, axis=0)
    frames[red], frames[green] = (220, 30, 40), (30, 210, 60)
    path = tmp_path / "source.mkv"
    write(path, Clip.from_numpy(frames, Fraction(25)), codec="ffv1")
    return path


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: Path) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def error(path: Path, mask: torch.Tensor) -> float:
    """Mean difference in grey levels between a video and the empty scene, where the mask is."""
    difference = np.abs(read(path).numpy().astype(float) - scene())
    return float(difference[mask.numpy()].mean())


def test_remove_walkers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "remove_walkers.py", source, tmp_path / "empty.mp4")
    red, green = things()
    assert error(source, red | green) > 60
    assert error(tmp_path / "empty.mp4", red | green) < 6
    printed = capsys.readouterr().out
    assert "0.0% of those painted" in printed
    assert str(tmp_path / "empty.html") in printed


def test_own_masks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path) -> None:
    red, green = things()
    for t, mask in enumerate(red):
        write_binary_png(tmp_path / "masks" / f"{t:03d}.png", mask)
    run(monkeypatch, "own_masks.py", source, tmp_path / "masks", tmp_path / "clean.mkv")
    assert error(tmp_path / "clean.mkv", red) < 2
    before, after = read(source).frames.movedim(1, -1), read(tmp_path / "clean.mkv").frames.movedim(1, -1)
    assert torch.equal(before[green], after[green])


def test_own_segmenter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path) -> None:
    run(monkeypatch, "own_segmenter.py", source, tmp_path / "clean.mp4")
    red, green = things()
    assert error(tmp_path / "clean.mp4", red) < 6
    assert error(tmp_path / "clean.mp4", green) > 60
    assert "RedThings(60)" in (tmp_path / "clean.job" / "masks" / "settings.json").read_text()


def test_every_example_is_tested_and_short() -> None:
    examples = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert {f"test_{name}" for name in examples} <= set(globals())
    assert all(text.count("\n") < 40 for text in examples.values())
