"""A table scene whose label maps are like somebody's real ones."""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from maskreel.common.world._statistics import MaskStatistics
from maskreel.common.world._table.scene import TableScene
from maskreel.common.world._workers import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FINEST = 0.25


@dataclass(frozen=True)
class Calibration:
    """What a fit has found."""

    scene: TableScene
    statistics: MaskStatistics
    """Of clips of the scene."""
    distance: float
    """How far these are from those that were wanted, see `statistics_distance`."""
    start_distance: float
    """The same for the default scene."""


def calibrate(
    wanted: MaskStatistics,
    *,
    clips: int = 120,
    rounds: int = 24,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Calibration:
    """Fit speed, friction, size, entry times and numbers of objects of a `TableScene` to statistics of real masks.

    A descent: in each round every parameter is tried a step up and a step down, all on the same seeds, and the best
    change is kept; when none helps, the steps are halved. The result is a local optimum, as good as the number of clips
    allows: with 120 of them, copy-last is certain to about 0.02.

    Args:
        wanted: Measured on the real masks.
        clips: Clips that are simulated for every scene that is tried.
        rounds: At most so many changes.
        seed: Of the simulated clips.
        workers: Processes; None: one per core; 0: everything in this process.
        progress: Called with 1 after every round.

    Raises:
        ValueError: A number is out of its range.
    """
    for name, value, least in (("clips", clips, 1), ("rounds", rounds, 0), ("seed", seed, 0), ("workers", workers, 0)):
        if value is not None and value < least:
            raise ValueError(f"{name} must be {least} or more, got {value}")
    measure = partial(measure_scene, clips=clips, seed=seed)
    scene = TableScene(size=wanted.size)
    found = measure(scene)
    distance = start = statistics_distance(found, wanted)
    step = 1.0
    with _Map(workers) as each:
        for _ in range(rounds):
            tried = list(_neighbours(scene, step))
            measured = each(measure, tried)
            distances = [statistics_distance(statistics, wanted) for statistics in measured]
            best = min(range(len(tried)), key=distances.__getitem__)
            if progress is not None:
                progress(1)
            if distances[best] < distance:
                scene, found, distance = tried[best], measured[best], distances[best]
            elif step <= _FINEST:
                break
            else:
                step /= 2
    return Calibration(scene, found, distance, start)


def measure_scene(scene: TableScene, *, clips: int, seed: int) -> MaskStatistics:
    """Statistics of clips `seed`, `seed` + 1 and so on."""
    return MaskStatistics.measure(scene.labels(seed + i) for i in range(clips))


def statistics_distance(found: MaskStatistics, wanted: MaskStatistics) -> float:
    """Root mean square of the differences, each in units of a difference that one would notice.

    These are 5 % of the number and the area of objects, 15 % of the quantiles of displacements, and 0.03 of shares and
    of copy-last. Where one of the two has no value, nothing is compared.
    """
    moves = zip(found.displacements, wanted.displacements, strict=True)
    terms = [
        _log_ratio(found.objects_per_frame, wanted.objects_per_frame) / 0.05,
        _log_ratio(found.object_area, wanted.object_area) / 0.05,
        *(_log_ratio(ours, theirs) / 0.15 for ours, theirs in moves),
        (found.static_share - wanted.static_share) / 0.03,
        (found.unseen_share - wanted.unseen_share) / 0.03,
        (found.copy_last - wanted.copy_last) / 0.03,
    ]
    known = [term for term in terms if math.isfinite(term)]
    return math.sqrt(sum(term * term for term in known) / len(known)) if known else math.inf


def _log_ratio(a: float, b: float) -> float:
    """Of two numbers of 0 or more; small ones count as much alike."""
    return math.log((a + 0.1) / (b + 0.1))


def _neighbours(scene: TableScene, step: float) -> Iterator[TableScene]:
    """Every parameter a step up and a step down."""
    for factor in (1.25**step, 1.25**-step):
        yield replace(scene, speed=scene.speed * factor)
        yield replace(scene, radius=min(scene.radius * factor**0.3, 0.6))
        friction = factor * factor
        yield replace(
            scene, roll_friction=scene.roll_friction * friction, slide_friction=scene.slide_friction * friction
        )
    first, last = scene.entry_seconds
    for shift in (0.5 * step, -0.5 * step):
        if last + shift > first:
            yield replace(scene, entry_seconds=(first, last + shift))
    for name, most in (("objects", 10), ("resting", 10)):
        low, high = getattr(scene, name)
        for pair in ((low - 1, high), (low + 1, high), (low, high - 1), (low, high + 1)):
            if 0 <= pair[0] <= pair[1] <= most:
                yield replace(scene, **{name: pair})


class _Map:
    """`map` over processes, or in this one with 0 workers."""

    def __init__(self, workers: int | None) -> None:
        count = usable_cores() if workers is None else workers
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, mp_context=context) if count else None

    def __call__(
        self, function: Callable[[TableScene], MaskStatistics], scenes: list[TableScene]
    ) -> list[MaskStatistics]:
        return list(self._pool.map(function, scenes) if self._pool else map(function, scenes))

    def __enter__(self) -> _Map:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
