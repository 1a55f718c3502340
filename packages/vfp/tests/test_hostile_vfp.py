"""Hostile input of the readers that only maskreel vfp has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maskreel.common.errors import InputError
from maskreel.common.weights import load_state_dict, read_metadata
from maskreel.vfp.data import ChannelStatistics
from maskreel.vfp.data._array_frames import as_pictures, open_array
from maskreel.vfp.data._leaderboard import check_leaderboard
from maskreel.vfp.masks import load_mask_network
from maskreel.vfp.objects import Table
from maskreel.vfp.saved import shipped
from maskreel.vfp.segmentation._folds import read_folds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def other_config(path: Path, change: dict[str, Any]) -> Path:
    """The mask network of the package with another description of itself."""
    source = shipped("masks")
    about = read_metadata(source)
    about["config"] = json.dumps(json.loads(about["config"]) | change)
    save_file(load_state_dict(source), path, about)
    return path


@pytest.mark.parametrize("value", [10**12, 4000, -1, "x", None, [1] * 5000, 1e300])
def test_networks_that_tell_of_absurd_sizes(tmp_path: Path, value: Any) -> None:
    for name in ("spatial_width", "temporal_width", "spatial_depth", "temporal_depth"):
        with pytest.raises(InputError, match=r"a\.safetensors (tells of|does not|does not fit)"):
            load_mask_network(other_config(tmp_path / "a.safetensors", {name: value}))


@pytest.mark.parametrize("values", [np.nan, np.inf, -np.inf, 1e30])
def test_frames_that_are_no_numbers(tmp_path: Path, values: float) -> None:
    np.save(tmp_path / "a.npy", np.full((11, 3, 4, 4), values, np.float32))
    array = open_array(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"a\.npy holds values from .* expected uint8, or floats in 0 to 1"):
        as_pictures(array.path, array.frames)


def test_leaderboards_that_would_run_code(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy cannot be read as an \.npy array: it holds Python objects"):
        check_leaderboard(tmp_path / "a.npy")
    torch.save(print, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt is refused: it asks for (builtins|__builtin__)\.print"):
        check_leaderboard(tmp_path / "a.pt")
    torch.save(torch.zeros(2, 3, dtype=torch.bfloat16), tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt cannot be read: .*BFloat16"):
        check_leaderboard(tmp_path / "a.pt")


@pytest.mark.parametrize("read", [Table.load, ChannelStatistics.load, read_folds])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' + "1" * 5000 + "}", "[[]]", '{"mean": "abc", "std": [1]}'])
def test_settings_without_end(tmp_path: Path, read: Callable[[Path], object], text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json (does not hold|cannot be read as JSON|must hold)"):
        read(tmp_path / "a.json")
