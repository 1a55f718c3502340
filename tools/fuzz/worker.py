"""Tries one case after the other in a process of its own, which may fail in any way, with little memory."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sys
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from fuzz.mutate import mutated
from fuzz.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GIGABYTES", "made", "seeds", "work"]

GIGABYTES = 2.0
"""More than a reader may ask for beside what Python and PyTorch take."""


def work(names: list[str], first: int, folder: Path) -> None:
    """Try cases `first`, `first` + 1, ... for ever; tells on stdout what is tried, and what came of it.

    A line `try NAME CASE` comes before a case, then `read`, `refused` or `failed NAME CASE SECONDS` with the traceback
    beside the file.
    """
    warnings.simplefilter("ignore")
    files = {name: seeds(name, folder / "seeds") for name in names}
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what FFmpeg tells
    for name in names:  # imports are not to count
        with contextlib.suppress(Exception):
            READERS[name].read(_copied(files[name], folder / f"warm{READERS[name].suffix}"))
    memory = _little_memory()
    case = first
    while True:
        name = names[case % len(names)]
        path = folder / f"case{READERS[name].suffix}"
        path.write_bytes(made(name, case, files))
        out.write(f"try {name} {case}\n")
        began = time.process_time()
        outcome = _outcome(name, path, case, folder, memory)
        out.write(f"{outcome} {name} {case} {time.process_time() - began:.3f}\n")
        case += 1


def seeds(name: str, folder: Path) -> Path:
    """The valid file of a reader, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{READERS[name].suffix}"
    if not path.exists():
        READERS[name].make(path)
    return path


def made(name: str, case: int, files: dict[str, Path]) -> bytes:
    """The damaged file of a case, always the same of the same valid files."""
    own = files[name].read_bytes()
    return mutated(own, [own, *(path.read_bytes() for other, path in files.items() if other != name)][:4], Random(case))


def _outcome(name: str, path: Path, case: int, folder: Path, memory: int) -> str:
    from maskreel.common.errors import InputError

    reader, kept = READERS[name], folder / f"{name}-{case}{READERS[name].suffix}"
    shutil.copyfile(path, kept)
    try:
        with _limited(memory):
            reader.read(path)
        outcome = "read"
    except InputError:
        outcome = "refused"
    except Exception as error:
        if reader.may_raise is not None and isinstance(error, reader.may_raise):
            outcome = "refused"
        else:
            kept.with_suffix(f"{kept.suffix}.txt").write_text(traceback.format_exc())
            return "failed"
    kept.unlink()
    return outcome


def _copied(source: Path, target: Path) -> Path:
    shutil.copyfile(source, target)
    return target


def _little_memory() -> int:
    """Bytes of address space, because nothing else can be limited in a process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGESIZE") + int(GIGABYTES * 2**30)


@contextlib.contextmanager
def _limited(memory: int) -> Iterator[None]:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


if __name__ == "__main__":
    work(sys.argv[3:], int(sys.argv[1]), Path(sys.argv[2]))
