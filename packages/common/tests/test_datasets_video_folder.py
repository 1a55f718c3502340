"""A folder of many videos."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import video
from maskreel.common.datasets import VideoFolder
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def random_frames(seed: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 48, 3), np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    video.write(tmp_path / "walk.mkv", video.Clip.from_numpy(random_frames(0), Fraction(30000, 1001)), codec="ffv1")
    (tmp_path / "frames").mkdir()
    for number, picture in enumerate(random_frames(1, 4)):
        Image.fromarray(picture).save(tmp_path / "frames" / f"{number:05d}.png")
    (tmp_path / "README.txt").write_text("no video")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_files_and_folders_become_sequences(root: Path) -> None:
    folder = VideoFolder(root)
    assert len(folder) == 2
    assert folder.names == ("frames", "walk")
    assert [sequence.path.name for sequence in folder] == ["frames", "walk.mkv"]
    assert folder[1] is folder["walk"]
    assert folder["walk"].info.size == (32, 48)
    assert folder["walk"].info.fps == Fraction(30000, 1001)


def test_clips(root: Path) -> None:
    folder = VideoFolder(root)
    assert np.array_equal(folder["walk"].clip().numpy(), random_frames(0))
    assert np.array_equal(folder["walk"].clip(1, 3).numpy(), random_frames(0)[1:3])
    frames = folder["frames"].clip(2).frames
    assert torch.equal(frames, torch.from_numpy(random_frames(1, 4)[2:]).permute(0, 3, 1, 2))


def test_bad_video_is_named_when_it_is_read(root: Path) -> None:
    (root / "broken.mp4").write_bytes(b"no video at all")
    folder = VideoFolder(root)
    assert folder.names == ("broken", "frames", "walk")
    with pytest.raises(InputError, match=r"broken\.mp4"):
        folder["broken"].clip()


def test_bad_folders_are_explained(root: Path) -> None:
    with pytest.raises(InputError, match=r"walk\.mkv is not a folder, expected one that holds videos"):
        VideoFolder(root / "walk.mkv")
    with pytest.raises(InputError, match="frames holds no videos, expected video files or folders of frames"):
        VideoFolder(root / "frames")
    with pytest.raises(InputError, match="has no video 'run', only frames, walk"):
        VideoFolder(root)["run"]
    (root / "walk.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"walk\.mkv and .*walk\.mp4 have the same name"):
        VideoFolder(root)
