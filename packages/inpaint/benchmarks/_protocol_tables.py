"""The figures of the field's protocol: kept in one JSON file, printed as tables, and judged."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
from _baselines import print_table
from _protocol_scores import SCORES

from maskreel.common.atomic import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Store", "print_all"]

_MARGIN_DB = 0.3

Table = list[dict[str, object]]


class Store:
    """All figures, by case and row, in one JSON file that is whole at any moment.

    Args:
        path: the file; what it holds is kept.
        settings: for each row that is wanted, what its figures depend on; figures of other settings do not count.
    """

    def __init__(self, path: Path, settings: Mapping[str, str]) -> None:
        self._path, self._settings = path, settings
        self._cases: dict[str, dict[str, dict[str, object]]] = {}
        if path.exists():
            self._cases = json.loads(path.read_text())["cases"]

    def missing(self, case: str) -> list[str]:
        """The wanted rows that are not measured yet."""
        return [row for row in self._settings if not self._has(case, row)]

    def keep(self, case: str, row: str, figures: dict[str, object]) -> None:
        """Add the figures of a row and write the file."""
        self._cases.setdefault(case, {})[row] = {"settings": self._settings[row], **figures}
        write_json(self._path, {"cores": len(os.sched_getaffinity(0)), "cases": self._cases})

    def table(self, case: str) -> Table:
        """The wanted rows of a case that are measured."""
        rows = [{"method": row, **self._cases[case][row]} for row in self._settings if self._has(case, row)]
        return [{key: value for key, value in row.items() if key != "settings"} for row in rows]

    def _has(self, case: str, row: str) -> bool:
        return self._cases.get(case, {}).get(row, {}).get("settings") == self._settings[row]


def print_all(tables: Mapping[str, Table], kinds: Sequence[str], *, own: Sequence[str]) -> None:
    """One table per case, the mean over the clips for each kind of hole, and the verdict on the row `auto` of `own`."""
    for name, rows in tables.items():
        print_table(rows, title=name)
    for kind in kinds:
        chosen = [rows for name, rows in tables.items() if name.endswith(f", {kind}")]
        if len(chosen) > 1:
            print_table(_means(chosen), title=f"Mean of the {len(chosen)} clips, {kind}")
    print(f"\nIs auto within {_MARGIN_DB} dB of the best of maskreel's rows (hole PSNR)?")
    for name, rows in tables.items():
        _print_verdict(name, [row for row in rows if row["method"] in own])


def _means(tables: list[Table]) -> Table:
    """A row that some clip lacks has no mean that could be compared; the table says how many clips it has."""
    rows: Table = []
    for name in dict.fromkeys(str(row["method"]) for table in tables for row in table):
        lines = [row for table in tables for row in table if row["method"] == name]
        if len(lines) < len(tables):
            rows.append({"method": f"{name} (on {len(lines)} clips only)"})
            continue
        seconds = [key for key in lines[0] if key.endswith("s/frame")]
        rows.append({"method": name, **{key: _mean(lines, key) for key in (*SCORES, *seconds)}})
    return rows


def _mean(rows: Table, key: str) -> float:
    return float(np.mean([float(str(row.get(key, 0.0))) for row in rows]))


def _print_verdict(name: str, rows: Table) -> None:
    scores = {str(row["method"]): float(str(row["hole PSNR"])) for row in rows}
    if "auto" not in scores or len(scores) < 2:
        return
    best = max(scores, key=scores.__getitem__)
    gap = scores[best] - scores["auto"]
    mode = next(row["mode"] for row in rows if row["method"] == "auto")
    print(f"  {'yes' if gap <= _MARGIN_DB else 'NO '} {name}: {gap:.2f} dB behind {best} (auto chose {mode})")
