"""Networks that come as TorchScript, a program and its weights in one file."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.weights._pickles import check_archive

if TYPE_CHECKING:
    import os

    import torch

__all__ = ["load_script"]

_MOST_TEXT = 64 << 20
"""Bytes of a script; they are compressed in the file."""
# Words of TorchScript's text: torch.from_file(...), ops.aten.save(...), ops.image.read_file(...)
_ON_FILES = re.compile(r"\b(from_file|save|load|open|read_file|write_file|_?load_library)\(")


def load_script(path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> torch.jit.ScriptModule:
    """What `torch.jit.save` wrote, in evaluation mode.

    It is a program, not just numbers: reading and running it runs TorchScript, in which there is no Python, but which
    can compute for ever and fill all memory. Files whose script names an operator that reads or writes other files are
    refused before anything of them runs; that is a check of words, not a proof, so take the file from a source that you
    trust.

    Args:
        path: the file.
        device: where its weights go.

    Raises:
        InputError: the file is not there, damaged, not TorchScript, or refused.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist, expected a TorchScript file")
    _check(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`torch\.jit", category=Warning)  # it is called deprecated
            return torch.jit.load(path, map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} is a TorchScript file that cannot be read; it may be damaged") from error


def _check(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not a TorchScript file; it may be cut short or of another kind")
    with check_archive(path, packed=_MOST_TEXT) as archive:
        inside = [name.partition("/")[2] for name in archive.namelist()]
        if "constants.pkl" not in inside or not any(name.startswith("code/") for name in inside):
            raise InputError(f"{path} is not a TorchScript file; it may be cut short or of another kind")
        for name in archive.namelist():
            found = _ON_FILES.search(_text(path, archive, name)) if name.endswith(".py") else None
            if found:
                raise InputError(f"{path} is refused: its script uses {found[0]!r}, which reaches beyond the network")


def _text(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    try:
        return archive.read(name).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError) as error:
        raise InputError(f"{path} is a TorchScript file that cannot be read; it may be damaged") from error
