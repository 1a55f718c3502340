"""Saved U-Nets: half precision on disk, single precision in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.unet._network import UNet
from maskreel.common.weights import load_into, load_state_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


def save_unet(network: UNet, path: str | os.PathLike[str], *, class_names: Sequence[str]) -> None:
    """Write the weights in half precision as .safetensors, with the channel order and the names of the classes.

    Raises:
        ValueError: The path does not end in .safetensors, the names are not as many as the classes, or a value is too
            large for half precision.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path}")
    if len(class_names) != network.classes:
        raise ValueError(f"class_names must be {network.classes}, one per class, got {len(class_names)}")
    half = {key: value.detach().cpu().half() for key, value in network.state_dict().items()}
    if unfit := [key for key, value in half.items() if not value.isfinite().all()]:
        raise ValueError(f"network must hold finite values below 65504 only, but {unfit[0]} does not")
    with atomic_path(path) as scratch:
        save_file(half, scratch, metadata={"channel_order": '"RGB"', "classes": json.dumps(list(class_names))})


def load_unet(path: str | os.PathLike[str], *, class_names: Sequence[str]) -> UNet:
    """A saved U-Net, frozen and in evaluation mode.

    Args:
        path: What `save_unet` wrote.
        class_names: The classes that the caller expects, background first.

    Raises:
        InputError: The file is missing, broken, of another network, or was trained with other classes or channel order.
    """
    from safetensors import safe_open

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected weights that were saved with save_unet")
    network = UNet(len(class_names))
    load_into(network, load_state_dict(path), source=str(path))
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    for key, expected in (("channel_order", "RGB"), ("classes", list(class_names))):
        if key not in metadata or json.loads(metadata[key]) != expected:
            raise InputError(f"{path} was saved for {key} {metadata.get(key, 'unknown')[:80]}, which is not expected")
    return network.eval().requires_grad_(False)
