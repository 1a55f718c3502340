from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from check_wheels import folder_faults

if TYPE_CHECKING:
    from pathlib import Path

GOOD = (
    "maskreel/vfp/__init__.py",
    "maskreel/vfp/py.typed",
    "maskreel_vfp-0.1.0.dist-info/METADATA",
    "maskreel_vfp-0.1.0.dist-info/licenses/LICENSE",
)


def write_archives(folder: Path, names: tuple[str, ...]) -> None:
    (folder / "maskreel_vfp-0.1.0.tar.gz").touch()
    with zipfile.ZipFile(folder / "maskreel_vfp-0.1.0-py3-none-any.whl", "w") as wheel:
        for name in names:
            wheel.writestr(name, "")


def test_a_good_wheel_has_no_faults(tmp_path: Path) -> None:
    write_archives(tmp_path, GOOD)
    assert folder_faults(tmp_path, ["vfp"]) == []


@pytest.mark.parametrize("name", [name for name in GOOD if not name.endswith("METADATA")])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    write_archives(tmp_path, tuple(other for other in GOOD if other != name))
    (fault,) = folder_faults(tmp_path, ["vfp"])
    assert f"({name})" in fault


@pytest.mark.parametrize("name", ["maskreel/__init__.py", "tests/test_version.py", "maskreel/inpaint/__init__.py"])
def test_what_does_not_belong_is_named(tmp_path: Path, name: str) -> None:
    write_archives(tmp_path, (*GOOD, name))
    assert any(f"holds {name}" in fault for fault in folder_faults(tmp_path, ["vfp"]))


def test_a_package_that_was_not_built_is_named(tmp_path: Path) -> None:
    assert folder_faults(tmp_path, ["vfp"]) == ["vfp: wanted one wheel and one source archive, got 0 and 0"]
