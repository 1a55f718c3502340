"""Building, saving and loading networks of objects that meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.vfp.interaction._config import InteractionConfig
from maskreel.vfp.interaction._features import LAYOUT
from maskreel.vfp.interaction._network import InteractionTransformer
from maskreel.vfp.saved import load_network, save_network, shipped

if TYPE_CHECKING:
    import os

    from maskreel.common.maskrcnn import TrainingRecord

__all__ = ["build_interaction", "load_interaction", "save_interaction"]

EXPECTS = {"kind": "interaction network", "layout": LAYOUT}


def build_interaction(config: InteractionConfig | None = None) -> InteractionTransformer:
    """A network with fresh weights from torch's global generator."""
    return InteractionTransformer(config or InteractionConfig())


def save_interaction(
    network: InteractionTransformer, path: str | os.PathLike[str], record: TrainingRecord | None = None
) -> None:
    """Write a network in half precision as .safetensors, with its configuration; the record goes beside it as .json.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    save_network(path, network, network.config, expects=EXPECTS, record=record)


def load_interaction(path: str | os.PathLike[str] | None = None) -> InteractionTransformer:
    """A saved network, frozen and in evaluation mode.

    Args:
        path: What `save_interaction` wrote; None: the network that comes with the package, trained on the table scene.

    Raises:
        InputError: The file is missing, broken, of another network or of another layout of features.
    """
    source = shipped("interaction") if path is None else path
    return load_network(source, build_interaction, InteractionConfig, expects=EXPECTS)[0]
