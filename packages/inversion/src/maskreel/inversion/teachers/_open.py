"""Teachers by name."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import (
    MaskRCNN,
    TorchvisionMaskRCNN,
    detectron2_maskrcnn,
    shapes_maskrcnn,
    torchvision_maskrcnn,
)
from maskreel.inversion.settings import MaskRCNNSettings
from maskreel.inversion.teachers._maskrcnn import MaskRCNNTeacher
from maskreel.inversion.teachers._teacher import Teacher
from maskreel.inversion.teachers._torchvision_semantic import torchvision_semantic

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import torch

TEACHERS = ("shapes", "torchvision-v1", "torchvision-v2", "detectron2", "detectron2:CONFIG", "deeplabv3", "fcn")
"""Names for `open_teacher`; CONFIG is a name in detectron2's model zoo."""

LONG_BY_SHORT = 1333 / 800
"""Bound on the longer side by the shorter one, where the published Mask R-CNNs were trained."""


def open_teacher(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    short_side: int | None = None,
    settings: MaskRCNNSettings = MaskRCNNSettings(),  # noqa: B008 (frozen)
    device: torch.device | str = "cpu",
) -> Teacher:
    """A teacher by its name.

    Args:
        name: One of `TEACHERS`, or "module:callable", which is imported (the working directory counts) and called; it
            returns a `Teacher` or a `MaskRCNN`.
        weights: A file for the network; None: those that come with it, which are downloaded once where need be. A
            callable of the user's gets the path as its argument if there is one.
        short_side: Images are resized so that their shorter side has this many pixels; None: not at all. torchvision's
            and detectron2's Mask R-CNN were trained at about 800, DeepLabv3 and FCN at 520.
        settings: Of a Mask R-CNN.
        device: Where the network works.

    Raises:
        InputError: There is no such teacher, or its weights cannot be had.
        MissingExtraError: Its library is not installed.
    """
    made = _made(name, weights, short_side)
    teacher = MaskRCNNTeacher(made, settings) if isinstance(made, MaskRCNN) else made
    return teacher.to(device)


def _made(name: str, weights: str | os.PathLike[str] | None, short_side: int | None) -> Teacher | MaskRCNN:
    long_side = None if short_side is None else round(short_side * LONG_BY_SHORT)
    match name.split(":", 1):
        case ["shapes"]:
            model = shapes_maskrcnn(weights)
            return TorchvisionMaskRCNN(model.network, model.class_names, short_side=short_side)
        case ["torchvision-v1"]:
            return torchvision_maskrcnn(
                "maskrcnn_resnet50_fpn", weights=weights, short_side=short_side, long_side=long_side
            )
        case ["torchvision-v2"]:
            return torchvision_maskrcnn(
                "maskrcnn_resnet50_fpn_v2", weights=weights, short_side=short_side, long_side=long_side
            )
        case ["detectron2"]:
            return detectron2_maskrcnn(weights=weights, short_side=short_side, long_side=long_side)
        case ["detectron2", config]:
            return detectron2_maskrcnn(config, weights=weights, short_side=short_side, long_side=long_side)
        case ["deeplabv3" | "fcn" as kind]:
            return torchvision_semantic(kind, weights=weights, short_side=short_side)
        case [module, function] if module and function:
            return _users(module, function, weights, short_side)
    raise InputError(f"{name!r} is not a teacher, allowed are {', '.join(TEACHERS)} and module:callable")


def _users(
    module: str, function: str, weights: str | os.PathLike[str] | None, short_side: int | None
) -> Teacher | MaskRCNN:
    name = f"{module}:{function}"
    if short_side is not None:
        raise InputError(f"a short side of {short_side} is not for {name}, which sets its own")
    with _working_directory_importable():
        made = _callable(module, function)(*(() if weights is None else (weights,)))
    if not isinstance(made, Teacher | MaskRCNN):
        raise InputError(f"{name} returns a {type(made).__name__}, expected a Teacher or MaskRCNN")
    return made


def _callable(module: str, function: str) -> Any:
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise InputError(
            f"'{module}:{function}' is not a teacher, there is no module {error.name}; "
            f"allowed are {', '.join(TEACHERS)} and module:callable"
        ) from error
    if not callable(found):
        raise InputError(f"module {module} has no callable {function}, which should return a Teacher or MaskRCNN")
    return found


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
