"""Which video drives which, from the CSV files of published evaluations."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES

if TYPE_CHECKING:
    import os

_SHOWN = 8
_LONGEST = 100
"""Characters of a name that are shown."""


def read_pairs(table: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> list[tuple[Path, Path]]:
    """Paths of (source, driving), in the order of the rows.

    The table is CSV with a head that names the columns `source` and `driving`, others are left out. Its entries are
    paths, or names of videos with or without suffix in `root`/test, in `root`, or beside the table.

    Raises:
        InputError: the table cannot be read, has not these columns, has no row, or names something that is not there.
    """
    table = Path(table)
    places = [table.parent] if root is None else [Path(root) / "test", Path(root), table.parent]
    rows = _rows(table)
    found = {name: _path_of(name, places) for row in rows for name in row}
    missing = [repr(name[:_LONGEST]) for name, path in found.items() if path is None]
    if missing:
        rest = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        where = " or ".join(map(str, places))
        raise InputError(f"{table} names videos that are not in {where}: {', '.join(missing[:_SHOWN])}{rest}")
    paths = {name: path for name, path in found.items() if path is not None}
    return [(paths[source], paths[driving]) for source, driving in rows]


def _rows(table: Path) -> list[tuple[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            if not {"source", "driving"} <= set(columns):
                raise InputError(f"{table} has the columns {', '.join(columns)}, expected source and driving")
            rows = [((row["source"] or "").strip(), (row["driving"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read as a CSV table: {error}; give one in UTF-8") from error
    if not rows:
        raise InputError(f"{table} has no rows, expected one for each pair of source and driving")
    for number, row in enumerate(rows, 1):
        if not all(row):
            raise InputError(f"{table} has no source or no driving in row {number}, expected both")
    return rows


def _path_of(name: str, places: list[Path]) -> Path | None:
    suffixes = ["", *sorted(VIDEO_SUFFIXES), *sorted(IMAGE_SUFFIXES)]
    candidates = (place / (name + suffix) for place in places for suffix in suffixes)
    try:
        return next((path for path in candidates if path.exists()), None)
    except (OSError, ValueError):  # a name that no file can have: too long, or with a null byte
        return None
