"""Which outputs of a network of mmsegmentation are people."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.inpaint.openmmlab._configs import scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# As data sets call them, among them people who sit on something.
_PEOPLE = ("person", "people", "pedestrian", "human", "rider", "bicyclist", "motorcyclist", "other rider")
_SHOWN = 10


def person_classes(names: Sequence[str]) -> list[int]:
    """Indices of the classes that are people, by their names.

    Raises:
        InputError: there is none; the message tells the names.
    """
    found = [i for i, name in enumerate(names) if name.lower() in _PEOPLE]
    if not found:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise InputError(
            f"no class of these weights is a person ({', '.join(_PEOPLE)}); they are {', '.join(names[:_SHOWN])}{more}"
        )
    return found


def class_names(meta: Mapping[str, Any], config: Any) -> list[str]:
    """Names of the classes: as the checkpoint tells them, else those of the configuration's data set.

    Args:
        meta: of the checkpoint, by mmsegmentation 1 ("dataset_meta") or 0 ("CLASSES").
        config: of mmengine.

    Raises:
        InputError: neither tells them.
    """
    of_data = meta.get("dataset_meta")
    names = of_data.get("classes") if isinstance(of_data, dict) else meta.get("CLASSES")
    names = names or _of_data_set(config)
    if not names:
        raise InputError("neither the weights nor the configuration tell the names of the classes")
    return [str(name) for name in names]


def _of_data_set(config: Any) -> Sequence[str] | None:
    for loader in ("test_dataloader", "val_dataloader", "train_dataloader"):
        data_set = (config.get(loader) or {}).get("dataset") or {}
        named = (data_set.get("metainfo") or {}).get("classes")
        if named:
            return named
        if data_set.get("type"):
            return _by_type(str(data_set["type"]))
    return None


def _by_type(name: str) -> Sequence[str] | None:
    if "." in name:  # mmengine would import whatever such a name tells
        return None
    importlib.import_module("mmseg.datasets")
    registry = importlib.import_module("mmseg.registry").DATASETS
    with scope("mmseg"):
        kind = registry.get(name)
    return None if kind is None else kind.METAINFO.get("classes")
