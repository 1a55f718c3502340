"""Building, saving and loading networks that forecast masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
from maskreel.vfp.masks._config import MaskNetworkConfig
from maskreel.vfp.masks._object_network import ObjectMaskNetwork
from maskreel.vfp.masks._token_network import TokenMaskNetwork
from maskreel.vfp.saved import load_network, save_network, shipped

if TYPE_CHECKING:
    import os

    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.vfp.masks._network import MaskNetwork

__all__ = ["build_mask_network", "load_mask_network", "save_mask_network"]

EXPECTS = {"kind": "mask network", "classes": list(SHAPES_CLASS_NAMES)}


def build_mask_network(config: MaskNetworkConfig | None = None) -> MaskNetwork:
    """A network with fresh weights from torch's global generator."""
    config = config or MaskNetworkConfig()
    return ObjectMaskNetwork(config) if config.design == "objects" else TokenMaskNetwork(config)


def save_mask_network(network: MaskNetwork, path: str | os.PathLike[str], record: TrainingRecord | None = None) -> None:
    """Write a network in half precision as .safetensors, with its configuration; the record goes beside it as .json.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    save_network(path, network, network.config, expects=EXPECTS, record=record)


def load_mask_network(path: str | os.PathLike[str] | None = None) -> MaskNetwork:
    """A saved network, frozen and in evaluation mode.

    Args:
        path: What `save_mask_network` wrote; None: the network that comes with the package, trained on the table scene.

    Raises:
        InputError: The file is missing, broken, of another network or for other classes.
    """
    source = shipped("masks") if path is None else path
    return load_network(source, build_mask_network, MaskNetworkConfig, expects=EXPECTS)[0]
