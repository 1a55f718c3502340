"""Each check of tools/packaging passes on this tree, and fails on a tiny one that has the fault."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from check_tree import package_faults
from floors import floor_faults, requirements
from import_scan import imports
from missing_extras import SNIPPETS
from oldest_common import asked_range, oldest_tag
from package_tree import ROOT, Package, packages_of
from private_imports import private_import_faults
from public_names import inventory_faults, public_names, write_inventory
from run_examples import commands_of, example_faults
from stray_inits import namespace_faults
from undeclared_imports import import_faults
from version_ranges import range_faults

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project]
name = "maskreel-{name}"
version = "{version}"
dependencies = [{dependencies}]
optional-dependencies = {{ train = ["mmengine-lite>=0.10"] }}
[dependency-groups]
test = ["pytest>=8", "maskreel-{name}[train]"]
"""
SCRIPTS = ROOT / "tools" / "packaging"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two packages without a fault, and their inventory."""
    write_package(tmp_path, "common", '"torch>=2.6"')
    write_package(tmp_path, "vfp", '"maskreel-common>=0.1,<0.2", "numpy>=1.26"')
    write_inventory(tmp_path)
    return tmp_path


def write_package(root: Path, name: str, dependencies: str, version: str = "0.1.3") -> Package:
    folder = root / "packages" / name
    leaf = folder / "src" / "maskreel" / name
    (leaf / "things").mkdir(parents=True, exist_ok=True)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name, version=version, dependencies=dependencies))
    (leaf / "__init__.py").write_text('"""A leaf."""\n__all__: list[str] = []\n')
    (leaf / "py.typed").touch()
    (leaf / "things" / "__init__.py").write_text('__all__ = ["Thing", "build"]\n')
    (leaf / "things" / "_hidden.py").write_text('import mmengine\n__all__ = ["secret"]\n')
    (folder / "tests" / "test_things.py").write_text("import pytest, mmengine\n")
    return Package(folder)


def source(package: Package, name: str, text: str) -> None:
    (package.namespace / package.name / name).write_text(text)


@pytest.mark.parametrize("package", packages_of(), ids=lambda package: package.name)
def test_this_tree_has_no_faults(package: Package) -> None:
    assert package_faults(package) == []


@pytest.mark.parametrize("package", packages_of(), ids=lambda package: package.name)
def test_the_newest_version_of_the_changelog_is_that_of_the_package(package: Package) -> None:
    newest = re.search(r"^## \[(\d.*?)\]", (package.folder / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == package.version


def test_this_tree_has_all_five_packages() -> None:
    assert {package.name for package in packages_of()} >= {"common", "inversion", "vfp", "animate", "inpaint"}


def test_the_tiny_tree_has_no_faults(tree: Path) -> None:
    assert [fault for package in packages_of(tree) for fault in package_faults(package, tree)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import torch", "imports torch, but vfp declares it neither as a dependency nor in an extra"),
        ("def f():\n    from PIL import Image", "imports pillow, but"),
        ("import maskreel.inpaint", "imports maskreel-inpaint, but"),
        ("import mmengine", "imports mmengine-lite as it begins; import that of an extra inside the function"),
        ("from maskreel.vfp.things._hidden import secret", "imports maskreel.vfp.things._hidden as it begins, and so"),
        ("from maskreel.vfp.things import _hidden", "imports maskreel.vfp.things._hidden as it begins, and so"),
    ],
)
def test_an_undeclared_or_early_import_is_a_fault(tree: Path, text: str, fault: str) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "more.py", text)
    (found,) = import_faults(package)
    assert found.startswith("vfp/src/maskreel/vfp/more.py imports")
    assert fault in found


@pytest.mark.parametrize(
    "text",
    [
        "import json, numpy.linalg",
        "from maskreel.common import masks",
        "def f():\n    import mmengine",
        "def f():\n    from maskreel.vfp.things import _hidden",
        "if TYPE_CHECKING:\n    from mmengine import Config",
        "def f():\n    import detectron2",
    ],
)
def test_a_declared_import_is_none(tree: Path, text: str) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "more.py", text)
    assert import_faults(package) == []


@pytest.mark.parametrize("text", ["import skimage", "def test():\n    pytest.importorskip('skimage.metrics')"])
def test_what_tests_import_is_declared_in_their_group(tree: Path, text: str) -> None:
    package = Package(tree / "packages" / "vfp")
    (package.folder / "tests" / "test_more.py").write_text(text)
    (found,) = import_faults(package)
    assert "tests/test_more.py imports scikit-image, but vfp has it neither among its dependencies nor" in found


def test_what_tests_import_for_types_alone_need_not_be_there(tree: Path) -> None:
    package = Package(tree / "packages" / "vfp")
    (package.folder / "tests" / "test_more.py").write_text("if TYPE_CHECKING:\n    from browser import Browser")
    assert import_faults(package) == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("from maskreel.common.video._mux import Muxer", "maskreel.common.video._mux.Muxer"),
        ("def f():\n    from maskreel.common.atomic import _umask", "maskreel.common.atomic._umask"),
        ("import maskreel.common._deep", "maskreel.common._deep"),
    ],
)
def test_what_common_keeps_to_itself_is_left_alone(tree: Path, text: str, private: str) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "more.py", text)
    (found,) = private_import_faults(package)
    assert found.startswith(f"vfp/src/maskreel/vfp/more.py imports {private}, which is private")
    assert found in package_faults(package, tree)


@pytest.mark.parametrize(
    "text",
    [
        "from maskreel.common.video import Clip",
        "from maskreel.common import __version__",
        "from maskreel.vfp.things import _hidden",
        "from torch._C import x",
    ],
)
def test_public_names_and_secrets_of_its_own_are_not(tree: Path, text: str) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "more.py", text)
    assert private_import_faults(package) == []


def test_relative_imports_are_refused() -> None:
    with pytest.raises(ValueError, match="line 1 has a relative import"):
        list(imports(ast.parse("from . import masks").body, in_functions=True))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("__init__.py", "vfp/src/maskreel/__init__.py must not be there: it hides every other package"),
        ("py.typed", "vfp/src/maskreel/py.typed must not be there: it belongs into the leaf"),
    ],
)
def test_a_stray_file_of_the_namespace_is_a_fault(tree: Path, name: str, fault: str) -> None:
    package = Package(tree / "packages" / "vfp")
    (package.namespace / name).touch()
    (found,) = namespace_faults(package)
    assert found.startswith(fault)


@pytest.mark.parametrize("name", ["__init__.py", "py.typed"])
def test_a_leaf_without_its_files_is_a_fault(tree: Path, name: str) -> None:
    package = Package(tree / "packages" / "vfp")
    (package.namespace / "vfp" / name).unlink()
    assert namespace_faults(package) == [f"vfp/src/maskreel/vfp/{name} is missing"]


@pytest.mark.parametrize(
    ("dependencies", "fault"),
    [
        ('"maskreel-common>=0.2,<0.3"', "which leaves out common 0.1.3 of this tree"),
        ('"maskreel-common>=0.1.4,<0.2"', "which leaves out common 0.1.3 of this tree"),
        ('"maskreel-common==0.1.3"', "expected a range such as maskreel-common>=0.1,<0.2"),
        ('"maskreel-common>=0.1"', "expected a range"),
        ('"maskreel-common"', "expected a range"),
        ('"maskreel-common>=0.1,<0.2", "maskreel-inpaint>=0.1,<0.2"', "a part knows common and no other part"),
        ('"maskreel-common>=0.1,<0.2", "numpy"', "asks for numpy in any version"),
        ('"numpy>=1.26"', "vfp must ask for maskreel-common once, not 0 times"),
    ],
)
def test_a_range_that_lies_is_a_fault(tree: Path, dependencies: str, fault: str) -> None:
    (found,) = range_faults(write_package(tree, "vfp", dependencies))
    assert fault in found


def test_common_knows_no_part(tree: Path) -> None:
    (found,) = range_faults(write_package(tree, "common", '"maskreel-vfp>=0.1,<0.2"'))
    assert "common knows none" in found


def test_public_names_are_those_of_public_modules(tree: Path) -> None:
    names = public_names(Package(tree / "packages" / "vfp"))
    assert names == {"maskreel.vfp": [], "maskreel.vfp.things": ["Thing", "build"]}


def test_a_vanished_name_is_a_fault_until_the_inventory_is_written(tree: Path) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "things/__init__.py", '__all__ = ["build", "render"]\n')
    gone, new = inventory_faults(package, tree)
    assert gone.startswith("maskreel.vfp.things: Thing gone; bring back")
    assert new.startswith("maskreel.vfp.things: render public, but not in")
    write_inventory(tree)
    assert inventory_faults(package, tree) == []


def test_a_vanished_module_and_a_leaf_without_names_are_faults(tree: Path) -> None:
    package = Package(tree / "packages" / "vfp")
    shutil.rmtree(package.namespace / "vfp" / "things")
    source(package, "__init__.py", "")
    assert [fault.split(";")[0] for fault in inventory_faults(package, tree)] == [
        "maskreel.vfp lists no __all__ in its __init__.py",
        "maskreel.vfp.things: Thing, build gone",
    ]


def test_names_that_only_running_tells_are_refused(tree: Path) -> None:
    package = Package(tree / "packages" / "vfp")
    source(package, "more.py", "__all__ = list(range(3))")
    with pytest.raises(ValueError, match=r"__all__ of .*more.py must be a list of plain strings"):
        public_names(package)


def test_the_command_fails_with_the_faults_and_names_what_there_is(tree: Path) -> None:
    def check(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPTS / "check_tree.py"), "--root", str(tree), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "common, vfp: imports, namespace, ranges and public names are right" in check().stdout
    source(Package(tree / "packages" / "vfp"), "more.py", "import torch")
    assert check("common").returncode == 0
    assert (found := check("vfp")).returncode == 1
    assert "imports torch" in found.stderr
    assert (found := check("animate")).returncode == 2
    assert "which has common, vfp" in found.stderr


def test_floors_are_asked_of_folders_with_all_extras(tree: Path) -> None:
    vfp = write_package(tree, "vfp", '"maskreel-common[train]>=0.1,<0.2"')
    packages = tree / "packages"
    assert requirements(vfp) == [f"-e {packages}/common[train]", f"-e {packages}/vfp[train]"]
    assert requirements(Package(packages / "common")) == [f"-e {packages}/common[train]"]


@pytest.mark.parametrize(
    ("versions", "faults"),
    [
        ({"numpy": "1.26.4", "mmengine-lite": "0.10.0"}, []),
        (
            {"numpy": "2.0.0", "mmengine-lite": "0.10.7"},
            ["numpy from 1.26 on, but the oldest that fits the rest is 2.0"],
        ),
    ],
)
def test_a_floor_that_nothing_was_tried_with_is_a_fault(
    tree: Path, versions: dict[str, str], faults: list[str]
) -> None:
    found = floor_faults(Package(tree / "packages" / "vfp"), versions.__getitem__)
    assert len(found) == len(faults)
    assert all(fault in told for fault, told in zip(faults, found, strict=True))


@pytest.mark.parametrize(
    ("tags", "tag"),
    [
        (["common-v0.1.10", "common-v0.1.9", "common-v0.2.0", "common-v0.0.9"], "common-v0.1.9"),
        (["vfp-v0.1.0", "common-v0.2.0", "common-vnext"], None),
        ([], None),
    ],
)
def test_the_oldest_release_in_the_range_is_found(tree: Path, tags: list[str], tag: str | None) -> None:
    assert oldest_tag(tags, asked_range(Package(tree / "packages" / "vfp"))) == tag


def test_a_clean_tree_is_what_is_committed_or_what_stands(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)

    def copy(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPTS / "clean_tree.py"), str(tmp_path / name), "--root", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    git("init")
    for name, text in {"kept.py": "old", "gone.py": "", ".gitignore": "*.log"}.items():
        (root / name).write_text(text)
    git("add", ".")
    git("commit", "-m", "a")
    (root / "kept.py").write_text("new")
    (root / "added.py").touch()
    (root / "noise.log").touch()
    (root / "gone.py").unlink()

    assert copy("head").returncode == 0
    assert {path.name for path in (tmp_path / "head").iterdir()} == {"kept.py", "gone.py", ".gitignore"}
    assert (tmp_path / "head" / "kept.py").read_text() == "old"
    assert copy("standing", "--working-tree").returncode == 0
    assert {path.name for path in (tmp_path / "standing").iterdir()} == {"kept.py", "added.py", ".gitignore"}
    assert (tmp_path / "standing" / "kept.py").read_text() == "new"
    assert "is not an empty folder" in copy("head").stderr
    assert "git archive --format=tar v9 failed" in copy("other", "--ref", "v9").stderr


def test_commands_are_read_off_the_docstring() -> None:
    lines = [
        "Does it.",
        "",
        "python a.py in.mp4 # so",
        "maskreel vfp run a \\",
        '    --b "1=x y"',
        "pythons are snakes",
    ]
    text = '"""' + "\n".join(lines) + '\n"""\n'
    assert commands_of(text) == [
        ["python", "a.py", "in.mp4"],
        ["maskreel", "vfp", "run", "a", "--b", "1=x y"],
    ]


def test_examples_that_fail_or_do_nothing_are_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("run_examples.make_input", lambda place: (place / "in.txt").touch())
    for name, body in {
        "good": "open('out.txt', 'w').close()",
        "idle": "open('in.txt').close()",
        "bad": "1 / 0",
    }.items():
        (tmp_path / f"{name}.py").write_text(f'"""Example.\n\npython {name}.py\n"""\n{body}\n')
    bad, idle = example_faults(tmp_path)
    assert "python bad.py ended with 1:" in bad
    assert "ZeroDivisionError" in bad
    assert idle == "python idle.py left no file and said nothing"
    assert example_faults(tmp_path / "none") == [f"{tmp_path / 'none'} has no examples"]


INSTALLED = {
    "__init__": "__all__ = ['absent']",
    "fine": "__all__ = ['x']\nx = 1",
    "_optional": "import mmengine_that_nobody_has",
    "extra": "class MissingExtraError(ImportError): pass\nraise MissingExtraError('run: pip install')",
    "broken": "import nowhere",
}


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        ([], ["maskreel.toy.__all__ lists absent", "maskreel.toy.broken: ModuleNotFoundError"]),
        (["--extras"], ["__all__ lists absent", "toy._optional: Mod", "toy.broken: Mod", "toy.extra: MissingExtra"]),
    ],
)
def test_modules_that_do_not_import_are_faults(tmp_path: Path, words: list[str], faults: list[str]) -> None:
    """In an environment without pip, whose packages lie where an installation puts them, and once where it does not."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    place = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    leaf = place / "maskreel" / "toy"
    leaf.mkdir(parents=True)
    for name, text in INSTALLED.items():
        (leaf / f"{name}.py").write_text(text)
    (place / "maskreel_toy-1.dist-info").mkdir()
    (place / "maskreel_toy-1.dist-info" / "METADATA").write_text("Name: maskreel-toy\nVersion: 1\nProvides-Extra: a\n")
    python, script = str(tmp_path / "venv" / "bin" / "python"), str(SCRIPTS / "import_everything.py")

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, *options, "toy", *words], capture_output=True, text=True, check=False)

    found = run("-I", script)
    assert found.returncode == 1
    told = found.stderr.strip().splitlines()
    assert len(told) == len(faults)
    assert all(fault in line for fault, line in zip(faults, told, strict=True))
    assert "expected python -I" in run(script).stderr
    (tmp_path / "elsewhere").mkdir()
    (place / "maskreel").rename(tmp_path / "elsewhere" / "maskreel")
    (place / "editable.pth").write_text(str(tmp_path / "elsewhere"))
    assert "not from where packages are installed" in run("-I", script).stderr


