"""Checkpoints of OpenMMLab and NVIDIA: a state dict, and what is written beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import load_checkpoint, load_state_dict, short_identity, strip_prefix

if TYPE_CHECKING:
    import os


class Checkpoint(NamedTuple):
    """What a file holds."""

    state: dict[str, torch.Tensor]
    meta: dict[str, Any]
    """What OpenMMLab writes beside the weights, such as class names; empty where there is nothing."""
    path: Path

    @property
    def description(self) -> str:
        """See `short_identity`."""
        return short_identity(self.path)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, or a state dict alone, onto the CPU without running code from it.

    Raises:
        InputError: there is no such file, or it holds no weights, or it would run code when it is read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such weights file")
    content = load_state_dict(path) if path.suffix == ".safetensors" else load_checkpoint(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    if not isinstance(state, dict) or not state or not all(isinstance(x, torch.Tensor) for x in state.values()):
        raise InputError(f"{path} must hold weights, or an entry 'state_dict' with weights, but it does not")
    meta = content.get("meta")
    return Checkpoint(strip_prefix(dict(state), "module."), meta if isinstance(meta, dict) else {}, path)
