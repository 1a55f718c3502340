"""Files of arrays: what is written is what NumPy reads, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.common.array_file import read_npz, write_npz

if TYPE_CHECKING:
    from pathlib import Path

unix = pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are for Unix")

CROWDED = """
import resource, signal, sys
import numpy as np
from maskreel.common.array_file import write_npz
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    write_npz(sys.argv[1], {"small": np.zeros(10), "large": np.zeros(100_000)})
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("compress", [False, True])
def test_numpy_reads_what_was_written(compress: bool, tmp_path: Path) -> None:
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.array([True, False]), "number": 7, "word": "static"}
    write_npz(tmp_path / "made.npz", arrays, compress=compress)
    with np.load(tmp_path / "made.npz") as theirs:
        ours = read_npz(tmp_path / "made.npz")
        assert set(theirs.files) == set(ours) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(theirs[name], array)
            np.testing.assert_array_equal(ours[name], array)


def test_compressed_files_are_small_and_equal_arrays_make_equal_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_npz(tmp_path / name, {"zeros": np.zeros(10_000)}, compress=True)
    write_npz(tmp_path / "plain", {"zeros": np.zeros(10_000)})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert (tmp_path / "one").stat().st_size < 1000 < 80_000 < (tmp_path / "plain").stat().st_size


def test_objects_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    write_npz(tmp_path / "made.npz", {"a": 1})
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_npz(tmp_path / "made.npz", {"a": np.array([{}])})
    assert read_npz(tmp_path / "made.npz") == {"a": 1}
    assert len(list(tmp_path.iterdir())) == 1


@unix
def test_a_full_disk_leaves_nothing_and_says_nothing_later(tmp_path: Path) -> None:
    words = [sys.executable, "-c", CROWDED, str(tmp_path / "made.npz")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("OSError\n", "")
    assert list(tmp_path.iterdir()) == []
