"""Training of a network that forecasts how objects move on and meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.training import TrainingTask
from maskreel.vfp.interaction._disturbed import disturbed
from maskreel.vfp.interaction._losses import laplace_loss
from maskreel.vfp.interaction._observed import EMPTY, Observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.vfp.interaction._held_out import HeldOut
    from maskreel.vfp.interaction._network import InteractionTransformer

__all__ = ["InteractionTask"]

TARGET_WEIGHT = 3.0
"""Of the last frame in the loss: it is the one that is asked for."""


class InteractionTask(TrainingTask):
    """Trains an `InteractionTransformer` on the items of `Scenarios` and `Recorded`.

    Every clip is mirrored as often as not, made noisy and loses some sightings, anew in each step.

    Args:
        network: The network to train.
        held_out: Real clips that it is measured on, by the names of their groups.
    """

    def __init__(self, network: InteractionTransformer, held_out: Mapping[str, HeldOut] | None = None) -> None:
        self.module = network
        self.held_out = dict(held_out or {})

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        used = max(1, int((batch["shape"] != EMPTY).sum(1).max()))  # the objects are in the first slots
        turn = 1 - 2 * torch.randint(2, batch["noise"].shape, device=batch["noise"].device)
        observed = disturbed(Observed.of_items(batch).first(used).mirrored(turn), batch["noise"])
        future = batch["future"][:, :used] * torch.stack([turn, torch.ones_like(turn)], -1)[:, None, None]
        counts = (batch["known"][:, :used] & observed.present[..., None]).float()
        counts[..., -1] *= TARGET_WEIGHT
        return {"nats": laplace_loss(module(observed), future, counts)}

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """Mean errors in frame 21 in radii of a sphere: of the network, of friction alone, and with collisions."""
        found: dict[str, float] = {}
        for name, clips in self.held_out.items():
            found[f"{name}_error"] = clips.error(module)
            found |= {f"{name}_{key}": value for key, value in clips.baselines().items()}
        return found
