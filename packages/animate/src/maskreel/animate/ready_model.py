"""The networks as an animation runs them: on their device, with the wanted border, precision and graph."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from maskreel.common.device import chosen_device

if TYPE_CHECKING:
    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.model import AnimationModel

__all__ = ["made_ready", "plain_model", "ready_model"]


def ready_model(config: AnimateConfig, given: AnimationModel | None = None) -> AnimationModel:
    """Those that the config names, or a copy of the given ones.

    Raises:
        InputError: the weights cannot be used, or the device is not there.
    """
    return made_ready(plain_model(config, given), config)


def plain_model(config: AnimateConfig, given: AnimationModel | None = None) -> AnimationModel:
    """The same before anything is done for speed, for `made_ready`, which changes it.

    Raises:
        InputError: the weights cannot be used.
    """
    from maskreel.animate.weights import load_model

    return load_model(config.weights) if given is None else copy.deepcopy(given)


def made_ready(model: AnimationModel, config: AnimateConfig) -> AnimationModel:
    """On its device, with border, precision and graph of the config; `model` itself is used up.

    Raises:
        InputError: the device is not there.
    """
    import torch

    device = chosen_device(config.device)
    if config.mask_border != "model":
        model.mask_generator.border = config.mask_border
    model = model.eval().requires_grad_(False).to(device)
    if not config.fused:
        return model
    from maskreel.animate.fused import fused

    return fused(model, dtype=torch.bfloat16 if config.precision == "bf16" else torch.float32)
