"""The project's tasks: `nox -l` lists them, `nox -s TASK -- ARGUMENTS` hands arguments to the tool behind one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Iterator

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))


PYTHONS = nox.project.python_versions(nox.project.load_toml(ROOT / "packages/common/pyproject.toml"))
CASES = {name: nox.param(name, id=name, tags=[name]) for name in PACKAGES}
OF_EACH = nox.parametrize("package", list(CASES.values()))
OF_EACH_PART = nox.parametrize("package", [case for name, case in CASES.items() if name != "common"])


SIDE_BY_SIDE = ["-n", "2", "--dist", "loadfile"]
"""For pytest where all tests of something run; with arguments of the caller's own, it is left to him."""


def group(name: str, folder: str = ".") -> list[str]:
    """The requirements of a dependency group of the root pyproject.toml, or of that of a package."""
    return list(nox.project.dependency_groups(nox.project.load_toml(ROOT / folder / "pyproject.toml"), name))


def needs_of_tests(*packages: str) -> list[str]:
    """What the tests of packages need beside them."""
    return sorted({line for package in packages for line in group("test", f"packages/{package}")})


def editable(*packages: str) -> list[str]:
    """Options that install these packages from this tree."""
    return [word for package in packages for word in ("--editable", f"packages/{package}")]


def install_everything(session: nox.Session, *groups: str) -> None:
    """Install all packages of the tree, editable, together with some dependency groups."""
    session.log(f"Installing {', '.join(PACKAGES)} and what they need; PyTorch makes the first time long ...")
    lines = [line for name in groups for line in group(name)]
    session.install(*editable(*PACKAGES), *lines, *(needs_of_tests(*PACKAGES) if "test" in groups else []))
    install_mmcv(session)


def install_mmcv(session: nox.Session) -> None:
    """What it declares would bring an OpenCV with windows, in place of the one without that all parts use."""
    session.install("--no-deps", "mmcv-lite==2.0.1")


def without_screen() -> dict[str, str | None]:
    """Environment of a server without a screen; byte code may be cached, which makes importing PyTorch much faster.

    OpenMMLab is installed by `install_everything`, so its tests must run.
    """
    return {
        "DISPLAY": None,
        "WAYLAND_DISPLAY": None,
        "PYTHONDONTWRITEBYTECODE": None,
        "MASKREEL_REQUIRE_OPENMMLAB": "1",
    }


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of all packages, two files at a time; or of one package: `-- PACKAGE [pytest arguments]`."""
    words = list(session.posargs)
    places = [f"packages/{words.pop(0)}"] if words and words[0] in PACKAGES else []
    install_everything(session, "test")
    session.log(f"Testing {places[0] if places else 'all packages and tools'} ...")
    how = [] if session.posargs else SIDE_BY_SIDE
    session.run("python", "-m", "pytest", *how, *places, *words, env=without_screen())


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff; `-- --fix` mends what can be mended."""
    session.install(*group("lint"))
    session.log("Checking style ...")
    session.run("ruff", "check", *session.posargs)
    session.log("Checking format ...")
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check types with pyright."""
    install_everything(session, "test", "types")
    session.log("Checking types ...")
    session.run("pyright", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build wheels and source archives into dist/, of all packages or of those named: `-- PACKAGE...`; check them."""
    packages = list(session.posargs) or PACKAGES
    if strangers := sorted(set(packages) - set(PACKAGES)):
        session.error(f"There is no package {strangers[0]!r}, only {', '.join(PACKAGES)}.")
    session.install(*group("release"))
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for package in packages:
        session.log(f"Building {package} into dist/ ...")
        session.run("uv", "build", f"packages/{package}", "--no-sources", "--out-dir", "dist")
    session.log("Checking what they hold, what they weigh and what PyPI would show ...")
    session.run("python", "tools/check_wheels.py", "dist", *packages)
    session.run("twine", "check", "--strict", *sorted(map(str, Path("dist").glob("maskreel_*"))))


TOOLS = ROOT / "tools" / "packaging"
WORKING_TREE = "--working-tree"
"""Among the arguments of the tasks below: build what is not committed, too. The others go to pytest."""


def tool(session: nox.Session, name: str, *words: str | Path, silent: bool = False) -> str:
    """Run a script of tools/packaging with the Python of nox; if silent, return what it says."""
    return str(session.run(sys.executable, str(TOOLS / name), *map(str, words), external=True, silent=silent))


@contextmanager
def outside(session: nox.Session) -> Iterator[Path]:
    """Work in a folder outside the checkout, from where nothing of it can be imported by chance."""
    with tempfile.TemporaryDirectory(prefix="maskreel-") as place, session.chdir(place):
        yield Path(place)


def clean_tree(session: nox.Session, place: Path) -> Path:
    """Write HEAD, or the working tree if asked, into a folder of its own."""
    tool(session, "clean_tree.py", place / "tree", *([WORKING_TREE] if WORKING_TREE in session.posargs else []))
    return place / "tree"


