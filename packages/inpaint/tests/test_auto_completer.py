"""The completer that is chosen by trial: errors by hand, the choice, and that the choice changes nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.inpaint.flow.auto_completer import AutoCompleter, trial_errors
from maskreel.inpaint.flow.completer import BackgroundCompleter, FlowPair, LaplaceCompleter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZE = (48, 64)


@dataclass(frozen=True)
class Constant:
    """Completes with one vector everywhere."""

    x: float
    y: float

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair in pairs:
            filled = np.array([self.x, self.y], np.float32)
            yield FlowPair(
                np.where(pair.region[..., None], filled, pair.forward),
                np.where(pair.region[..., None], -filled, pair.backward),
                pair.region,
            )


def moving(x: float, y: float, count: int = 4, size: tuple[int, int] = SIZE) -> list[FlowPair]:
    """A background in motion, with a thing in a box that moves otherwise."""
    pairs = []
    for t in range(count):
        region = np.zeros(size, bool)
        region[10:30, 5 + t : 20 + t] = True
        forward = np.broadcast_to(np.array([x, y], np.float32), (*size, 2)).copy()
        forward[region] = 9.0
        pairs.append(FlowPair(forward, -forward, region))
    return pairs


def test_errors_of_constant_guesses() -> None:
    errors = trial_errors([Constant(3, 0), Constant(0, 4), Constant(3, 1)], moving(3, 0))
    assert errors == pytest.approx([0.0, 5.0, 1.0])


def test_candidates_never_see_what_is_hidden() -> None:
    truth = moving(3, 0)

    def spying(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair, trial in zip(truth, pairs, strict=True):
            hidden = trial.region & ~pair.region
            assert hidden.any()
            assert not trial.forward[hidden].any()
            assert not trial.backward[hidden].any()
            yield trial

    assert trial_errors([spying], truth) == pytest.approx([3.0])  # it leaves zeros where the flow is (3, 0)


def test_the_better_one_completes_all_pairs() -> None:
    pairs = moving(2, -1, count=20)
    chosen = AutoCompleter([Constant(0, 0), Constant(2, -1)])
    completed = list(chosen(iter(pairs)))
    assert len(completed) == 20
    for pair, done in zip(pairs, completed, strict=True):
        np.testing.assert_allclose(done.forward, np.broadcast_to(np.array([2, -1], np.float32), done.forward.shape))
        assert np.array_equal(done.region, pair.region)


def test_a_plainer_one_is_kept_unless_another_is_clearly_better() -> None:
    near, nearer = Constant(3, 1.0), Constant(3, 0.97)
    assert AutoCompleter([near, nearer]).chosen(moving(3, 0)) is near
    assert AutoCompleter([near, Constant(3, 0.9)]).chosen(moving(3, 0)) != near


def test_background_beats_interpolation_where_things_move_along_the_hole() -> None:
    """The rim of the hole moves with the thing, as classical flow makes it: interpolation carries that inside."""
    pairs = []
    for pair in moving(3, 0):
        rim = np.zeros(SIZE, bool)
        ys, xs = np.nonzero(np.roll(pair.region, SIZE[1] // 2, 1))
        rim[ys.min() - 3 : ys.max() + 4, xs.min() - 3 : xs.max() + 4] = True
        forward = np.where((rim & ~np.roll(pair.region, SIZE[1] // 2, 1))[..., None], np.float32(-4), pair.forward)
        pairs.append(FlowPair(forward, -forward, pair.region))
    background = BackgroundCompleter()
    assert AutoCompleter([LaplaceCompleter(), background]).chosen(pairs) is background


def test_nothing_known_and_nothing_at_all() -> None:
    zero = np.zeros((*SIZE, 2), np.float32)
    blind = [FlowPair(zero, zero, np.ones(SIZE, bool))]
    first = Constant(1, 1)
    assert AutoCompleter([first, Constant(0, 0)]).chosen(blind) is first
    assert list(AutoCompleter([first])([])) == []


def test_needs_candidates_and_tells_them() -> None:
    with pytest.raises(ValueError, match="at least one completer, got none"):
        AutoCompleter([])
    assert repr(AutoCompleter([Constant(1, 2)])) == "AutoCompleter([Constant(x=1, y=2)])"
