"""Each case in a process of its own, because imports are for ever."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_openmmlab = pytest.mark.skipif(
    importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
    reason="needs maskreel-inpaint[openmmlab]",
)


def run(code: str, *packages: Path) -> str:
    """What `code` prints in a Python without a screen that sees these folders first, with warnings as errors."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, packages))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def package(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.mkdir(parents=True)
    (path / "__init__.py").write_text(text)


TELL = """
from maskreel.inpaint.openmmlab import prepare
from maskreel.inpaint.openmmlab._bridge import load_package
try:
    {call}
except ImportError as error:
    print(type(error).__name__, error)
except ValueError as error:
    print(type(error).__name__, error)
"""


def without(*names: str) -> str:
    """Code after which these packages are not there."""
    return f"""
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {names} else find(name, package)
"""


def test_missing_packages_are_told_with_what_to_run(tmp_path: Path) -> None:
    package(tmp_path, "mmengine", "__version__ = '0.10.7'")
    tell = TELL.format(call="prepare()")
    assert run(without("mmengine") + tell) == (
        "MissingExtraError mmengine is not installed; run: python -m pip install 'maskreel-inpaint[openmmlab]'"
    )
    assert run(without("mmcv") + tell, tmp_path) == (
        "MissingMMCVError mmcv is not installed; run: python -m pip install --no-deps mmcv-lite==2.0.1, "
        "after 'maskreel-inpaint[openmmlab]'"
    )


def test_versions_that_disagree_are_told_in_one_sentence(tmp_path: Path) -> None:
    package(tmp_path, "mmengine", "__version__ = '0.10.7'")
    package(tmp_path, "mmcv", "__version__ = '2.2.0'")
    package(tmp_path, "mmseg", "assert False, 'MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0.0rc4.'")
    found = run(TELL.format(call="load_package('mmseg')"), tmp_path)
    assert found == (
        "InputError OpenMMLab's packages do not fit together (MMCV==2.2.0 is used but incompatible. Please install "
        "mmcv>=2.0.0rc4; found mmcv 2.2.0, mmengine 0.10.7); run: python -m pip install --no-deps mmcv-lite==2.0.1, "
        "after 'maskreel-inpaint[openmmlab]'"
    )


def test_what_a_package_forgot_to_declare_is_told(tmp_path: Path) -> None:
    for name in ("mmengine", "mmcv"):
        package(tmp_path, name, "__version__ = '2.0.1'")
    package(tmp_path, "mmseg", "import no_such_thing")
    found = run(TELL.format(call="load_package('mmseg')"), tmp_path)
    assert found.startswith("MissingExtraError no_such_thing is not installed; run: ")
    assert run(without("mmflow") + TELL.format(call="load_package('mmflow')"), tmp_path).startswith(
        "MissingExtraError mmflow is not installed"
    )


def test_an_opencv_that_needs_a_screen_is_told(tmp_path: Path) -> None:
    package(tmp_path, "mmengine", "")
    package(tmp_path, "mmcv", "raise ImportError('libGL.so.1: cannot open shared object file')")
    found = run(TELL.format(call="prepare()"), tmp_path)
    assert found.startswith("InputError OpenCV cannot be imported (libGL.so.1: cannot open shared object file)")
    assert "pip uninstall --yes opencv-python opencv-python-headless, then" in found


@pytest.mark.parametrize("works", [True, False])
def test_a_compiled_mmcv_is_left_alone_if_it_works(tmp_path: Path, works: bool) -> None:
    package(tmp_path, "mmengine", "")
    package(tmp_path, "mmcv", "")
    (tmp_path / "mmcv" / "_ext.py").write_text("" if works else "raise ImportError('undefined symbol')")
    package(tmp_path, "mmcv/ops", "from mmcv import _ext\nCorrelation = 'compiled'")
    code = "from maskreel.inpaint.openmmlab import prepare\nprepare()\nimport mmcv.ops\nprint(mmcv.ops.Correlation)"
    expected = "compiled" if works else "<class 'maskreel.inpaint.openmmlab._correlation.Correlation'>"
    assert run(code, tmp_path) == expected


@needs_openmmlab
def test_real_packages_import_without_a_screen_and_only_mmcv_ops_is_added() -> None:
    code = """
import sys
from maskreel.inpaint.openmmlab import Correlation, prepare
assert not {"mmcv", "mmengine", "mmseg", "mmflow"} & set(sys.modules)
import mmengine, mmcv
before = set(sys.modules)
prepare()
added = {name for name in set(sys.modules) - before if name.startswith("mm")}
first = sys.modules["mmcv.ops"]
prepare()
assert sys.modules["mmcv.ops"] is first and first.Correlation is Correlation
from maskreel.inpaint.openmmlab._bridge import load_package
load_package("mmflow"), load_package("mmseg")
import cv2, maskreel.inpaint
print(sorted(added), "GTK" in cv2.getBuildInformation().split("GUI:")[1][:60])
"""
    assert run(code) == "['mmcv.ops', 'mmcv.ops.multi_scale_deform_attn'] False"


def test_operators_that_are_not_there_say_so_when_used() -> None:
    from maskreel.inpaint.openmmlab._stand_in import stand_in_modules

    modules = stand_in_modules()
    ops = modules["mmcv.ops"]
    attention = modules["mmcv.ops.multi_scale_deform_attn"].MultiScaleDeformableAttention
    for name in ("point_sample", "sigmoid_focal_loss", "DeformConv2d", "ModulatedDeformConv2d", "PSAMask"):
        with pytest.raises(NotImplementedError, match=rf"mmcv\.ops\.{name} needs the compiled mmcv"):
            getattr(ops, name)(1, kernel=2)
    with pytest.raises(NotImplementedError, match="CrissCrossAttention"):
        type("Derived", (ops.CrissCrossAttention,), {})()
    assert attention is ops.MultiScaleDeformableAttention
    assert not isinstance(1, attention)
