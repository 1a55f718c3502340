"""A start from which little has to be learnt before pictures are worth looking at."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.networks import HighResolution

__all__ = ["pass_pictures_on", "take_over"]

logger = logging.getLogger(__name__)

_GUIDED = ("high_resolution", "bg_refine")
"""Networks with another purpose in guided models."""

_MASKS = ("mask_generator", "mask_refiner")

_DECODER = "hourglass.decoder."
_DOUBLING = re.compile(rf"{re.escape(_DECODER)}(\d+)\.")

_SLOPE = 5.0
"""sigmoid(5 (x - 1/2)) is within 0.08 of x in [0, 1]."""
_REST = 0.1


def pass_pictures_on(model: AnimationModel) -> None:
    """Let H begin with about the source, and BGRefine with about foreground plus background.

    The last convolution of both sees the input beside the features, so it can hand pictures on. What the features add
    begins small. Published training begins with noise instead and needs many steps to learn this. Guided networks
    begin with changing next to nothing.
    """
    _pass_on(model.high_resolution, [] if model.config.guided else [0])
    _pass_on(model.bg_refine, [] if model.config.guided else [5, 8])


@torch.no_grad()
def _pass_on(network: HighResolution, pictures: Sequence[int]) -> None:
    """The channels from `pictures` on, three each, summed."""
    head, width = network.head, network.head.in_channels - network.channels
    head.weight.mul_(_REST)
    middle = head.kernel_size[0] // 2
    for first in pictures:
        for channel in range(3):
            head.weight[channel, width + first + channel, middle, middle] += _SLOPE
    assert head.bias is not None, "it is made with one"
    head.bias.fill_(-_SLOPE / 2 if pictures else 0)


def _with_skips(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions get zeros for the channels that skips bring, which stand behind the others."""
    return {name: _widened(value, wanted[name]) if name in wanted else value for name, value in state.items()}


def _widened(value: Tensor, wanted: Tensor) -> Tensor:
    missing = wanted.shape[1] - value.shape[1] if value.dim() == wanted.dim() == 4 else 0
    return F.pad(value, (0, 0, 0, 0, 0, missing)) if missing > 0 else value


def _deeper(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An hourglass with skips gets lower levels as they are in `wanted`, with zeros where its lowest doubling sees them
    before what it has seen so far."""
    more = _levels(wanted) - _levels(state)
    if more <= 0:
        return dict(state)
    first = f"{_DECODER}{more}."
    result = dict(wanted)
    for name, value in state.items():
        kept = _DOUBLING.sub(lambda found: f"{_DECODER}{int(found[1]) + more}.", name)
        missing = wanted[kept].shape[1] - value.shape[1] if kept.startswith(first) and value.dim() == 4 else 0
        result[kept] = F.pad(value, (0, 0, 0, 0, missing, 0)) if missing > 0 else value
    return result


def _levels(state: Iterable[str]) -> int:
    return len({found[1] for found in map(_DOUBLING.match, state) if found})


def take_over(model: AnimationModel, other: AnimationModel, *, told: str) -> None:
    """Copy those networks of another model that are of the same sizes and purpose; the others stay as they are.

    m and r without skips are taken over by those with skips, too, which begin with making nothing of them; and those
    with skips by deeper ones, which begin with making nothing of their lower levels.

    Args:
        model: is changed.
        other: where they come from.
        told: how messages call it.

    Raises:
        InputError: None fits.
    """
    taken = []
    for name, network in model.named_children():
        state = other.get_submodule(name).state_dict()
        if name in _MASKS and model.config.mask_skips:
            grown = _deeper if other.config.mask_skips else _with_skips
            state = grown(state, network.state_dict())
        fits = {key: value.shape for key, value in network.state_dict().items()} == {
            key: value.shape for key, value in state.items()
        }
        if fits and (model.config.guided == other.config.guided or name not in _GUIDED):
            network.load_state_dict(state)
            taken.append(name)
    if not taken:
        raise InputError(f"{told} holds no network of the sizes that are asked for")
    logger.info("%s from %s", ", ".join(taken), told)
