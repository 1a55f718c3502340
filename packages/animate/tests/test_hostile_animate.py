"""Hostile input of the readers that only maskreel animate has."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from maskreel.animate.checkpoints import import_checkpoint
from maskreel.animate.data._pairs_table import read_pairs
from maskreel.animate.data._side_by_side import is_side_by_side
from maskreel.animate.motion import load_motion
from maskreel.animate.picture_file import read_picture
from maskreel.animate.weights import TINY, load_model
from maskreel.common.errors import InputError
from maskreel.common.weights import load_state_dict, read_metadata

if TYPE_CHECKING:
    from pathlib import Path


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_published_checkpoints_that_would_run_code(tmp_path: Path) -> None:
    path = tmp_path / "00000099-checkpoint.pth.tar"
    torch.save({"generator": Bomb(tmp_path / "made")}, path)
    with pytest.raises(InputError, match=r"checkpoint\.pth\.tar is refused: it asks for \w+\.mkdir"):
        import_checkpoint(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("value", [10**12, 4000, -1, "x", None, 1e300])
def test_models_that_tell_of_absurd_sizes(tmp_path: Path, value: Any) -> None:
    state, about = load_state_dict(TINY), read_metadata(TINY)
    config = json.loads(about["model"])
    for name in [name for name, found in config.items() if type(found) is int and "channels" in name]:
        save_file(state, tmp_path / "a.safetensors", about | {"model": json.dumps(config | {name: value})})
        with pytest.raises(InputError, match=r"a\.safetensors (tells of|does not)"):
            load_model(tmp_path / "a.safetensors")


@pytest.mark.parametrize("model", ["[" * 100_000, "7", "null", '{"size": 1}'])
def test_models_with_no_description(tmp_path: Path, model: str) -> None:
    save_file(load_state_dict(TINY), tmp_path / "a.safetensors", read_metadata(TINY) | {"model": model})
    with pytest.raises(InputError, match=r"a\.safetensors (does not say|cannot be read|tells of|does not fit)"):
        load_model(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "text",
    [
        "source,driving\na\0b,c\n",
        "source,driving\n" + "x" * 200_000 + ",y\n",
        'source,driving\n"' + "\n" * 200_000,
        "source,driving\n" + "../" * 3000 + "etc/passwd,b\n",
        "source,driving\n" + "[" * 3000 + ",b\n",
        "\x1b]0;x\x07,driving\na,b\n",
    ],
)
def test_tables_of_pairs(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv (names videos|cannot be read|has )"):
        read_pairs(tmp_path / "a.csv")


def test_pictures_of_absurd_sizes(tmp_path: Path) -> None:
    head = b"IHDR" + struct.pack(">2I5B", 100_000, 100_000, 8, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)))
    with pytest.raises(InputError, match=r"a\.png "):
        read_picture(path)
    assert not is_side_by_side(path)


@pytest.mark.parametrize("header", ["{'descr': '|u1', 'fortran_order': (", "(" * 200, "x\n  y\n z"])
def test_templates_of_motion_with_unfinished_headers(tmp_path: Path, header: str) -> None:
    """NumPy's second look at a header it cannot read fails in ways of its own."""
    text = header.encode()
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
    with pytest.raises(InputError, match=r"a\.npz is damaged or no motion template"):
        load_motion(path)
