"""The fuzzer finds what is wrong, and nothing in the readers within a few seconds."""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING

import pytest
from fuzz import readers
from fuzz.__main__ import main
from fuzz.mutate import mutated
from fuzz.readers import READERS
from fuzz.worker import made, seeds

if TYPE_CHECKING:
    from pathlib import Path

CASES = 12
"""Of each reader; those of `nox -s fuzz` are tens of thousands."""
SLOW = ("network",)


@pytest.mark.parametrize("name", [name for name in READERS if name not in SLOW])
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    from maskreel.common.errors import InputError

    reader = READERS[name]
    files = {name: seeds(name, tmp_path / "seeds")}
    refused = 0
    for case in range(CASES):
        path = tmp_path / f"case{reader.suffix}"
        path.write_bytes(made(name, case, files))
        try:
            reader.read(path)
        except InputError:
            refused += 1
        except Exception as error:
            if reader.may_raise is None or not isinstance(error, reader.may_raise):
                raise
            refused += 1
    assert refused, "the damage is noticed now and then"


@pytest.mark.parametrize("name", [name for name in READERS if name != "npy"])  # no array suits all who read arrays
def test_valid_files_are_read(name: str, tmp_path: Path) -> None:
    path = seeds(name, tmp_path)
    READERS[name].read(path)


def test_cases_are_the_same_every_time() -> None:
    data = bytes(range(256)) * 4
    assert mutated(data, [data], Random(5)) == mutated(data, [data], Random(5))
    assert len({mutated(data, [data], Random(case)) for case in range(50)}) > 40


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's means")
def test_failures_are_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader with a fault, in the place of that of .flo files; the worker is another process, so by a module."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import fuzz.readers as r\n"
        "def fail(path):\n    raise ZeroDivisionError('found it')\n"
        "r.READERS['flo'] = r.Reader('.flo', lambda path: path.write_bytes(bytes(100)), fail)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{readers.__file__.rpartition('/fuzz/')[0]}:{tmp_path}")
    code = main(["--seconds", "30", "--seed", "7", "--only", "flo", "--keep", str(tmp_path / "kept")])
    told = capsys.readouterr().out
    assert code == 1
    assert "seed 7" in told
    assert "flo 7: ZeroDivisionError: found it" in told
    assert f"nox -s fuzz -- --only flo --file {tmp_path / 'kept' / 'flo-7.flo'}" in told
    assert (tmp_path / "kept" / "flo-7.flo").is_file()


def test_one_file_again(tmp_path: Path) -> None:
    from maskreel.common.errors import InputError

    READERS["flo"].make(tmp_path / "a.flo")
    assert main(["--only", "flo", "--file", str(tmp_path / "a.flo")]) == 0
    (tmp_path / "a.flo").write_bytes(b"PIEH")
    with pytest.raises(InputError, match=r"not a \.flo file"):
        main(["--only", "flo", "--file", str(tmp_path / "a.flo")])