def archives(session: nox.Session, tree: Path, *packages: str) -> Path:
    """Build source archives of packages of a tree, and wheels from these; return the folder that holds them."""
    house = tree.parent / "archives"
    for package in packages:
        session.log(f"Building {package} ...")
        session.run("uv", "build", "--quiet", "--no-sources", "--out-dir", str(house), str(tree / "packages" / package))
    return house


def archive(house: Path, package: str, ending: str = ".whl", *, extras: bool = False) -> str:
    """The requirement of one of them, without extras or with all of them."""
    project = nox.project.load_toml(ROOT / f"packages/{package}/pyproject.toml")["project"]
    names = ",".join(project.get("optional-dependencies", {}) if extras else ())
    path = next(house.glob(f"maskreel_{package}-*{ending}"))
    return f"maskreel-{package}{names and f'[{names}]'} @ {path.as_uri()}"


def import_everything(session: nox.Session, *packages: str, extras: bool = False) -> None:
    """Import every module of installed packages."""
    session.log(f"Importing every module of {', '.join(packages)} ...")
    script = str(TOOLS / "import_everything.py")
    session.run("python", "-I", script, *packages, *(["--extras"] if extras else []), env=without_screen())


def install_for_tests(session: nox.Session, house: Path, package: str, *words: str) -> None:
    """Install the wheel of a package with all its extras, that of `common`, and what the tests of the package need."""
    session.log(f"Installing {package} and what its tests need; PyTorch makes the first time long ...")
    siblings = [] if package == "common" else [archive(house, "common")]
    needs = [*needs_of_tests(package), *(line for line in group("test") if line.startswith("pytest-xdist"))]
    session.install(*siblings, archive(house, package, extras=True), *needs, *words)
    if package == "inpaint":
        install_mmcv(session)


def run_own_tests(session: nox.Session, tree: Path, house: Path, package: str) -> None:
    """Run the tests that the source archive holds against what is installed; nothing else of the tree is near."""
    home = tree.parent / "tests"
    (home / "unpacked").mkdir(parents=True)
    sources = str(next(house.glob(f"maskreel_{package}-*.tar.gz")))
    session.run("tar", "-x", "-f", sources, "-C", str(home / "unpacked"), external=True)
    (home / "packages").mkdir()
    next((home / "unpacked").iterdir()).rename(home / "packages" / package)
    shutil.copy(tree / "pyproject.toml", home)  # how pytest is set up
    words = [word for word in session.posargs if word != WORKING_TREE] or SIDE_BY_SIDE
    session.log(f"Testing {package} ...")
    with session.chdir(home):
        session.run("python", "-m", "pytest", f"packages/{package}", *words, env=without_screen())


@nox.session(default=False, reuse_venv=False)
@OF_EACH
def alone(session: nox.Session, package: str) -> None:
    """One package as its users get it: source archive and wheel of a clean tree with what they declare, and no more."""
    with outside(session) as place:
        tree = clean_tree(session, place)
        tool(session, "check_tree.py", "--root", tree, package)
        needed = sorted({"common", package})
        house = archives(session, tree, *needed)
        for ending in (".tar.gz", ".whl"):
            session.log(f"Installing {package} from its {ending} with nothing but what it declares ...")
            again = [word for name in needed for word in ("--reinstall-package", f"maskreel-{name}")]
            session.install(*(archive(house, name, ending) for name in needed), *again)
            session.run("uv", "pip", "check")
            import_everything(session, package)
        install_for_tests(session, house, package)
        run_own_tests(session, tree, house, package)


@nox.session(python=PYTHONS[0], default=False, reuse_venv=False)
@OF_EACH
def lowest(session: nox.Session, package: str) -> None:
    """One package with the lowest versions that it declares, extras included: imports and tests."""
    with outside(session) as place:
        tree = clean_tree(session, place)
        house = archives(session, tree, *sorted({"common", package}))
        floors, found = place / "floors.in", place / "floors.txt"
        floors.write_text(tool(session, "floors.py", "list", package, "--root", tree, silent=True))
        # Of folders: of wheels, uv would take the newest versions and say nothing.
        resolve = ["uv", "pip", "compile", "--quiet", "--no-sources", "--resolution", "lowest-direct"]
        ours = [word for name in PACKAGES for word in ("--no-emit-package", f"maskreel-{name}")]
        session.run(*resolve, *ours, "--python-version", PYTHONS[0], "--output-file", str(found), str(floors))
        install_for_tests(session, house, package, "--constraint", str(found))
        session.run("python", str(TOOLS / "floors.py"), "check", package, "--root", str(tree))
        import_everything(session, package, extras=True)
        run_own_tests(session, tree, house, package)


@nox.session(default=False, reuse_venv=False)
def together(session: nox.Session) -> None:
    """The wheels of all packages in one environment: they agree, import, and the command finds all of them."""
    with outside(session) as place:
        house = archives(session, clean_tree(session, place), *PACKAGES)
        session.install(*(archive(house, package) for package in PACKAGES))
        session.run("uv", "pip", "check")
        import_everything(session, *PACKAGES)
        told = str(session.run("maskreel", "--help", silent=True))
        if "not installed" in told:
            session.error(f"maskreel --help misses parts that are installed:\n{told}")
        for part in sorted(set(PACKAGES) - {"common"}):
            session.run("maskreel", part, "--help", silent=True)


