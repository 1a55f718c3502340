"""How a mask is forecast; every field is a flag of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Literal

__all__ = ["ForecastConfig", "Method"]

Method = Literal["best", "objects", "masks", "frames", "copy"]


@dataclass(frozen=True)
class ForecastConfig:
    """The forecaster and its parts. A part that is not named is the one that comes with the package."""

    method: Method = "best"
    """How to forecast: by simulated objects; by a network on masks; by predicted frames that are segmented; as the last
    observed mask; best is the first two together."""
    segmenter: Path | None = None
    """Weights of the network that finds the objects in frames."""
    predictor: Path | None = None
    """Weights of the network that predicts frames."""
    masks: Path | None = None
    """Weights of the network that forecasts in the space of masks."""
    table: Path | None = None
    """Camera and motion, fitted to training masks by `maskreel vfp fit-table`."""
    interaction: Path | None = None
    """Weights of the network that forecasts how objects move on and meet."""
    futures: int = 128
    """Futures that are drawn for every clip."""
    threshold: float | None = None
    """Probability from which a pixel is given to an object; by default the one that fitted the training clips best."""
    seed: int = 0
    """Of the futures: the same seed gives the same masks."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks compute; auto is cuda where there is a device."""

    def __post_init__(self) -> None:
        if self.futures < 1:
            raise ValueError(f"futures must be 1 or more, got {self.futures}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
