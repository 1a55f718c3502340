"""From a checkpoint of the reference code to a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from maskreel.animate.checkpoints._channels import from_reference
from maskreel.animate.checkpoints._names import ANTI_ALIAS, ENTRIES, SWAP_ENTRIES, Place, is_unused, places
from maskreel.animate.checkpoints._sizes import config_of
from maskreel.animate.model import AnimationModel
from maskreel.common.errors import InputError
from maskreel.common.weights import load_into, load_state_dict, strip_prefix

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["import_checkpoint"]

logger = logging.getLogger(__name__)


def import_checkpoint(
    path: str | os.PathLike[str], *, swap: bool = True, threshold: float = 60 / 255, size: int = 256
) -> AnimationModel:
    """A model with the weights of a checkpoint of the reference code; the sizes of its networks are told from shapes.

    Optimisers, epoch and the blocks that the reference makes but never calls are left out. Nothing in the file is run.

    Args:
        path: `%08d-checkpoint.pth.tar`, as the reference saves it; names may begin with `module.`.
        swap: read BGBase and BGRefine, which only trainings with the background swap have. If False, they are not
            looked for and stay as random as they begin: the model animates, but must not swap.
        threshold: of the perturbation, which the file does not tell: 60/255 for Tai-Chi-HD and BAIR, 100/255 for
            VoxCeleb.
        size: of the pictures that the networks were trained on, which it does not tell either.

    Returns:
        The model in evaluation mode, on the CPU.

    Raises:
        InputError: The file would run code, is broken, lacks an entry, or holds other networks.
    """
    states = {entry: _entry(path, entry) for entry in ENTRIES}
    if swap:
        states |= {entry: _swap_entry(path, entry) for entry in SWAP_ENTRIES}
    model = AnimationModel(config_of(states, source=str(path), threshold=threshold, size=size))
    state = _renamed(model, states)
    if not swap:
        logger.warning("BGBase and BGRefine are untrained: %s was read without its background swap", path)
        state |= {key: value for key, value in model.state_dict().items() if key.startswith(("bg_base", "bg_refine"))}
    load_into(model, state, source=str(path))
    return model.eval()


def _entry(path: str | os.PathLike[str], entry: str) -> dict[str, Tensor]:
    try:
        return strip_prefix(load_state_dict(path, entry=entry), "module.")
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} mixes names in its entry '{entry}': {error}") from error


def _swap_entry(path: str | os.PathLike[str], entry: str) -> dict[str, Tensor]:
    try:
        return _entry(path, entry)
    except InputError as error:
        raise InputError(f"{error}; without its background swap it can be read with swap=False") from error


def _renamed(model: AnimationModel, states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """By our names, channels in our order; what is unknown keeps its name, with the entry before it."""
    ours = {place: layer for layer, place in places(model.config).items()}
    renamed = {}
    for entry, state in states.items():
        for name, value in state.items():
            layer, _, leaf = name.rpartition(".")
            if (entry == "mask_generator" and layer == ANTI_ALIAS) or is_unused(layer):
                continue
            key = f"{ours.get(Place(entry, layer), f'{entry}: {layer}')}.{leaf}"
            renamed[key] = from_reference(key, value)
    return renamed
