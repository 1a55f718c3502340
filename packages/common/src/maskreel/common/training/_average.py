"""An exponential moving average of the weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """The average of every floating-point tensor in a module's state: parameters and batch norm statistics.

    The decay of update number n is min(decay, (1 + n) / (10 + n)), so that the first steps are soon forgotten
    (as in TensorFlow's `ExponentialMovingAverage`).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay = module, decay
        self._averages = {name: value.clone() for name, value in self._live().items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        live = self._live()
        get_ema_multi_avg_fn(decay)(list(self._averages.values()), [live[name] for name in self._averages], step)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module holds the averages inside the block."""
        kept = {name: value.clone() for name, value in self._live().items()}
        self._set(self._averages)
        try:
            yield
        finally:
            self._set(kept)

    def state(self) -> dict[str, Tensor]:
        return dict(self._averages)

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        for name, average in self._averages.items():
            average.copy_(state[name])

    @torch.no_grad()
    def _set(self, values: dict[str, Tensor]) -> None:
        for name, value in self._live().items():
            value.copy_(values[name])

    def _live(self) -> dict[str, Tensor]:
        return {name: value for name, value in self._module.state_dict().items() if value.is_floating_point()}
