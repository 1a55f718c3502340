"""Results to look at: a row for each video, a column for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.evaluation._world import ANIMATION, RECONSTRUCTION, SAME
from maskreel.common.show import contact_sheet

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.evaluation._world import CaseResult
    from maskreel.animate.evaluation._world_case import WorldCase

__all__ = ["Gallery", "Titled", "case_row"]

_ROWS = 8

Titled = list[tuple[str, "Tensor"]]


def case_row(case: WorldCase, result: CaseResult, task: str, frame: int = -1) -> Titled:
    """What went into a case and what came out, at one frame, with titles: uint8 (3, S, S) each."""
    given = {"source": case.source[0]}
    if task != RECONSTRUCTION:
        given["driving"] = case.driving[frame]
    if task not in (RECONSTRUCTION, ANIMATION):
        given["third"] = (case.third if task == SAME else case.third_plate)[0]
    return [*given.items(), *((name, made[frame]) for name, made in result.pictures[task].items())]


class Gallery:
    """Collects rows by task for contact sheets.

    Args:
        most: rows of a task that are kept; later ones are not, so that memory does not grow with the data set.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: dict[str, list[Titled]] = {}

    def add(self, task: str, row: Titled) -> None:
        """Add a row; those of a task have the same columns."""
        rows = self._rows.setdefault(task, [])
        if len(rows) < self._most:
            rows.append(row)

    def sheets(self) -> dict[str, list[Tensor]]:
        """Pictures of eight rows each, uint8 (3, height, width), by task."""
        return {
            task: [_sheet(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)]
            for task, rows in self._rows.items()
        }


def _sheet(rows: list[Titled]) -> Tensor:
    cells = [cell for row in rows for cell in row]
    return contact_sheet([picture for _, picture in cells], columns=len(rows[0]), titles=[title for title, _ in cells])
