"""Which inputs of a recurrent network are true frames while it learns: scheduled sampling, forwards and in reverse."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class ScheduledSampling:
    """True frames after the observed ones are fed ever more seldom (Bengio et al. 2015, arXiv 1506.03099).

    The defaults are OpenSTL's for Moving MNIST.
    """

    decay: float = 2e-5
    """How much the chance of a true frame falls from 1 with every iteration."""
    stop: int = 50_000
    """From this iteration on the chance is 0."""

    def rate(self, iteration: int) -> float:
        """The chance that an input after the observed frames is a true frame."""
        return max(1.0 - self.decay * iteration, 0.0) if iteration < self.stop else 0.0

    def feed(
        self, iteration: int, *, batch: int, observed: int, steps: int, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """True where the true frame is fed: bool (batch, observed + steps - 1), drawn anew for each clip and step.

        Args:
            iteration: Counted from 0.
            batch: Number of clips.
            observed: Frames that are given.
            steps: Frames to predict after them.
            generator: Source of chance, on the CPU.
        """
        return _draw([1.0] * observed + [self.rate(iteration)] * (steps - 1), batch, generator)


@dataclass(frozen=True)
class ReverseScheduledSampling:
    """Observed frames are fed ever more often, later ones ever more seldom (Wang et al. 2021, arXiv 2103.09504).

    The defaults are OpenSTL's.
    """

    start: int = 25_000
    """Until this iteration both chances are 1/2."""
    stop: int = 50_000
    """From this iteration on observed frames are always fed, and others never."""
    scale: float = 5000.0
    """Iterations in which the chance that an observed frame is not fed falls by the factor e."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"start must be in [0, stop), got {self.start} with stop {self.stop}")

    def rates(self, iteration: int) -> tuple[float, float]:
        """The chances that a true frame is fed: among the observed ones after the first, and after them."""
        if iteration < self.start:
            return 0.5, 0.5
        if iteration >= self.stop:
            return 1.0, 0.0
        since = iteration - self.start
        return 1.0 - 0.5 * math.exp(-since / self.scale), 0.5 - 0.5 * since / (self.stop - self.start)

    def feed(
        self, iteration: int, *, batch: int, observed: int, steps: int, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """As `ScheduledSampling.feed`; only the first frame is always true."""
        context, future = self.rates(iteration)
        return _draw([1.0] + [context] * (observed - 1) + [future] * (steps - 1), batch, generator)


def _draw(chances: list[float], batch: int, generator: torch.Generator | None) -> torch.Tensor:
    # rand is below 1, so a chance of 1 is certain, and one of 0 never happens.
    return torch.rand(batch, len(chances), generator=generator) < torch.tensor(chances)
