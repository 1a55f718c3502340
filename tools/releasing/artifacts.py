"""Builds the wheel and the source archive of a package, looks into them, and tries the wheel out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from check_wheels import folder_faults
from smoke_install import smoke_install

from releasing.errors import ReleaseError
from releasing.ground_floor import released_common
from releasing.repository import git
from releasing.tags import tag_of

if TYPE_CHECKING:
    from pathlib import Path


def uv() -> str:
    """The command uv.

    Raises:
        ReleaseError: if it is not installed.
    """
    found = shutil.which("uv")
    if found is None:
        raise ReleaseError("there is no uv; run this as 'nox -s release -- PACKAGE LEVEL', which installs it")
    return found


def run(what: str, *words: str) -> None:
    """Run a command whose messages are for all to see.

    Raises:
        ReleaseError: if it fails.
    """
    if subprocess.run(words, check=False).returncode:
        raise ReleaseError(f"{what} failed, as told above")


def build(tree: Path, package: str, out: Path, *flags: str) -> None:
    """Build wheel and source archive of a package into `out`."""
    place = str(tree / "packages" / package)
    words = ("build", "--quiet", place, "--no-sources", "--python", sys.executable, "--out-dir", str(out), *flags)
    run(f"building {package}", uv(), *words)


def inspect(tree: Path, package: str, out: Path) -> None:
    """Look into wheel and source archive."""
    if faults := folder_faults(out, [package], tree):
        raise ReleaseError("; ".join(faults))


def check_page(tree: Path, package: str, out: Path) -> None:
    """Let twine look at what PyPI would take and show."""
    files = sorted(str(path) for path in out.glob("maskreel_*"))
    run("twine check", sys.executable, "-m", "twine", "check", "--strict", *files)


def try_out(tree: Path, package: str, out: Path) -> None:
    """Install the wheel where nothing else is, with `maskreel-common` as it was released, and use it."""
    ground = out / "common"
    if package != "common":
        build_released_common(tree, package, ground)
    try:
        smoke_install(out, package, find_links=[ground] if ground.exists() else [])
    except RuntimeError as error:
        raise ReleaseError(str(error)) from None


def build_released_common(tree: Path, package: str, out: Path) -> None:
    """Build the wheel of the released `maskreel-common` that users of a package will get."""
    tag = tag_of("common", released_common(tree, package))
    source = out.parent / "common-source"
    source.mkdir()
    git(tree, "archive", "--output", str(source / "tree.tar"), tag)
    shutil.unpack_archive(source / "tree.tar", source, filter="data")
    build(source, "common", out, "--wheel")
