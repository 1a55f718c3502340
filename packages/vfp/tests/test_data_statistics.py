"""Channel statistics against NumPy on all pixels at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.vfp.data import ChannelStatistics, channel_statistics

if TYPE_CHECKING:
    from pathlib import Path


def test_the_statistics_are_those_of_all_pixels() -> None:
    generator = np.random.default_rng(3)
    videos = [
        generator.integers(low, low + 60, (count, 3, 8, 6), np.uint8) for count, low in ((3, 0), (5, 90), (1, 190))
    ]
    videos[1][:, 2] = 255
    found = channel_statistics(torch.from_numpy(video) for video in videos)
    pixels = np.concatenate(videos).transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64) / 255
    np.testing.assert_allclose(found.mean, pixels.mean(1), rtol=1e-13)
    np.testing.assert_allclose(found.std, pixels.std(1), rtol=1e-13)


def test_flat_pictures_have_no_deviation() -> None:
    video = torch.tensor([51, 102, 255], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 4, 5)
    found = channel_statistics([video])
    np.testing.assert_allclose(found.mean, (0.2, 0.4, 1.0), rtol=1e-15)
    np.testing.assert_allclose(found.std, (0, 0, 0), atol=1e-15)


def test_saved_statistics_come_back(tmp_path: Path) -> None:
    statistics = ChannelStatistics((0.1, 1 / 3, 0.5), (0.25, 0.05, 1e-3))
    statistics.save(tmp_path / "statistics.json", videos=7)
    assert ChannelStatistics.load(tmp_path / "statistics.json") == statistics
    assert json.loads((tmp_path / "statistics.json").read_text())["videos"] == 7


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="videos must hold at least one pixel"):
        channel_statistics([])
    with pytest.raises(TypeError, match=r"videos must be uint8, got torch\.float32"):
        channel_statistics([torch.zeros(2, 3, 4, 4)])
    with pytest.raises(ValueError, match=r"videos must have shape \(T, 3, H, W\), got \(2, 4, 4, 3\)"):
        channel_statistics([torch.zeros(2, 4, 4, 3, dtype=torch.uint8)])
    with pytest.raises(ValueError, match="mean must be three numbers in 0 to 1"):
        ChannelStatistics((120.0, 110.0, 100.0), (0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="std must be three numbers in 0 to 1"):
        ChannelStatistics((0.1, 0.1, 0.1), (0.1, 0.1, float("nan")))
    file = tmp_path / "statistics.json"
    with pytest.raises(InputError, match=r"statistics\.json does not exist; maskreel vfp stats writes it"):
        ChannelStatistics.load(file)
    for text in ("{", "[]", '{"mean": [0, 0, 0]}', '{"mean": [0, 0], "std": [0, 0, 0]}'):
        file.write_text(text)
        with pytest.raises(InputError, match=r"statistics\.json does not hold channel statistics"):
            ChannelStatistics.load(file)
