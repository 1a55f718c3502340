"""Networks that come as TorchScript, a program and its weights in one file."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.weights._checkpoint import check_extent
from maskreel.common.weights._pickles import check_archive
from maskreel.common.weights._script_pickle import extent
from maskreel.common.weights._script_text import check_nesting, reaches_out

if TYPE_CHECKING:
    import os

    import torch

__all__ = ["load_script"]

_MOST_TEXT = 16 << 20
"""Bytes of a script, which are compressed in the file; that of a Mask R-CNN has less than one million."""


def load_script(path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> torch.jit.ScriptModule:
    """What `torch.jit.save` wrote, in evaluation mode.

    It is a program, not just numbers: reading and running it runs TorchScript, in which there is no Python, but which
    can compute for ever and fill all memory. Files whose script names an operator that reads or writes other files are
    refused before anything of them runs; that is a check of words, not a proof, so take the file from a source that you
    trust. What PyTorch reads is the archive made once more of what was looked at, in memory, which for a moment takes
    some times the size of the file.

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
    archive = _checked(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`torch\.jit", category=Warning)  # it is called deprecated
            return torch.jit.load(archive, map_location=device).eval()
    except Exception as error:  # what C++ says of damage comes as any error that Python has
        raise InputError(f"{path} is a TorchScript file that cannot be read; it may be damaged") from error


def _checked(path: Path) -> io.BytesIO:
    if not _is_archive(path):
        raise InputError(f"{path} is not a TorchScript file; it may be cut short or of another kind")
    with check_archive(path, packed=_MOST_TEXT) as archive:
        inside = _inside(archive)
        if not {"constants.pkl", "data.pkl"} <= inside.keys() or "model.json" in inside:  # of its first format
            raise InputError(f"{path} is not a TorchScript file; it may be cut short or of another kind")
        try:
            return _made_again(path, archive, inside)
        except InputError:
            raise
        except Exception as error:  # damage makes zipfile fail in any way
            raise InputError(f"{path} is a TorchScript file that cannot be read; it may be damaged") from error


def _is_archive(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # of several disks
        return False


def _inside(archive: zipfile.ZipFile) -> dict[str, str]:
    """Entries by the names that PyTorch finds them under: in the folder of the first, upper case as lower."""
    parts = [(*name.casefold().partition("/"), name) for name in archive.namelist()]
    return {rest: name for folder, _, rest, name in parts if folder == parts[0][0]}


def _made_again(path: Path, archive: zipfile.ZipFile, inside: dict[str, str]) -> io.BytesIO:
    """The entries, looked at, without where in Python they come from: PyTorch believes that when it tells an error."""
    sizes = {name: archive.getinfo(entry).file_size for name, entry in inside.items()}
    if sum(sizes.values()) > path.stat().st_size + _MOST_TEXT:
        raise ValueError("entries that share their bytes")
    needed, made = 0, io.BytesIO()
    with zipfile.ZipFile(made, "w") as new:
        for name, entry in inside.items():
            if name.endswith(".debug_pkl"):
                continue
            content = archive.read(entry)
            if len(content) != sizes[name]:  # Python says nothing where the directory has two sizes
                raise ValueError(f"{entry} has {len(content)} bytes in place of {sizes[name]}")
            if name in ("constants.pkl", "data.pkl"):
                folder = name.removesuffix(".pkl")
                needed += extent(content, lambda key, folder=folder: sizes.get(f"{folder}/{key.casefold()}"))
            elif name.endswith(".py"):
                _check_text(path, content)
            new.writestr(entry, content)
    check_extent(path, needed)
    made.seek(0)
    return made


def _check_text(path: Path, content: bytes) -> None:
    if len(content) > _MOST_TEXT:
        raise ValueError(f"{len(content)} bytes, more than any script has")
    text = content.decode("utf-8", "replace")
    check_nesting(text)
    if found := reaches_out(text):
        raise InputError(f"{path} is refused: its script uses {found!r}, which reaches beyond the network")
