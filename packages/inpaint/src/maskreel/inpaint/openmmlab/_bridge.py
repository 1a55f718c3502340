"""Makes OpenMMLab's packages importable, and says in one sentence what is wrong when they are not.

mmcv-lite 2.0.1, mmflow 1.0.0rc0, mmsegmentation 1.2.2 and mmengine-lite 0.10.7 agree with each other; all they lack is
`mmcv.ops`, the compiled part of mmcv. mmcv-lite declares mmengine and so OpenCV with windows, which needs libGL and
overwrites the OpenCV without windows that this package uses; that is why it is installed with --no-deps.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from typing import TYPE_CHECKING, Literal

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.inpaint.openmmlab._stand_in import stand_in_modules

if TYPE_CHECKING:
    from types import ModuleType

Package = Literal["mmflow", "mmseg"]

EXTRA = "maskreel-inpaint[openmmlab]"
MMCV_LITE = "python -m pip install --no-deps mmcv-lite==2.0.1"
_REPAIR_OPENCV = (
    "python -m pip uninstall --yes opencv-python opencv-python-headless, "
    "then python -m pip install opencv-python-headless"
)


def prepare() -> None:
    """Provide `mmcv.ops` where the installed mmcv has none that works; call it before importing mmflow or mmseg.

    A compiled mmcv that works is left alone. Nothing is changed but `sys.modules["mmcv.ops"]`, and calling it again
    changes nothing.

    Raises:
        InputError: packages are there, but they or their versions do not fit together.
        MissingExtraError: mmengine or mmcv are not installed.
    """
    for package in ("mmengine", "mmcv"):
        _import_base(package)
    if "mmcv.ops" in sys.modules or _has_compiled_ops():
        return
    sys.modules.update(stand_in_modules())


def load_package(package: Package) -> ModuleType:
    """Import mmflow or mmseg together with its networks.

    Raises:
        InputError: it does not accept the version of mmcv or mmengine.
        MissingExtraError: it, mmengine or mmcv are not installed.
    """
    prepare()
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError("mmsegmentation" if package == "mmseg" else package, EXTRA)
    try:
        with warnings.catch_warnings():
            # mmcv tells about the new address of an operator whenever there is one.
            warnings.filterwarnings("ignore", "``MultiScaleDeformableAttention`` has been moved", ImportWarning)
            module = importlib.import_module(package)
            importlib.import_module(f"{package}.models")
    except AssertionError as error:  # their way to refuse a version
        raise InputError(_disagreement(str(error))) from error
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("mmcv", "mmengine", package):
            raise InputError(_disagreement(str(error))) from error
        raise MissingExtraError(str(error.name), EXTRA) from error
    return module


def _import_base(package: Literal["mmengine", "mmcv"]) -> None:
    if importlib.util.find_spec(package) is None:
        if package == "mmengine":
            raise MissingExtraError(package, EXTRA)
        raise MissingMMCVError
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), EXTRA) from error
    except ImportError as error:
        if "libGL" not in str(error):
            raise
        raise InputError(
            f"OpenCV cannot be imported ({error}), because opencv-python overwrote opencv-python-headless; "
            f"run: {_REPAIR_OPENCV}"
        ) from error


def _has_compiled_ops() -> bool:
    """Whether mmcv's own operators can be imported; if so, they are."""
    if importlib.util.find_spec("mmcv._ext") is None:
        return False
    try:
        importlib.import_module("mmcv.ops")
    except (ImportError, OSError):  # compiled for another PyTorch
        for name in [name for name in sys.modules if name.startswith("mmcv.ops")]:
            del sys.modules[name]
        return False
    return True


def _disagreement(reason: str) -> str:
    found = ", ".join(f"{name} {_version(name)}" for name in ("mmcv", "mmengine"))
    reason = " ".join(reason.split()).rstrip(".")
    return f"OpenMMLab's packages do not fit together ({reason}; found {found}); run: {MMCV_LITE}, after '{EXTRA}'"


def _version(module: str) -> str:
    return getattr(sys.modules.get(module), "__version__", "(none)")


class MissingMMCVError(MissingExtraError):
    """mmcv is not installed; it needs a command of its own."""

    def __init__(self) -> None:
        ImportError.__init__(self, f"mmcv is not installed; run: {MMCV_LITE}, after '{EXTRA}'")
