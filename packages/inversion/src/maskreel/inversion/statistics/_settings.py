"""`StatisticsSettings`: which layers count, and what their distance is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class StatisticsSettings:
    """How far the statistics of images are from those of a network.

    Raises:
        ValueError: A value is out of range, or `first` and `share` are both given.
    """

    form: Literal["normalised", "published"] = "normalised"
    """normalised: mean over the layers of a distance without units, near 1 for one real image. published:
    DeepInversion's sum over the layers of ||mean - stored mean|| + ||variance - stored variance||."""
    norm: Literal[1, 2] = 2
    """p of the norm over the channels of a layer."""
    first_multiplier: float = 1.0
    """Weight of the first layer; all others have 1. DeepInversion has 10."""
    variance_weight: float = 1.0
    """Weight of the variances against the means."""
    per_image: bool = False
    """Compare every image by itself instead of the whole batch; the loss is then one value per image."""
    first: int | None = None
    """Only the first so many layers."""
    share: float = 1.0
    """Only this share of the layers, from the first on."""
    names: tuple[str, ...] = ()
    """Only layers with these names; * stands for any characters. None given: all."""

    def __post_init__(self) -> None:
        if self.form not in ("normalised", "published"):
            raise ValueError(f"form must be normalised or published, got {self.form!r}")
        if self.norm not in (1, 2):
            raise ValueError(f"norm must be 1 or 2, got {self.norm}")
        for name in ("first_multiplier", "variance_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.first is not None and self.first < 1:
            raise ValueError(f"first must be 1 or more layers, got {self.first}")
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {self.share}")
        if self.first is not None and self.share != 1:
            raise ValueError(f"give first or share, not both, got first = {self.first} and share = {self.share}")
