"""Reading checkpoints without running code from them, and loading them with readable errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights._checkpoint import load_checkpoint

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

SHOWN_KEYS = 5


def load_state_dict(path: str | os.PathLike[str], *, entry: str | None = None) -> dict[str, torch.Tensor]:
    """Read a checkpoint onto the CPU: `.safetensors` with safetensors, anything else with torch's weights-only reader.

    Args:
        path: The file.
        entry: Name under which a checkpoint with more in it keeps the state dict, for example "state_dict".

    Raises:
        InputError: The file is broken, holds anything but tensors, or would run code when it is read.
    """
    path = Path(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else load_checkpoint(path)
    if entry is not None:
        if not isinstance(content, dict) or entry not in content:
            raise InputError(f"{path} has no entry '{entry}'; it holds {_describe(content)}")
        content = content[entry]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise InputError(f"{path} must hold a state dict, names with tensors only, but it holds {_describe(content)}")
    return dict(content)


def load_into(module: torch.nn.Module, state: Mapping[str, torch.Tensor], *, source: str) -> None:
    """Copy `state` into `module`; every key and every shape must fit.

    BatchNorm counters (`num_batches_tracked`) may be missing, because checkpoints from before PyTorch 0.4.1 lack them.

    Args:
        module: Receives the values.
        state: Tensors by the names that `module.state_dict()` uses.
        source: What the error calls the state, for example the file name.

    Raises:
        InputError: Keys are missing or unexpected, or shapes differ; one message names them all by kind.
    """
    own = module.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in own]
    reshaped = [
        f"{key} ({_shape(state[key])} in the file, {_shape(own[key])} in the network)"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = [
        f"{len(keys)} {kind}: {_first(keys)}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if keys
    ]
    if faults:
        raise InputError(f"{source} does not fit {type(module).__name__}; keys {'; '.join(faults)}")
    module.load_state_dict(dict(state), strict=False)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:  # a type that PyTorch has not is a KeyError
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def _describe(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    return f"the entries {_first([f'{key} ({type(value).__name__})' for key, value in content.items()])}"


def _first(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_KEYS
    return ", ".join(names[:SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
