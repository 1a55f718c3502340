"""Verifiers by the names that a person gives."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.inversion.report.verifier import (
    CallableVerifier,
    MaskRCNNVerifier,
    SemanticVerifier,
    Verifier,
    load_unet_verifier,
)

if TYPE_CHECKING:
    import torch

__all__ = ["VERIFIERS", "open_verifier"]

VERIFIERS = "unet:FILE, shapes, shapes:FILE, torchvision-v1, torchvision-v2, module:callable"
"""The names that `open_verifier` knows."""


def open_verifier(name: str, *, device: torch.device | str = "cpu") -> Verifier:
    """A verifier by name.

    unet:FILE is a U-Net for the table scene; shapes (or shapes:FILE), torchvision-v1 and torchvision-v2 are Mask
    R-CNNs with their whole pipelines; module:callable is imported and called, and returns a `Verifier` or a function
    from frames uint8 (T, 3, H, W) to one `Found` per frame.

    Args:
        name: One of these.
        device: Where the network works. That of a function of the user's own stays where it is.

    Raises:
        InputError: There is no such verifier, or its weights cannot be had.
    """
    found = _named(name)
    if isinstance(found, (MaskRCNNVerifier, SemanticVerifier)):
        found.network.to(device)
    return found


def _named(name: str) -> Verifier:
    from maskreel.common.maskrcnn import shapes_maskrcnn, torchvision_maskrcnn

    kind, _, rest = name.partition(":")
    if kind == "unet" and rest:
        return load_unet_verifier(rest)
    if kind == "shapes":
        return MaskRCNNVerifier(shapes_maskrcnn(rest or None), f"Mask R-CNN {name}")
    if name == "torchvision-v1":
        return MaskRCNNVerifier(torchvision_maskrcnn("maskrcnn_resnet50_fpn"), "Mask R-CNN torchvision v1")
    if name == "torchvision-v2":
        return MaskRCNNVerifier(torchvision_maskrcnn("maskrcnn_resnet50_fpn_v2"), "Mask R-CNN torchvision v2")
    if kind and rest:
        return _users(name, kind, rest)
    raise InputError(f"verifier {name!r} must be one of {VERIFIERS}")


def _users(name: str, module: str, function: str) -> Verifier:
    """What the user's function returns; modules in the working directory count."""
    from importlib import import_module

    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        make = getattr(import_module(module), function, None)
        made: object = make() if callable(make) else None
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise InputError(f"verifier {name} cannot be made: there is no module {error.name}") from error
    finally:
        sys.path.remove(here)
    if not callable(make):
        raise InputError(f"verifier {name} cannot be made: module {module} has no callable {function}")
    if isinstance(made, Verifier):
        return made
    if not isinstance(made, Callable):
        raise InputError(f"{name} returns a {type(made).__name__}, expected a Verifier or a function of frames")
    return CallableVerifier(made, name)