@nox.session(default=False, reuse_venv=False)
@OF_EACH_PART
def siblings(session: nox.Session, package: str) -> None:
    """One part with the oldest release of common in its range, built from its tag: imports and tests."""
    tag = tool(session, "oldest_common.py", package, silent=True).strip()
    if not tag:
        session.skip(f"No release of common (a tag common-v...) lies in the range that {package} asks for, so far.")
    with outside(session) as place:
        tool(session, "clean_tree.py", place / "released", "--ref", tag)
        tree = clean_tree(session, place)
        session.log(f"Taking common from {tag} ...")
        archives(session, place / "released", "common")
        house = archives(session, tree, package)
        install_for_tests(session, house, package)
        import_everything(session, package, extras=True)
        run_own_tests(session, tree, house, package)


@nox.session(python=PYTHONS, default=False, reuse_venv=False)
@OF_EACH
def python(session: nox.Session, package: str) -> None:
    """One package on each Python that it is for: imports and tests."""
    with outside(session) as place:
        tree = clean_tree(session, place)
        house = archives(session, tree, *sorted({"common", package}))
        install_for_tests(session, house, package)
        import_everything(session, package, extras=True)
        run_own_tests(session, tree, house, package)


@nox.session(name="min-deps", default=False, reuse_venv=False)
@OF_EACH
def min_deps(session: nox.Session, package: str) -> None:
    """One package without extras: it imports, its command answers, and what needs an extra says which."""
    with outside(session) as place:
        needed = sorted({"common", package})
        house = archives(session, clean_tree(session, place), *needed)
        session.install(*(archive(house, name) for name in needed))
        import_everything(session, package)
        session.run("maskreel", *([] if package == "common" else [package]), "--help", silent=True)
        session.run("python", "-I", str(TOOLS / "missing_extras.py"), package, env=without_screen())


@nox.session(default=False, reuse_venv=False)
@OF_EACH
def examples(session: nox.Session, package: str) -> None:
    """The examples of one package, each run by the commands that it tells its readers."""
    with outside(session) as place:
        tree = clean_tree(session, place)
        house = archives(session, tree, *sorted({"common", package}))
        install_for_tests(session, house, package)
        script, folder = str(TOOLS / "run_examples.py"), str(tree / "packages" / package / "examples")
        session.run("python", "-I", script, folder, env=without_screen())


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Release one package, without pushing anything: `-- PACKAGE patch|minor|major [--dry-run]`."""
    session.install(*group("release"))
    session.run("python", "tools/release.py", *session.posargs)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Let all four systems work, and show it on one page, demo/index.html; what is done is not done again."""
    session.log("Installing the four parts; PyTorch makes the first time long ...")
    session.install(*editable("common", "inpaint", "animate", "vfp[segment]", "inversion"))
    session.log("Making the demo; a few minutes for each part ...")
    session.run("python", "tools/demo/make.py", "--out", "demo", *session.posargs, env=without_screen())


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """Run the tests that need CUDA; with MASKREEL_REQUIRE_CUDA set, a missing device is a failure, not a skip."""
    promised = bool(os.environ.get("MASKREEL_REQUIRE_CUDA"))
    install_everything(session, "test")
    session.log(f"Running the tests that need CUDA; without a device they {'fail' if promised else 'are skipped'} ...")
    session.run("python", "-m", "pytest", "-m", "needs_cuda", *session.posargs, env=without_screen())


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Kill jobs of every part at random moments, and worse; see that nothing is lost: `-- PART --fault FAULT`."""
    install_everything(session, "test")
    session.log("Killing, starving, locking out and doubling small jobs; all parts and faults take long ...")
    words = session.posargs or ["all", "--fault", "all", "--times", "5"]
    session.run("python", "tools/faults/kill_at_random.py", *words, env=without_screen())


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Let every reader try damaged files: `-- --seconds 300 --seed 1`; failing files are kept in fuzz-failures/."""
    install_everything(session, "test")
    session.log("Damaging files ...")
    session.run("python", "-m", "fuzz", *session.posargs, env=without_screen() | {"PYTHONPATH": str(ROOT / "tools")})


@nox.session(default=False)
def slurm(session: nox.Session) -> None:
    """Train and fill on a real Slurm, brought up on this machine (as root) unless SLURM_CONF names one."""
    install_everything(session, "test")
    environment = without_screen() | {"MASKREEL_REQUIRE_SLURM": "1"}
    script, place = "tools/slurm/local_cluster.sh", str(Path(session.create_tmp()).resolve() / "cluster")
    brought_up = "SLURM_CONF" not in os.environ
    if brought_up:
        session.run(script, "up", place, external=True)
        environment["SLURM_CONF"] = f"{place}/slurm.conf"
    try:
        session.log("Submitting jobs ...")
        session.run("python", "-m", "pytest", "-m", "needs_slurm", *session.posargs, env=environment)
    finally:
        if brought_up:
            session.run(script, "down", place, external=True)
