"""Completion of flow where it cannot be trusted: what every completer does, and two that need no weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from maskreel.inpaint.flow.completion import complete_flow
from maskreel.inpaint.painting.harmonic import harmonic_fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BackgroundCompleter", "FlowCompleter", "FlowPair", "LaplaceCompleter"]


@dataclass(frozen=True, repr=False)
class FlowPair:
    """The flow between frame t and frame t + 1, both ways."""

    forward: np.ndarray
    """float32 (H, W, 2), pixels, x first: from frame t to t + 1."""
    backward: np.ndarray
    """float32 (H, W, 2), pixels, x first: from frame t + 1 to t."""
    region: np.ndarray
    """bool (H, W): where neither is to be trusted (union of both frames' flow masks)."""

    def __post_init__(self) -> None:
        if self.region.dtype != np.bool_ or self.region.ndim != 2:
            raise ValueError(f"region must be bool (H, W), got {self.region.dtype} {self.region.shape}")
        for name in ("forward", "backward"):
            flow: np.ndarray = getattr(self, name)
            if flow.dtype != np.float32 or flow.shape != (*self.region.shape, 2):
                raise ValueError(f"{name} must be float32 {(*self.region.shape, 2)}, got {flow.dtype} {flow.shape}")

    def __repr__(self) -> str:
        return f"FlowPair({self.region.shape[0]}x{self.region.shape[1]}, {self.region.mean():.1%} untrusted)"


class FlowCompleter(Protocol):
    """Anything that replaces untrusted flow. Its `repr` tells all that decides the result (it names caches)."""

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        """Completed flows of consecutive pairs, in order, one for each, with the same `region`; bit-equal to the
        input outside `region`. Holds a bounded number of pairs."""
        ...


@dataclass(frozen=True)
class BackgroundCompleter:
    """Every flow by itself: a motion model of the background plus what the border deviates from it."""

    reject_px: float = 1.0
    """See `complete_flow`."""
    fade_px: float = 60.0
    """See `complete_flow`."""

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair in pairs:
            yield FlowPair(self._completed(pair.forward, pair), self._completed(pair.backward, pair), pair.region)

    def _completed(self, flow: np.ndarray, pair: FlowPair) -> np.ndarray:
        return complete_flow(flow, pair.region, reject_px=self.reject_px, fade_px=self.fade_px)


@dataclass(frozen=True)
class LaplaceCompleter:
    """Every flow by itself, interpolated smoothly from the border of the region: the baseline."""

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair in pairs:
            yield FlowPair(
                harmonic_fill(pair.forward, pair.region), harmonic_fill(pair.backward, pair.region), pair.region
            )
