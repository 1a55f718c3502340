"""Published checkpoints: A4Bio's SimVP, OpenSTL's SimVP (gSTA, TAU, IncepU) and ConvLSTM."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into, load_state_dict, strip_prefix

if TYPE_CHECKING:
    import os

    import torch

    from maskreel.vfp.networks._convlstm import ConvLSTM
    from maskreel.vfp.networks._simvp import SimVP

__all__ = ["load_published"]

WRAPPERS = ("module.", "model.", "module.")
"""What DataParallel and Lightning put before every name; either may hold the other."""
DEAD = re.compile(r"cell_list\.\d+\.conv_(o\.0|last)\.weight")
"""OpenSTL's ConvLSTM stores these, but no output depends on them."""


def load_published(network: SimVP | ConvLSTM, path: str | os.PathLike[str]) -> None:
    """Load a checkpoint of the original SimVP or of OpenSTL, as it was published, into a network of the same shape.

    The file may be a state dict or a training checkpoint with one as "state_dict", and it may come from DataParallel or
    from Lightning. Nothing in the file is executed.

    Args:
        network: Of a configuration that fits; the first SimVP needs `layout="original"`.
        path: A .pth, .ckpt or .safetensors file.

    Raises:
        InputError: The file is missing, broken, holds more than tensors where they belong, or is of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected a published checkpoint")
    state = _read(path)
    for prefix in WRAPPERS:
        state = strip_prefix(state, prefix)
    load_into(network, {key: value for key, value in state.items() if not DEAD.fullmatch(key)}, source=str(path))


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_state_dict(path)
    except InputError as plain:
        try:
            return load_state_dict(path, entry="state_dict")
        except InputError:
            raise plain from None
