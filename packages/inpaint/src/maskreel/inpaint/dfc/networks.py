"""The network of one stage of DFC-Net: a new one, or one with the values of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.weights import load_into
from maskreel.inpaint.dfc.dfc_s import dfc_s, dfc_s_movie
from maskreel.inpaint.dfc.small import CELLS, SmallStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.inpaint.dfc_training.settings import Network

__all__ = ["filled_stage", "network_of", "new_stage"]

_RESNET_101_ONLY = "layer3.6.conv1.weight"
_SMALL_ONLY = "stem.weight"


def new_stage(network: Network, number: int, *, cells: int | None = CELLS) -> torch.nn.Module:
    """Stage 1, 2 or 3 with first values; `cells` is for the small network alone."""
    channels = (33, 2) if number == 1 else (66, 4)
    return SmallStage(*channels, cells=cells) if network == "small" else dfc_s(*channels)


def network_of(state: Mapping[str, torch.Tensor]) -> Network:
    """Which network a stage's state is of, by its names."""
    return "small" if _SMALL_ONLY in state else "dfc-s"


def filled_stage(
    state: Mapping[str, torch.Tensor], number: int, *, network: Network, source: str, cells: int | None = CELLS
) -> torch.nn.Module:
    """Stage 1, 2 or 3 with the values of a state; a first stage on a ResNet-101 is recognised by its names.

    Args:
        state: of the stage alone, in any precision; counters of batch norm, which old checkpoints lack, may be missing.
        number: which stage.
        network: what it is.
        source: what an error calls the state.
        cells: of the small network.

    Raises:
        InputError: the state does not fit.
    """
    # On the meta device first values, which are replaced at once, take no time, memory or random numbers.
    with torch.device("meta"):
        movie = network == "dfc-s" and number == 1 and _RESNET_101_ONLY in state
        stage = dfc_s_movie() if movie else new_stage(network, number, cells=cells)
    stage.to_empty(device="cpu")
    for name, counter in stage.named_buffers():
        if name.endswith("num_batches_tracked"):
            counter.zero_()
    load_into(stage, state, source=source)
    return stage
