"""Saved U-Nets: half precision on disk, single precision in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.unet._network import UNet
from maskreel.common.weights import check_expectations, load_into, load_state_dict, save_half

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


def save_unet(network: UNet, path: str | os.PathLike[str], *, class_names: Sequence[str]) -> None:
    """Write the weights in half precision as .safetensors, with the channel order and the names of the classes.

    Raises:
        ValueError: The path does not end in .safetensors, the names are not as many as the classes, or a value is too
            large for half precision.
    """
    if len(class_names) != network.classes:
        raise ValueError(f"class_names must be {network.classes}, one per class, got {len(class_names)}")
    save_half(path, network, _expectations(class_names))


def load_unet(path: str | os.PathLike[str], *, class_names: Sequence[str]) -> UNet:
    """A saved U-Net, frozen and in evaluation mode.

    Args:
        path: What `save_unet` wrote.
        class_names: The classes that the caller expects, background first.

    Raises:
        InputError: The file is missing, broken, of another network, or was trained with other classes or channel order.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected weights that were saved with save_unet")
    network = UNet(len(class_names))
    load_into(network, load_state_dict(path), source=str(path))
    check_expectations(path, _expectations(class_names))
    return network.eval().requires_grad_(False)


def _expectations(class_names: Sequence[str]) -> dict[str, object]:
    return {"channel_order": "RGB", "classes": list(class_names)}
