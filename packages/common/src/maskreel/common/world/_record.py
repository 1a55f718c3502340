"""world.json: what a data set was rendered from, so that a run goes on only where the same was rendered before."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, is_dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    from pathlib import Path

_DISTRIBUTIONS = ("maskreel-common", "numpy", "opencv-python-headless")


def keep_record(root: Path, scene: object, settings: dict[str, Any]) -> None:
    """Write `root`/world.json, or compare it if it is there; the versions of libraries may differ.

    Raises:
        TypeError: `scene` is not a dataclass.
        InputError: The record tells of another scene or other settings, or `root` holds files without a record.
    """
    if not is_dataclass(scene) or isinstance(scene, type):
        raise TypeError(f"scene must be a dataclass, such as TableScene(), got {scene!r}")
    wanted = {"scene": {"name": type(scene).__name__, **asdict(scene)}, **settings}
    wanted = json.loads(json.dumps(wanted, default=str))  # fractions become text
    file = root / "world.json"
    if not file.exists():
        if root.is_dir() and any(not path.name.startswith(".") for path in root.iterdir()):
            raise InputError(f"{root} holds files but no world.json, expected a new folder or one rendered before")
        versions = {"python": platform.python_version(), **{name: version(name) for name in _DISTRIBUTIONS}}
        write_json(file, {**wanted, "versions": versions})
        return
    found = _read(file)
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        raise InputError(
            f"{file} tells that this folder was rendered with another {' and '.join(different)}; "
            "choose another folder, or the same settings as before"
        )


def origin_of(folder: Path) -> str:
    """What a data set is, in words: as it was rendered, or where it lies.

    Raises:
        InputError: Its world.json is damaged, or no record of a rendering.
    """
    file = folder / "world.json"
    if not file.exists():
        return str(folder)
    found = _read(file)
    try:
        return f"{found['scene']['name']} ({folder.name}), seed {found['seed']}, split train of {found['counts']}"
    except (KeyError, TypeError):
        raise InputError(f"{file} does not tell scene, seed and counts of a rendered data set") from None


def _read(file: Path) -> dict[str, Any]:
    found = read_json(file)
    if not isinstance(found, dict):
        raise InputError(f"{file} is not a record of a rendered data set, expected an object with a scene and a seed")
    return found
