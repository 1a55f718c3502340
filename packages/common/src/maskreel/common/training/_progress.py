"""How far a run is: the part of its state that is neither weights nor random numbers."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Progress"]


@dataclass
class Progress:
    """Plain values, saved with each checkpoint."""

    step: int = 0
    """Steps done."""
    sums: dict[str, float] = field(default_factory=dict)
    """Losses since the last line of the log."""
    summed: int = 0
    """Steps in `sums`."""
    losses: dict[str, float] = field(default_factory=dict)
    """The last logged means."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What the last evaluation gave."""
    evaluated: int = 0
    """The step of the last evaluation."""
    best: float | None = None
    """The best value of the chosen metric."""
    earlier_seconds: float = 0.0
    """Time before the last interruption."""

    def __post_init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time in training so far, over all the interruptions."""
        return self.earlier_seconds + time.monotonic() - self._started

    def state(self) -> dict[str, Any]:
        return asdict(self) | {"earlier_seconds": self.seconds}

    def load(self, state: dict[str, Any]) -> None:
        self.__init__(**state)
