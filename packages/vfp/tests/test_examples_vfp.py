"""The examples do what they say."""

from __future__ import annotations

import re
import runpy
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.video import Clip, write
from maskreel.vfp.frames import load_predictor
from maskreel.vfp.objects import Table
from maskreel.vfp.objects.paint import paint

if TYPE_CHECKING:
    import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def numbers(text: str) -> list[float]:
    return [float(word) for word in re.findall(r"\d+(?:\.\d+)?(?= dB|$|,)", text, flags=re.MULTILINE)]


def picture_size(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.shape[0], picture.shape[1]


def test_forecast_a_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "forecast_a_clip.py", tmp_path / "forecast.png", "--seed", 4)
    forecast, copied = numbers(capsys.readouterr().out)
    assert forecast > copied
    height, width = picture_size(tmp_path / "forecast.png")
    assert width > 3 * 240
    assert height > 160


def test_own_segmenter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ball rolls evenly to the right, as far as anything does on a table."""
    x = -5 + 0.4 * np.arange(22.0)
    table = Table.load()
    labels = paint(table, [18], np.stack([x, np.full(22, 20.0)], -1)[:, None], np.zeros((22, 1)))
    frames = np.full((22, 160, 240, 3), 120, np.uint8)
    frames[labels == 18] = (190, 30, 40)
    write(tmp_path / "ball.mkv", Clip.from_numpy(frames, Fraction(5)), codec="ffv1")
    run(monkeypatch, "own_segmenter.py", tmp_path / "ball.mkv", tmp_path / "forecast.png")
    true_x, true_y = np.argwhere(labels[21] == 18).mean(0)[::-1]
    seen_x = np.argwhere(labels[10] == 18).mean(0)[1]
    found_x, found_y = numbers(capsys.readouterr().out)
    assert abs(found_x - true_x) < 0.2 * abs(true_x - seen_x)
    assert abs(found_y - true_y) < 3
    assert picture_size(tmp_path / "forecast.png")[1] > 4 * 240


def test_train_tiny_predictor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wave runs over the picture, so that the last frame is soon a bad guess."""
    phase = torch.arange(66)[:, None, None] * 0.5 + torch.arange(24)[None, None] * 0.4
    grey = (127 + 100 * phase.sin()).expand(66, 16, 24).byte()
    write(
        tmp_path / "wave.mkv", Clip.from_numpy(grey[..., None].expand(-1, -1, -1, 3).numpy(), Fraction(5)), codec="ffv1"
    )
    run(monkeypatch, "train_tiny_predictor.py", tmp_path / "wave.mkv", tmp_path / "run")
    trained, *baselines = numbers(capsys.readouterr().out)
    assert len(baselines) == 2
    assert trained > max(baselines) + 1
    observed = grey[None, -22:-11, None].expand(-1, -1, 3, -1, -1)
    assert load_predictor(tmp_path / "run" / "predictor.safetensors").predict(observed).shape == (1, 11, 3, 16, 24)


def test_every_example_is_tested_told_about_and_short() -> None:
    examples = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert {f"test_{name}" for name in examples} <= set(globals())
    readme = (EXAMPLES.parent / "README.md").read_text()
    assert set(re.findall(r"`(\w+)\.py`", readme)) == set(examples)
    assert all(text.count("\n") < 45 for text in examples.values())
