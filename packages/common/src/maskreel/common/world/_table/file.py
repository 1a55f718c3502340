"""Table scenes as JSON files."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.common.world._table.scene import TableScene

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_scene", "write_scene"]


def write_scene(path: Path, scene: TableScene) -> None:
    """Write all fields of a scene."""
    write_json(path, asdict(scene))


def read_scene(path: Path) -> TableScene:
    """A scene from a file with some or all of its fields; the others have their defaults.

    Raises:
        InputError: The file is missing or no JSON object, or a field is unknown or has a value that is not allowed.
    """
    values = read_json(path)
    known = [field.name for field in fields(TableScene)]
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}, expected an object with fields {', '.join(known)}")
    if unknown := sorted(set(values) - set(known)):
        raise InputError(f"{path} has the fields {', '.join(unknown)}, expected some of {', '.join(known)}")
    options: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    try:
        return TableScene(**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
