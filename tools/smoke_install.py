"""Install a wheel where nothing else is and see whether it works: `python tools/smoke_install.py FOLDER PACKAGE`."""

from __future__ import annotations

import argparse
import configparser
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def the_wheel(folder: Path, package: str) -> Path:
    """The wheel of a package in a folder.

    Raises:
        RuntimeError: if there is not exactly one.
    """
    found = sorted(folder.glob(f"maskreel_{package}-*.whl"))
    if len(found) != 1:
        raise RuntimeError(f"{folder} holds {len(found)} wheels of {package}, wanted one")
    return found[0]


def commands_of(wheel: Path) -> list[str]:
    """The parts of the command `maskreel` that a wheel brings."""
    points = configparser.ConfigParser(delimiters="=")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/entry_points.txt"):
                points.read_string(archive.read(name).decode())
    return list(points["maskreel.commands"]) if points.has_section("maskreel.commands") else []


def smoke_install(folder: Path, package: str, *, find_links: Sequence[Path] = ()) -> None:
    """Install the wheel of a package with what it declares, import it and ask its commands for help.

    Args:
        folder: holds the wheel.
        package: without the prefix, such as `vfp`.
        find_links: further folders of wheels, for what no index has yet.

    Raises:
        RuntimeError: if there is no such wheel, or it does not install, import or answer.
    """
    wheel = the_wheel(folder, package)
    version = wheel.name.split("-")[1]
    links = [word for place in find_links for word in ("--find-links", str(place.resolve()))]
    if shutil.which("uv") is None:
        raise RuntimeError("there is no uv to install with")
    with tempfile.TemporaryDirectory(prefix="maskreel-smoke-") as name:
        place = Path(name)
        _run(place, "making an environment", "uv", "venv", "--quiet", "--python", sys.executable, "environment")
        python = place / "environment/bin/python"
        _run(place, f"installing {wheel.name}", "uv", "pip", "install", "--python", python, *links, wheel.resolve())
        code = (
            f"import importlib.metadata as m, maskreel.{package}; assert m.version('maskreel-{package}') == '{version}'"
        )
        _run(place, f"importing maskreel.{package}", python, "-I", "-c", code)
        for words in ([], *([command] for command in commands_of(wheel))):
            shown = " ".join(["maskreel", *words, "--help"])
            _run(place, repr(shown), python.parent / "maskreel", *words, "--help")


def _run(place: Path, what: str, *words: str | Path) -> None:
    print(f"  {what} ...", flush=True)
    run = subprocess.run([str(word) for word in words], cwd=place, check=False, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{what} failed: {(run.stderr or run.stdout).strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds the wheel, as of 'nox -s build'")
    parser.add_argument("package", help="its name without the prefix, such as vfp")
    parser.add_argument("--find-links", type=Path, action="append", default=[], metavar="FOLDER", help="further wheels")
    options = parser.parse_args()
    try:
        smoke_install(options.folder, options.package, find_links=options.find_links)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
