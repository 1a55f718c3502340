"""From a model to a checkpoint that the reference code loads."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.animate.checkpoints._anti_alias import anti_alias_weight
from maskreel.animate.checkpoints._channels import to_reference
from maskreel.animate.checkpoints._names import ANTI_ALIAS, ENTRIES, SWAP_ENTRIES, doublings, places
from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    import os

    from torch import Tensor

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.model_config import ModelConfig

__all__ = ["export_checkpoint", "unused_parameters"]


def export_checkpoint(model: AnimationModel, path: str | os.PathLike[str], *, epoch: int = 0) -> None:
    """Write `model` as the reference code saves its checkpoints, all in float32; its strict loading takes the file.

    The networks of the reference must be configured with the same sizes; their masks are 0 in the outer 3 pixels,
    whatever `border` is. There are no optimisers in the file, so that the reference animates with it, but does not
    train on. Blocks that it makes but never calls are zeros.

    Args:
        model: What to write.
        path: Of the file, usually `*-checkpoint.pth.tar`.
        epoch: What the file says of it.

    Raises:
        ValueError: The model has dilated residual blocks or skips in m and r, which the reference does not know.
    """
    if model.config.low_dilation != 1:
        raise ValueError(f"model must have low_dilation 1, as the reference has, got {model.config.low_dilation}")
    if model.config.mask_skips:
        raise ValueError("model must have no mask_skips, as the reference has none")
    content: dict[str, object] = {**_states(model), "epoch": epoch}
    with atomic_path(Path(path)) as scratch:
        torch.save(content, scratch)


def unused_parameters(config: ModelConfig) -> int:
    """Parameters that the reference keeps in L, and again in BGBase, but never uses: 369 792 in the published size."""
    return sum(value.numel() for key, value in _unused(config).items() if key.endswith(("weight", "bias")))


def _states(model: AnimationModel) -> dict[str, dict[str, Tensor]]:
    states: dict[str, dict[str, Tensor]] = {entry: {} for entry in (*ENTRIES, *SWAP_ENTRIES)}
    theirs = places(model.config)
    for key, value in model.state_dict().items():
        layer, _, leaf = key.rpartition(".")
        entry, name = theirs[layer]
        plain = value.detach().cpu()
        plain = plain.float() if plain.is_floating_point() else plain
        states[entry][f"{name}.{leaf}"] = to_reference(key, plain).clone()
    states["mask_generator"][f"{ANTI_ALIAS}.weight"] = anti_alias_weight(model.config.factor)
    for entry in ("generator", "bg_generator"):
        states[entry] |= _unused(model.config)
    return states


def _unused(config: ModelConfig) -> dict[str, Tensor]:
    """Halvings that mirror the doublings of L."""
    widths = [config.low_width // 2**level for level in range(doublings(config), -1, -1)]
    state: dict[str, Tensor] = {}
    for level, (inner, outer) in enumerate(itertools.pairwise(widths)):
        conv, norm = f"down_blocks.{level}.conv", f"down_blocks.{level}.norm"
        state |= {f"{conv}.weight": torch.zeros(outer, inner, 3, 3), f"{conv}.bias": torch.zeros(outer)}
        state |= {f"{norm}.weight": torch.ones(outer), f"{norm}.bias": torch.zeros(outer)}
        state |= {f"{norm}.running_mean": torch.zeros(outer), f"{norm}.running_var": torch.ones(outer)}
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    return state
