"""The page of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.evaluation._table import table_of
from maskreel.animate.evaluation._words import COLUMNS, MEANING
from maskreel.common.show import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.evaluation._goals import Goal
    from maskreel.animate.evaluation._table import Means

__all__ = ["write_page"]


def write_page(
    path: Path, means: Means, sheets: Mapping[str, Sequence[Tensor]], *, title: str, found: Sequence[Goal] = ()
) -> None:
    """Write an HTML page with all tables and, for each task, its contact sheets."""
    page = Page(title)
    page.text(MEANING)
    if found:
        rows = [(goal.name, goal.value, goal.limit, "yes" if goal.reached else "no") for goal in found]
        page.table(rows, header=("goal", "measured", "limit", "reached"))
    for task, methods in means.items():
        page.heading(task.capitalize())
        for columns in COLUMNS:
            header, cells = table_of(methods, columns)
            if len(header) > 1:
                page.table(cells, header=header)
        for picture in sheets.get(task, ()):
            page.image(picture)
    page.save(path)
