from __future__ import annotations

import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import check_wheels
import pytest
from check_wheels import folder_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
WEIGHTS = "maskreel/vfp/weights/masks.safetensors"
LIMITS = f"""
[weights]
"{WEIGHTS}" = 100
"maskreel/inpaint/small.safetensors" = 100
[wheels]
vfp = 5_000
[archives]
vfp = 5_000
"""
WHEEL = {
    "maskreel/vfp/__init__.py": b"",
    "maskreel/vfp/py.typed": b"",
    WEIGHTS: b"w" * 100,
    "maskreel_vfp-0.1.0.dist-info/METADATA": b"",
    "maskreel_vfp-0.1.0.dist-info/licenses/LICENSE": b"",
}
PACKAGE = (
    *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"),
    *("src/maskreel/vfp/__init__.py", "tests/test_vfp.py", "examples/first.py"),
)
ARCHIVE = (*PACKAGE, "PKG-INFO", ".gitignore", "conftest.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a package vfp, and limits for it."""
    tree = tmp_path / "tree"
    for name in PACKAGE:
        (tree / "packages/vfp" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "packages/vfp" / name).touch()
    (tree / "tools").mkdir()
    (tree / "tools/artifact_limits.toml").write_text(LIMITS)
    (tree / ".gitignore").write_text("__pycache__/\n")
    (tree / "packages/vfp/tests/__pycache__").mkdir()
    (tree / "packages/vfp/tests/__pycache__/test_vfp.pyc").touch()
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    return tree


def faults(tree: Path, wheel: Mapping[str, bytes] = WHEEL, archive: Iterable[str] = ARCHIVE) -> list[str]:
    """What is found in a wheel and a source archive with these files."""
    folder = tree.parent / "dist"
    folder.mkdir()
    with zipfile.ZipFile(folder / "maskreel_vfp-0.1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in wheel.items():
            opened.writestr(name, content)
    with tarfile.open(folder / "maskreel_vfp-0.1.0.tar.gz", "w:gz") as opened:
        for name in archive:
            opened.addfile(tarfile.TarInfo(f"maskreel_vfp-0.1.0/{name}"))
    return folder_faults(folder, ["vfp"], tree)


def test_a_good_pair_has_no_faults(tree: Path) -> None:
    assert faults(tree) == []


@pytest.mark.parametrize("name", [name for name in WHEEL if not name.endswith("METADATA")])
def test_what_a_wheel_lacks_is_named(tree: Path, name: str) -> None:
    (fault,) = faults(tree, {other: content for other, content in WHEEL.items() if other != name})
    assert "lacks" in fault
    assert name in fault


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("maskreel/__init__.py", "would hide every other package"),
        ("tests/test_version.py", "is not part of maskreel.vfp"),
        ("maskreel/inpaint/__init__.py", "is not part of maskreel.vfp"),
        ("maskreel/vfp/test_version.py", "belongs to tests"),
        ("maskreel/vfp/tests/data.json", "belongs to tests"),
        ("maskreel/vfp/conftest.py", "belongs to tests"),
        ("maskreel/vfp/stray.pth", "(4 bytes), which artifact_limits.toml does not list"),
    ],
)
def test_what_does_not_belong_into_a_wheel_is_named(tree: Path, name: str, why: str) -> None:
    assert any(f"holds {name}" in fault and why in fault for fault in faults(tree, WHEEL | {name: b"some"}))


def test_weights_under_another_name_are_seen_by_their_size(tree: Path) -> None:
    (fault,) = faults(tree, WHEEL | {"maskreel/vfp/_table.py": b" " * 300_000})
    assert "holds maskreel/vfp/_table.py (300000 bytes), which artifact_limits.toml does not list" in fault


def test_weights_that_grew_are_named(tree: Path) -> None:
    (fault,) = faults(tree, WHEEL | {WEIGHTS: b"w" * 101})
    assert f"holds {WEIGHTS} of 101 bytes; artifact_limits.toml allows 100" in fault


@pytest.mark.parametrize("name", [*PACKAGE, "conftest.py"])
def test_what_a_source_archive_lacks_is_named(tree: Path, name: str) -> None:
    found = faults(tree, archive=[other for other in ARCHIVE if other != name])
    assert f"maskreel_vfp-0.1.0.tar.gz lacks {name}" in found
    assert ("maskreel_vfp-0.1.0.tar.gz holds no tests" in found) == name.startswith("tests")


def test_what_git_does_not_have_is_named(tree: Path) -> None:
    (fault,) = faults(tree, archive=[*ARCHIVE, "tests/__pycache__/test_vfp.pyc"])
    assert fault == "maskreel_vfp-0.1.0.tar.gz holds tests/__pycache__/test_vfp.pyc, which git does not have"


@pytest.mark.parametrize("kind", ["wheels", "archives"])
def test_what_outgrew_its_limit_is_named(tree: Path, kind: str) -> None:
    (tree / "tools/artifact_limits.toml").write_text(LIMITS.replace(f"[{kind}]\nvfp = 5_000", f"[{kind}]\nvfp = 10"))
    (fault,) = faults(tree)
    assert fault.endswith("bytes; artifact_limits.toml allows 10")
    assert (".whl" in fault) == (kind == "wheels")


def test_a_package_without_a_limit_is_named(tree: Path) -> None:
    (tree / "tools/artifact_limits.toml").write_text(LIMITS.replace("[archives]\nvfp = 5_000", "[archives]"))
    assert faults(tree) == ["maskreel_vfp-0.1.0.tar.gz has no limit in artifact_limits.toml"]


def test_a_package_that_was_not_built_is_named(tree: Path, tmp_path: Path) -> None:
    assert folder_faults(tmp_path, ["vfp"], tree) == ["vfp: wanted one wheel and one source archive, got 0 and 0"]


def test_the_command_prints_sizes_and_faults(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert faults(tree) == []
    monkeypatch.setattr("sys.argv", ["check_wheels.py", str(tree.parent / "dist"), "vfp", "inpaint"])
    with pytest.raises(SystemExit) as stop:
        check_wheels.main()
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert "  0.00 MB  maskreel_vfp-0.1.0-py3-none-any.whl" in printed.out
    assert "inpaint: wanted one wheel" in printed.err


def test_the_limits_of_this_tree_are_of_files_and_packages_that_are_there() -> None:
    limits = tomllib.loads((ROOT / "tools/artifact_limits.toml").read_text())
    packages = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
    assert set(limits["wheels"]) == set(limits["archives"]) == packages
    for name, limit in limits["weights"].items():
        size = (ROOT / "packages" / name.split("/")[1] / "src" / name).stat().st_size
        assert limit / 2 < size <= limit
