"""Forecasters, baselines and bounds side by side, on the same clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from maskreel.vfp.evaluation._breakdown import ForecastBreakdown, GroupScore
from maskreel.vfp.evaluation._events import clip_events
from maskreel.vfp.evaluation._metric import ForecastMetric, ForecastScore

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from maskreel.vfp.evaluation._metric import Interval

__all__ = ["Role", "Scoreboard", "Standing"]

Role = Literal["forecaster", "baseline", "oracle", "bound"]
"""What a row of the table is: under test; needs no training; was given true masks of the observed frames; cannot be
beaten but by guessing."""


@dataclass(frozen=True)
class Standing:
    """One row of the table."""

    name: str
    role: Role
    score: ForecastScore
    gain: float
    """`iou` less that of copy-last."""
    gain_interval: Interval
    """95 %, by draws of clips that are the same for both."""
    groups: tuple[GroupScore, ...]
    """By shape, material, colour and event."""
    clips: tuple[float, ...]
    """`iou_clip` of every clip, in the order of the data set."""


class Scoreboard:
    """Counts what several forecasters say about the same clips.

    Args:
        roles: Name of each row -> what it is, in the order of the table.
        reference: The row that the others are measured against.
    """

    def __init__(self, roles: Mapping[str, Role], reference: str) -> None:
        if reference not in roles:
            raise ValueError(f"reference must be one of {', '.join(roles)}, got {reference!r}")
        self._roles = dict(roles)
        self._reference = reference
        self._metrics = {name: ForecastMetric() for name in roles}
        self._breakdowns = {name: ForecastBreakdown() for name in roles}

    def update(self, forecasts: Mapping[str, torch.Tensor], labels: torch.Tensor) -> None:
        """Count one clip.

        Args:
            forecasts: For each row uint8 (H, W), the forecast of the last label map.
            labels: uint8 (T, H, W), the true label maps of the whole clip.
        """
        if set(forecasts) != set(self._roles):
            raise ValueError(f"forecasts must be those of {', '.join(self._roles)}, got {', '.join(forecasts)}")
        events = clip_events(labels)
        for name, forecast in forecasts.items():
            self._metrics[name].update(forecast, labels[-1])
            self._breakdowns[name].update(forecast, labels[-1], events)

    def standings(self, *, resamples: int = 1000, seed: int = 0) -> tuple[Standing, ...]:
        """The rows in their order. Raises ValueError if no clip has been counted."""
        reference = self._metrics[self._reference]
        return tuple(
            Standing(
                name,
                role,
                metric.compute(resamples=resamples, seed=seed),
                *metric.gain_over(reference, resamples=resamples, seed=seed),
                self._breakdowns[name].compute(),
                tuple(metric.of_clips().tolist()),
            )
            for (name, role), metric in zip(self._roles.items(), self._metrics.values(), strict=True)
        )
