"""What the system is to reach on the rendered world."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from maskreel.animate.evaluation._world import ANIMATION, OTHER, RECONSTRUCTION, SAME

if TYPE_CHECKING:
    from maskreel.animate.evaluation._table import Means

__all__ = ["Goal", "goals"]

_IOU, _OF_COPY, _SWAP = 0.80, 0.5, 0.05
"""IoU is against where the subject should be: in the driving pose, but of its own build. Against a driving subject of
another build even the exact result reaches about 0.7."""


class Goal(NamedTuple):
    """A figure and its limit."""

    name: str
    value: float
    limit: str
    reached: bool


def goals(means: Means) -> list[Goal]:
    """Every goal with what was measured."""
    found: list[Goal] = []
    for task, method in ((RECONSTRUCTION, "raw"), (RECONSTRUCTION, "refined"), (ANIMATION, "refined")):
        scores = means[task][method]
        for name in ("iou", "iou_difference"):
            found.append(_least(f"{task}, {method}: {name}", scores[name][0], _IOU))
        found.append(_most(f"{task}, {method}: l1 / l1 of copy", _of_copy(means, task, method), _OF_COPY))
    for task in (SAME, OTHER):
        for name in ("leak", "bleed", "leak_own", "bleed_own"):
            found.append(_most(f"{task}, network: |{name}|", abs(means[task]["network"][name][0]), _SWAP))
        locked = abs(means[task]["lock"]["leak_own"][0])
        found.append(_most(f"{task}, lock: leak outside its subject", locked, 0.0))
    return found


def _of_copy(means: Means, task: str, method: str) -> float:
    return means[task][method]["l1"][0] / means[task]["copy"]["l1"][0]


def _least(name: str, value: float, limit: float) -> Goal:
    return Goal(name, value, f"at least {limit:g}", value >= limit)


def _most(name: str, value: float, limit: float) -> Goal:
    return Goal(name, value, f"at most {limit:g}", value <= limit)
