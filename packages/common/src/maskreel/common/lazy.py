"""Public names of a package whose modules are imported when a name is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["attach"]


def attach(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562), so that flags can be shown and pictures rendered without torch.

        __getattr__ = attach(__name__, {"ImageAnimator": "animator"})

    Type checkers want the same names imported under `TYPE_CHECKING`, and in a literal `__all__`.

    Args:
        package: `__name__` of the package.
        homes: the module of each public name, within the package.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return load
