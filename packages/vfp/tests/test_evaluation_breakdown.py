"""Scores of groups of objects, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.world import OBJECT_CLASSES, TableScene
from maskreel.vfp.evaluation import ForecastBreakdown, GroupScore, clip_events

if TYPE_CHECKING:
    from maskreel.vfp.evaluation import Event

RED_CUBE, RED_SPHERE, BLUE_SPHERE = 2, 18, 19  # all of metal
STANDS: frozenset[Event] = frozenset({"static"})
MOVES: frozenset[Event] = frozenset({"moving", "collided"})


def rows(*numbers: tuple[int, int]) -> torch.Tensor:
    """uint8 (6, 20): row by row a class and how many pixels of it, from the left."""
    labels = torch.zeros(6, 20, dtype=torch.uint8)
    for row, (label, pixels) in enumerate(numbers):
        labels[row, :pixels] = label
    return labels


def scored(breakdown: ForecastBreakdown) -> dict[tuple[str, str], GroupScore]:
    return {(one.grouping, one.name): one for one in breakdown.compute()}


def test_by_hand() -> None:
    breakdown = ForecastBreakdown()
    truth = rows((RED_CUBE, 20), (RED_SPHERE, 16), (0, 0), (0, 0))
    forecast = rows((RED_CUBE, 15), (RED_SPHERE, 20), (BLUE_SPHERE, 20), (0, 0))
    breakdown.update(forecast, truth, {RED_CUBE: STANDS, RED_SPHERE: MOVES, 48: frozenset({"left"})})
    breakdown.update(rows((RED_CUBE, 4)), rows((RED_CUBE, 14)), {RED_CUBE: MOVES})
    found = scored(breakdown)
    assert found["all", "all objects"].objects == 5
    assert found["all", "all objects"].iou == pytest.approx((15 + 16 + 4) / (20 + 20 + 20 + 14))
    assert found["shape", "cube"] == GroupScore("shape", "cube", 2, 19 / 34, 0.5)
    assert found["shape", "sphere"] == GroupScore("shape", "sphere", 2, 16 / 40, 1)
    assert found["material", "metal"].objects == 4
    assert found["colour", "red"].iou == pytest.approx((15 + 16 + 4) / (20 + 20 + 14))
    assert found["colour", "blue"].iou == 0
    assert found["colour", "green"] == GroupScore("colour", "green", 0, None, None)
    assert found["event", "static"] == GroupScore("event", "static", 1, 0.75, 1)
    assert found["event", "moving"] == GroupScore("event", "moving", 2, 20 / 34, 0.5)
    assert found["event", "collided"].iou == found["event", "moving"].iou
    # forecast as gone: no pixel, no score, and none is shown
    assert found["event", "left"] == GroupScore("event", "left", 1, None, 0)
    assert found["event", "invented"] == GroupScore("event", "invented", 1, 0, 1)


def test_speck_of_an_unseen_object_is_not_invented() -> None:
    breakdown = ForecastBreakdown()
    breakdown.update(rows((0, 0)), rows((RED_CUBE, 5)), {})
    found = scored(breakdown)
    assert found["shape", "cube"] == GroupScore("shape", "cube", 1, 0, 0)
    assert found["event", "invented"].objects == 0


def test_perfect_forecast_is_perfect_in_every_group() -> None:
    breakdown = ForecastBreakdown()
    for seed in range(6):
        labels = torch.from_numpy(TableScene(size=(80, 120)).labels(seed))
        breakdown.update(labels[21], labels[21], clip_events(labels))
    scores = breakdown.compute()
    assert {one.iou for one in scores} <= {1, None}
    for grouping in ("shape", "material", "colour"):
        assert sum(one.objects for one in scores if one.grouping == grouping) == scores[0].objects
    assert len([one for one in scores if one.grouping == "colour"]) == len({kind.colour for kind in OBJECT_CLASSES})


def test_merging_changes_nothing() -> None:
    whole, one, other = (ForecastBreakdown() for _ in range(3))
    for part, label in ((one, RED_CUBE), (other, RED_SPHERE)):
        for breakdown in (whole, part):
            breakdown.update(rows((label, 13)), rows((label, 17)), {label: MOVES})
    one.merge(other)
    assert one.compute() == whole.compute() == one.reduce().compute()


def test_refuses_batches() -> None:
    with pytest.raises(ValueError, match=r"truth must have shape \(H, W\), got \(1, 6, 20\)"):
        ForecastBreakdown().update(rows(), rows()[None], {})
