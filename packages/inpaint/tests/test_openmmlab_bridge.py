from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.inpaint.openmmlab import Correlation, prepare
from maskreel.inpaint.openmmlab._bridge import load_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mmcv", "mmengine", "mmflow", "mmseg")

needs_openmmlab = pytest.mark.skipif(
    importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
    reason="needs maskreel-inpaint[openmmlab]",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Packages in this folder are found before all others; OpenMMLab's are as if never imported, meanwhile."""
    mine = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    kept = {name: sys.modules.pop(name) for name in mine}
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.modules.update(kept)


def package(folder: Path, name: str, text: str = "") -> None:
    path = folder / name
    path.mkdir(parents=True)
    (path / "__init__.py").write_text(text)
    importlib.invalidate_caches()


def hide(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """As if this package were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == hidden else find(name))


def test_missing_packages_are_told_with_what_to_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(folder, "mmengine")
    package(folder, "mmcv")
    for name in ("mmengine", "mmflow"):
        with monkeypatch.context() as patch:
            hide(patch, name)
            with pytest.raises(MissingExtraError, match=rf"{name} is not installed.*install 'maskreel-inpaint"):
                load_package("mmflow")
    hide(monkeypatch, "mmcv")
    command = r"mmcv is not installed; run: python -m pip install --no-deps mmcv-lite==2\.0\.1"
    with pytest.raises(MissingExtraError, match=command):
        prepare()


def test_versions_that_disagree_are_told_in_one_sentence(folder: Path) -> None:
    package(folder, "mmengine", "__version__ = '0.10.7'")
    package(folder, "mmcv", "__version__ = '2.2.0'")
    package(folder, "mmseg", "assert False, 'MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0.0rc4.'")
    with pytest.raises(InputError) as caught:
        load_package("mmseg")
    assert str(caught.value) == (
        "OpenMMLab's packages do not fit together (MMCV==2.2.0 is used but incompatible. Please install "
        "mmcv>=2.0.0rc4; found mmcv 2.2.0, mmengine 0.10.7); run: python -m pip install --no-deps mmcv-lite==2.0.1, "
        "after 'maskreel-inpaint[openmmlab]'"
    )


def test_a_part_that_another_version_lacks_is_told(folder: Path) -> None:
    package(folder, "mmengine")
    package(folder, "mmcv")
    package(folder, "mmflow", "import mmcv.runner")
    with pytest.raises(InputError, match=r"do not fit together \(No module named 'mmcv\.runner'; found mmcv \(none\)"):
        load_package("mmflow")


def test_what_a_package_forgot_to_declare_is_told(folder: Path) -> None:
    package(folder, "mmengine")
    package(folder, "mmcv")
    package(folder, "mmseg", "import no_such_thing")
    with pytest.raises(MissingExtraError, match="no_such_thing is not installed"):
        load_package("mmseg")


def test_an_opencv_that_needs_a_screen_is_told(folder: Path) -> None:
    package(folder, "mmengine")
    package(folder, "mmcv", "raise ImportError('libGL.so.1: cannot open shared object file')")
    with pytest.raises(InputError, match=r"OpenCV cannot be imported \(libGL\.so\.1: .*pip uninstall --yes"):
        prepare()


@pytest.mark.parametrize("works", [True, False])
def test_a_compiled_mmcv_is_left_alone_if_it_works(folder: Path, works: bool) -> None:
    package(folder, "mmengine")
    package(folder, "mmcv")
    (folder / "mmcv" / "_ext.py").write_text("" if works else "raise ImportError('undefined symbol')")
    package(folder, "mmcv/ops", "from mmcv import _ext\nCorrelation = 'compiled'")
    prepare()
    assert importlib.import_module("mmcv.ops").Correlation == ("compiled" if works else Correlation)


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
print(sorted(added), cv2.version.headless)
"""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    split = "ignore:'maxsplit' is passed as positional argument:DeprecationWarning"  # mmengine, from Python 3.13 on
    command = [sys.executable, "-W", "error", "-W", split, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['mmcv.ops', 'mmcv.ops.multi_scale_deform_attn'] True"


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
