"""What a part writes to have something trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


class TrainingTask(ABC):
    """What is trained and how good it is; `losses` is all that a task must have.

    The methods are given `module`, which is `self.module` on the device of the run; in `evaluate` and `samples` it is
    in evaluation mode, without gradients, and holds the averaged weights if the config asks for an average.
    """

    module: nn.Module
    """Everything that is trained or saved (a `ModuleDict` if it is several). Parameters without `requires_grad` stay
    as they are. What must not follow `module.train()`, like a frozen batch norm, overrides `train` itself."""
    step: int = 0
    """Optimiser steps done, as the loop tells it before each call of `losses`."""
    idle_parameters: bool = False
    """Whether some parameters may take no part in a step; several processes must know, and are a little slower."""
    same_layers: bool | None = None
    """Whether, in several processes, all of them pass the same batch norm layers in the same order in every step, as
    they must for statistics of the whole batch; where they might not, each normalises its own share. What decides the
    way is then to be drawn with `same_in_all`. None: yes, unless there are idle parameters."""

    def identity(self) -> Mapping[str, Any]:
        """What the losses depend on, beside the config of the training: weights of their parts, when they begin.

        Plain values by name. A run that was begun with others is not gone on with.
        """
        return {}

    @abstractmethod
    def losses(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """Scalars by name, each a mean over the batch; their sum is minimised.

        The tensors of `batch` (in dicts, lists and tuples) are on the device already. The names must be the same in
        every step. With several processes every parameter must take part in every step, or `idle_parameters` be set.
        """

    def evaluate(self, module: nn.Module) -> Mapping[str, float]:
        """Held-out quality by name; none unless a task overrides this.

        Every process calls it, so a task may share the work and reduce; what the first process returns counts.
        """
        del module
        return {}

    def samples(self, module: nn.Module) -> Tensor | None:
        """A picture, uint8 (3, H, W), of what the network does now; none unless a task overrides this."""
        del module
        return None
