"""Reading PyTorch checkpoints: nothing in them is run, and they get no more memory than they bring values."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights._pickles import names_in_archive, names_in_pickles

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["check_extent", "load_checkpoint"]

# PyTorch's weights-only reader allows more, such as bytearray, which a file of 1 kB could ask to fill all memory.
_ALLOWED = re.compile(
    r"collections\.(OrderedDict|Counter|defaultdict)|builtins\.(set|complex|dict|int|float)|"
    r"_codecs\.encode|torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter)|torch\.nn\.parameter\.Parameter|"
    r"torch\.(cuda\.)?[A-Za-z0-9]+Storage|torch\.storage\.(Typed|Untyped)Storage|torch\.(Size|device)|"
    r"torch\.(b?float|bfloat|u?int|bool|complex)\d*\w*"
)
_ALWAYS_ALLOWED = 1 << 30
"""Bytes that its tensors may take together, however small the file is."""
_MOST_OF_FILE = 4
"""How many times the bytes of the file its tensors may take together: some share their values."""


def load_checkpoint(path: str | os.PathLike[str]) -> Any:
    """What a file of `torch.save` holds, on the CPU: tensors, numbers, words, and dicts, lists and tuples of these.

    Raises:
        InputError: The file is broken, or would run code when it is read, or asks for more memory than it has values.
        OSError: There is no such file, or it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as stream:
        is_archive = stream.read(2) == b"PK"
    for name in names_in_archive(path) if is_archive else names_in_pickles(path):
        if not _ALLOWED.fullmatch(name):
            raise InputError(_refusal(path, name))
    content = _loaded(path)
    check_extent(path, sum(tensor.numel() * tensor.element_size() for tensor in _tensors(content)))
    return content


def _loaded(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # bytes that are no checkpoint make the unpickler fail in any way it can
        refused = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if refused is not None:
            raise InputError(_refusal(path, refused[1])) from error
        raise InputError(
            f"{path} is not a readable PyTorch checkpoint; it may be cut short or of another kind"
        ) from error


def _refusal(path: Path, name: str) -> str:
    return (
        f"{path} is refused: it asks for {name}, and reading more than tensors can run code from the file; "
        "save its state dict alone, on a machine and from a source that you trust"
    )


def check_extent(path: Path, needed: int) -> None:
    """Refuse tensors that repeat few values to `needed` bytes, which the first copy would write out."""
    if needed > max(_ALWAYS_ALLOWED, _MOST_OF_FILE * path.stat().st_size):
        raise InputError(f"{path} is refused: it tells of tensors of {needed} bytes, more than it has values for")


def _tensors(content: Any) -> Iterator[torch.Tensor]:
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (dict, list, tuple, set)) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value.values() if isinstance(value, dict) else value)
