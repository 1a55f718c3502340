"""Our own weights files: half precision, with what the network expects of its input written beside the tensors."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch

_SHOWN = 80


def save_half(path: str | os.PathLike[str], network: torch.nn.Module, expects: Mapping[str, Any]) -> None:
    """Write the state of a network in half precision as .safetensors; `check_expectations` reads `expects` back.

    Counters, such as those of batch norm, are left out: evaluation does not read them.

    Args:
        path: Ends in .safetensors.
        network: Its floating-point state is written.
        expects: What input and answers must be like, such as channel order and class names; values that JSON can hold.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path}")
    state = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    half = {key: value.detach().cpu().half().contiguous() for key, value in state.items()}
    if unfit := [key for key, value in half.items() if not value.isfinite().all()]:
        raise ValueError(f"network must hold finite values below 65504 only, but {unfit[0]} does not")
    save_tensors(path, half, {key: json.dumps(value) for key, value in expects.items()})


def save_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors as .safetensors, atomically; equal tensors and metadata give equal bytes.

    Args:
        path: Where.
        tensors: Contiguous ones, of which no two share memory.
        metadata: Texts by name; one or more.
    """
    from safetensors.torch import save_file

    with atomic_path(path) as scratch:
        save_file(dict(tensors), scratch, metadata=dict(metadata))
        _sort_metadata(scratch)


def _sort_metadata(path: Path) -> None:
    """The library writes metadata in an order that changes from call to call."""
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        assert len(text) == length, "safetensors and json write the same header differently"
        file.seek(8)
        file.write(text)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What a .safetensors file says beside its tensors, texts by name.

    Raises:
        InputError: The file is broken.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def _value(text: str) -> Any:
    try:
        return parse_json(text, source="metadata")
    except InputError:
        return text


def check_expectations(path: str | os.PathLike[str], expects: Mapping[str, Any]) -> None:
    """Refuse a file of `save_half` that was saved with other expectations.

    Raises:
        InputError: One is missing or differs; the message says how.
    """
    metadata = read_metadata(path)
    for key, expected in expects.items():
        found = _value(metadata.get(key, "null"))
        if found != expected:
            raise InputError(f"{path} was saved for {key} {_short(found)}, expected {_short(expected)}")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
