"""Middlebury flow files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.flow import read_flo, write_flo

if TYPE_CHECKING:
    from pathlib import Path


def test_bytes_of_a_small_file(tmp_path: Path) -> None:
    flow = torch.tensor([[[1.0, 2.0, 3.0]], [[-1.0, -2.0, -3.0]]])
    write_flo(tmp_path / "a.flo", flow)
    expected = struct.pack("<fii6f", 202021.25, 3, 1, 1, -1, 2, -2, 3, -3)
    assert (tmp_path / "a.flo").read_bytes() == expected
    assert torch.equal(read_flo(tmp_path / "a.flo"), flow)


def test_round_trip_is_exact_for_views_and_doubles(tmp_path: Path) -> None:
    flow = torch.randn(7, 5, 2).permute(2, 0, 1)
    write_flo(tmp_path / "a.rflo", flow.double())
    result = read_flo(tmp_path / "a.rflo")
    assert result.dtype == torch.float32
    assert torch.equal(result, flow)
    result += 1  # the result owns its memory


@pytest.mark.skipif(not hasattr(cv2, "readOpticalFlow"), reason="this OpenCV has no .flo reader")
def test_opencv_reads_and_writes_the_same(tmp_path: Path) -> None:
    flow = torch.randn(2, 9, 13)
    write_flo(tmp_path / "ours.flo", flow)
    theirs = cv2.readOpticalFlow(str(tmp_path / "ours.flo"))
    np.testing.assert_array_equal(theirs, flow.permute(1, 2, 0).numpy())
    assert cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), theirs)
    assert torch.equal(read_flo(tmp_path / "theirs.flo"), flow)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .flo file, it must begin with the bytes PIEH"),
        (b"PIEH\x01\x00", "not a .flo file"),
        (struct.pack("<fii2f", 1.0, 1, 1, 0, 0), "not a .flo file"),
        (struct.pack("<fii", 202021.25, 0, 4), "the header says 0x4 pixels, both must be at least 1"),
        (struct.pack("<fii3f", 202021.25, 2, 1, 0, 0, 0), "damaged flow file, 2x1 vectors take 28 bytes but it has 24"),
        (struct.pack("<fii3f", 202021.25, 1, 1, 0, 0, 0), "damaged flow file, 1x1 vectors take 20 bytes but it has 24"),
        (struct.pack("<fii", 202021.25, 2**31 - 1, 2**31 - 1), "damaged flow file"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.flo"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_flo(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.flo: cannot read the flow file \(No such file"):
        read_flo(tmp_path / "none.flo")
    with pytest.raises(InputError, match="cannot read the flow file"):
        read_flo(tmp_path)


def test_writing_guards_the_shape(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one flow per file"):
        write_flo(tmp_path / "a.flo", torch.zeros(1, 2, 4, 4))
    assert list(tmp_path.iterdir()) == []