EXTRAS = """
import missing_extras
class MissingExtraError(ImportError): pass
class Metadata:
    def get_all(self, key): return ["good", "silent", "other", "new"]
missing_extras.metadata.metadata = lambda name: Metadata()
raised = "raise type('MissingExtraError', (ImportError,), {})(\\"run: pip install 'maskreel-toy[good]'\\")"
snippets = {"good": raised, "silent": "", "other": "1 / 0", "old": ""}
print("FAULTS", *missing_extras.extra_faults("toy", snippets), sep="\\n")
"""


def test_an_extra_that_is_missed_in_other_words_is_a_fault() -> None:
    done = subprocess.run([sys.executable, "-c", EXTRAS], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    told = done.stdout.partition("FAULTS\n")[2].strip().splitlines()
    assert [line.partition(",")[0] for line in told] == [
        "toy[new] is not tried out in missing_extras.py",
        "toy[old] is tried out",
        "toy[other] is missing",
        "toy[silent] is not installed",
    ]
    assert "got ZeroDivisionError" in done.stdout


@pytest.mark.parametrize("snippet", [snippet for snippets in SNIPPETS.values() for snippet in snippets.values()])
def test_the_first_steps_that_miss_an_extra_name_what_is_there(snippet: str) -> None:
    for step in ast.walk(ast.parse(snippet)):
        if isinstance(step, ast.ImportFrom):
            module = importlib.import_module(str(step.module))
            assert [name.name for name in step.names if not hasattr(module, name.name)] == [], snippet
