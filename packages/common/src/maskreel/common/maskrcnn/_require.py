"""The optional libraries of this room."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from maskreel.common.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

_SOURCES = {
    "torchvision": "maskreel-common[torchvision]",
    "pycocotools": "maskreel-common[coco]",
    "detectron2": "git+https://github.com/facebookresearch/detectron2",
}


def require(library: str) -> ModuleType:
    """Import a top-level library.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise MissingExtraError(library, _SOURCES[library]) from error
