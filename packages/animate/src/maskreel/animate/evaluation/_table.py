"""Scores of many videos as tables: every video, and means with the intervals that the number of videos allows."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from maskreel.animate.metrics import mean_interval
from maskreel.common.atomic import atomic_path, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["ANIMATION", "RECONSTRUCTION", "Means", "Row", "means_of", "table_of", "write_tables"]

RECONSTRUCTION, ANIMATION = "reconstruction", "animation"
"""Names of tasks."""


class Row(NamedTuple):
    """Scores of one method on one video."""

    video: str
    task: str
    method: str
    scores: dict[str, float]


Means = dict[str, dict[str, dict[str, tuple[float, float, float]]]]
"""By task, method and score: mean over videos and the 95 % interval of it."""


def means_of(rows: Sequence[Row]) -> Means:
    """Means over videos; what is not finite in a video (no region, equal pictures) does not count."""
    values: dict[str, dict[str, dict[str, list[float]]]] = {}
    for row in rows:
        scores = values.setdefault(row.task, {}).setdefault(row.method, {})
        for name, value in row.scores.items():
            scores.setdefault(name, []).append(value)
    return {
        task: {
            method: {name: mean_interval(every) for name, every in scores.items()} for method, scores in methods.items()
        }
        for task, methods in values.items()
    }


def table_of(
    methods: Mapping[str, Mapping[str, tuple[float, float, float]]], columns: Sequence[str], *, intervals: bool = True
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows, one for each method; a dash where a method has no such score."""
    known = [name for name in columns if any(name in scores for scores in methods.values())]
    rows = [
        (method, *(_cell(name, scores.get(name), intervals) for name in known)) for method, scores in methods.items()
    ]
    return ("method", *known), rows


def write_tables(folder: Path, rows: Sequence[Row], about: Mapping[str, Any]) -> Means:
    """Write scores.csv, a line for each video and method, and scores.json, means with intervals; give the means."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    with atomic_path(folder / "scores.csv") as scratch, scratch.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["video", "task", "method", *names])
        for row in rows:
            writer.writerow([row.video, row.task, row.method, *(_plain(row.scores.get(name)) for name in names)])
    means = means_of(rows)
    write_json(folder / "scores.json", {**about, "scores": _as_json(means)})
    return means


def _as_json(means: Means) -> dict[str, Any]:
    def triple(ends: tuple[float, float, float]) -> dict[str, float | None]:
        return {name: _finite(value) for name, value in zip(("mean", "low", "high"), ends, strict=True)}

    return {
        task: {method: {name: triple(ends) for name, ends in scores.items()} for method, scores in methods.items()}
        for task, methods in means.items()
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)


def _cell(name: str, ends: tuple[float, float, float] | None, intervals: bool) -> str:
    if ends is None or math.isnan(ends[0]):
        return "–"
    form = ".2f" if "psnr" in name else ".4f" if "l1" in name or name in ("flicker", "drift", "ghost") else ".3f"
    mean, low, high = (format(round(end, 6) + 0.0, form) for end in ends)  # not -0.000
    return f"{mean} ({low}…{high})" if intervals and name != "fid" else mean  # that is of all videos together
