"""`AutoCompleter`: of several ways to complete flow, the one that is right where the flow is known."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from maskreel.inpaint.flow.completer import FlowPair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from maskreel.inpaint.flow.completer import FlowCompleter

__all__ = ["AutoCompleter", "trial_errors"]

_TRIAL_PAIRS = 12
_CLEARLY = 0.95  # of the error of an earlier candidate: what a later one must stay below to be preferred


class AutoCompleter:
    """Tries candidates on holes of the same shape elsewhere in the picture, then completes with the best of them.

    The first pairs of a run decide. Nothing is remembered from call to call, so the same flows get the same answer
    wherever and whenever a job goes on.

    Args:
        candidates: the plainest first: a later one must be better by 5 % to be preferred.

    Raises:
        ValueError: there are no candidates.
    """

    def __init__(self, candidates: Sequence[FlowCompleter]) -> None:
        if not candidates:
            raise ValueError("candidates must hold at least one completer, got none")
        self._candidates = tuple(candidates)

    def __repr__(self) -> str:
        return f"AutoCompleter({list(self._candidates)!r})"

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        """See `FlowCompleter`."""
        coming = iter(pairs)
        first = list(islice(coming, _TRIAL_PAIRS))
        if not first:
            return iter(())
        return self.chosen(first)(chain(first, coming))

    def chosen(self, pairs: Sequence[FlowPair]) -> FlowCompleter:
        """The candidate for these pairs; the first one if no flow is known to try them on."""
        best, least = self._candidates[0], np.inf
        for candidate, error in zip(self._candidates, trial_errors(self._candidates, pairs), strict=True):
            if error < _CLEARLY * least:
                best, least = candidate, error
        return best


def trial_errors(candidates: Sequence[FlowCompleter], pairs: Sequence[FlowPair]) -> list[float]:
    """Mean endpoint error, in pixels, of each candidate in the shifted regions of some consecutive pairs.

    The regions are shifted by half the picture, to the side, down, or both: whichever leaves most known flow in them.
    nan where none does.
    """
    shift = _best_shift(pairs)
    trials = [_with_trial(pair, shift) for pair in pairs]
    return [_error(candidate, pairs, trials) for candidate in candidates]


def _best_shift(pairs: Sequence[FlowPair]) -> tuple[int, int]:
    height, width = pairs[0].region.shape
    shifts = [(0, width // 2), (height // 2, 0), (height // 2, width // 2)]
    return max(shifts, key=lambda shift: sum(int(_shifted(pair, shift).sum()) for pair in pairs))


def _shifted(pair: FlowPair, shift: tuple[int, int]) -> np.ndarray:
    """bool (H, W): the region elsewhere, where flow is known."""
    return np.roll(pair.region, shift, (0, 1)) & ~pair.region


def _with_trial(pair: FlowPair, shift: tuple[int, int]) -> FlowPair:
    """The pair with its flow hidden in the shifted region too; nobody may look at what stands there."""
    trial = _shifted(pair, shift)
    forward, backward = (np.where(trial[..., None], np.float32(0), flow) for flow in (pair.forward, pair.backward))
    return FlowPair(forward, backward, pair.region | trial)


def _error(candidate: FlowCompleter, pairs: Sequence[FlowPair], trials: Sequence[FlowPair]) -> float:
    total, count = 0.0, 0
    for pair, trial, completed in zip(pairs, trials, candidate(trials), strict=True):
        where = trial.region & ~pair.region
        for truth, flow in ((pair.forward, completed.forward), (pair.backward, completed.backward)):
            total += float(np.linalg.norm(flow[where] - truth[where], axis=-1).sum())
        count += 2 * int(where.sum())
    return total / count if count else np.nan
