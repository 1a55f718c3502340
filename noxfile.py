"""The project's tasks: `nox -l` lists them, `nox -s TASK -- ARGUMENTS` hands arguments to the tool behind one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))


def group(name: str) -> list[str]:
    """The requirements of one dependency group of the root pyproject.toml."""
    return list(nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), name))


def editable(*packages: str) -> list[str]:
    """Options that install these packages from this tree."""
    return [word for package in packages for word in ("--editable", f"packages/{package}")]


def install_everything(session: nox.Session, *groups: str) -> None:
    """Install all packages of the tree, editable, together with some dependency groups."""
    session.log(f"Installing {', '.join(PACKAGES)} and what they need; PyTorch makes the first time long ...")
    session.install(*editable(*PACKAGES), *(line for name in groups for line in group(name)))
    # What it declares would bring an OpenCV with windows, in place of the one without that all parts use.
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
    """Run the tests of all packages together, or of one: `-- PACKAGE [pytest arguments]`."""
    words = list(session.posargs)
    places = [f"packages/{words.pop(0)}"] if words and words[0] in PACKAGES else []
    install_everything(session, "test")
    session.log(f"Testing {places[0] if places else 'all packages and tools'} ...")
    session.run("python", "-m", "pytest", *places, *words, env=without_screen())


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
    """Build wheels and source archives of all packages into dist/ and check what the wheels hold."""
    session.install("uv")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.log(f"Building {', '.join(PACKAGES)} into dist/ ...")
    session.run("uv", "build", "--all-packages", "--no-sources", "--out-dir", "dist", *session.posargs)
    session.log("Checking the wheels ...")
    session.run("python", "tools/check_wheels.py", "dist", *PACKAGES)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Remove all pedestrians from a real clip; the result and its report go to demo/."""
    session.log("Installing maskreel-inpaint; PyTorch makes the first time long ...")
    session.install(*editable("common", "inpaint"))
    session.log("Fetching a clip ...")
    clip = str(session.run("python", "tools/fetch_sample.py", silent=True, stderr=None)).splitlines()[-1]
    clean = Path("demo") / f"{Path(clip).stem}.clean.mp4"
    session.log(f"Removing everything that moves from {clip} ...")
    session.run("maskreel", "inpaint", "run", clip, "-o", str(clean), *session.posargs, env=without_screen())
    made = sorted(str(path) for path in clean.parent.glob(f"{clean.stem}*") if path.is_file())
    session.log(f"Done. Look at {', '.join(made)}")


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """Run the tests that need CUDA; with MASKREEL_REQUIRE_CUDA set, a missing device is a failure, not a skip."""
    promised = bool(os.environ.get("MASKREEL_REQUIRE_CUDA"))
    install_everything(session, "test")
    session.log(f"Running the tests that need CUDA; without a device they {'fail' if promised else 'are skipped'} ...")
    session.run("python", "-m", "pytest", "-m", "needs_cuda", *session.posargs, env=without_screen())


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
