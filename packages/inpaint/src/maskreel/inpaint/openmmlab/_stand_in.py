"""A module in the place of `mmcv.ops`, which has to be compiled.

It has what FlowNet2, DeepLabv3 and FCN need, and names that others import; those raise when they are used.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from maskreel.inpaint.openmmlab._correlation import Correlation

_MODULES = ("mmcv.ops", "mmcv.ops.multi_scale_deform_attn")

_FUNCTIONS = ("point_sample", "sigmoid_focal_loss")
_CLASSES = (
    "CrissCrossAttention",
    "DeformConv2d",
    "ModulatedDeformConv2d",
    "MultiScaleDeformableAttention",
    "PSAMask",
)


def stand_in_modules() -> dict[str, ModuleType]:
    """The modules by the names that they stand in for."""
    ops, attention = (ModuleType(name, __doc__) for name in _MODULES)
    classes = {name: _refusing_class(name) for name in _CLASSES}
    contents = {"Correlation": Correlation, **classes, **{name: _refusing_function(name) for name in _FUNCTIONS}}
    vars(ops).update(contents, __path__=[])  # a package, so that its submodule can be imported
    vars(attention).update(MultiScaleDeformableAttention=classes["MultiScaleDeformableAttention"])
    return {module.__name__: module for module in (ops, attention)}


def _refusal(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"mmcv.ops.{name} needs the compiled mmcv, but mmcv-lite is installed; FlowNet2, DeepLabv3 and FCN do without, "
        "other networks need mmcv built for this PyTorch"
    )


def _refusing_function(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> None:
        raise _refusal(name)

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


def _refusing_class(name: str) -> type:
    def refuse(*_: Any, **__: Any) -> None:
        raise _refusal(name)

    # A class, because networks are derived from it and asked with isinstance.
    return type(name, (), {"__init__": refuse, "__module__": "mmcv.ops"})
