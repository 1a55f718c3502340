"""What accumulators keep: a sum and the weight of what was added up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Ratio"]


class Ratio:
    """A quotient whose two parts come in chunks; nan as long as the lower one is 0."""

    def __init__(self) -> None:
        self.over, self.under = 0.0, 0.0

    def add(self, over: Tensor | float, under: Tensor | float) -> None:
        """Add to both; of tensors, the sums of their elements."""
        self.over += _sum(over)
        self.under += _sum(under)

    def add_values(self, values: Tensor) -> None:
        """Count each value once; those that are nan not at all."""
        known = values[~values.isnan()]
        self.add(known.double(), float(known.numel()))

    @property
    def value(self) -> float:
        """The quotient."""
        return self.over / self.under if self.under else math.nan


def _sum(value: Tensor | float) -> float:
    return float(value) if isinstance(value, float | int) else float(value.sum())
