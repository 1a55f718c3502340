"""The small verbs: check-data and slim-vgg."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maskreel.common.cli import main
from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from pathlib import Path


def test_good_videos_pass_and_bad_ones_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), np.uint8)
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.mp4", Clip.from_numpy(frames, Fraction(10)))
    assert main(["animate", "check-data", str(tmp_path)]) == 0
    assert "3 of 3 videos can be learned from" in capsys.readouterr().err
    (tmp_path / "b.mp4").write_bytes(b"not a video")
    assert main(["animate", "check-data", str(tmp_path), "--decode"]) == 1
    told = capsys.readouterr().err
    assert "b.mp4" in told
    assert "a.mp4" not in told
    assert "2 of 3 videos can be learned from" in told


def test_one_video_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though it is looked at twice: its first part is learned from, the rest measured on."""
    video, frames = tmp_path / "one.mp4", np.random.default_rng(0).integers(0, 255, (10, 32, 32, 3), np.uint8)
    write(video, Clip.from_numpy(frames, Fraction(10)))
    assert main(["animate", "check-data", str(video)]) == 0
    assert "1 of 1 videos can be learned from" in capsys.readouterr().err
    video.write_bytes(b"not a video")
    assert main(["animate", "check-data", str(video)]) == 1
    told = capsys.readouterr().err
    assert "0 of 1 videos can be learned from" in told
    assert told.count("one.mp4") == 1


def test_vgg_is_slimmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        state = torchvision.models.vgg19(weights=None).features.state_dict()
    full = {f"features.{key}": torch.zeros(value.shape, dtype=torch.float16) for key, value in state.items()}
    torch.save(full, tmp_path / "vgg19.pth")
    slim = tmp_path / "slim.safetensors"
    assert main(["animate", "slim-vgg", str(tmp_path / "vgg19.pth"), "-o", str(slim)]) == 0
    assert sum(value.numel() for value in load_file(slim).values()) == 555_328
    larger = ["-o", str(tmp_path / "larger.safetensors"), "--slices", "5"]
    assert main(["animate", "slim-vgg", str(tmp_path / "vgg19.pth"), *larger]) == 0
    assert load_file(larger[1]).keys() > load_file(slim).keys()
    assert main(["animate", "slim-vgg", str(slim), "-o", str(tmp_path / "slim.pth")]) == 2
    assert "must end in .safetensors" in capsys.readouterr().err
