"""Check what the wheels in a folder hold: `python tools/check_wheels.py FOLDER PACKAGE...`."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path


def wheel_faults(wheel: Path, package: str) -> list[str]:
    """Say what is wrong with the wheel of `package`; an empty list means nothing is."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wanted = {
        "py.typed": f"maskreel/{package}/py.typed",
        "its __init__.py": f"maskreel/{package}/__init__.py",
        "its licence": f"{wheel.name.split('-py3-')[0]}.dist-info/licenses/LICENSE",
    }
    faults = [f"lacks {what} ({name})" for what, name in wanted.items() if name not in names]
    if "maskreel/__init__.py" in names:
        faults.append("holds maskreel/__init__.py, which would hide every other package of the namespace")
    foreign = [name for name in names if not name.startswith((f"maskreel/{package}/", f"maskreel_{package}-"))]
    faults += [f"holds {name}, which is not part of maskreel.{package}" for name in foreign]
    return [f"{wheel.name} {fault}" for fault in faults]


def folder_faults(folder: Path, packages: list[str]) -> list[str]:
    """Say what is wrong with the wheels and source archives of `packages` in `folder`."""
    faults = []
    for package in packages:
        wheels = sorted(folder.glob(f"maskreel_{package}-*.whl"))
        archives = sorted(folder.glob(f"maskreel_{package}-*.tar.gz"))
        if (len(wheels), len(archives)) != (1, 1):
            faults.append(f"{package}: wanted one wheel and one source archive, got {len(wheels)} and {len(archives)}")
        for wheel in wheels:
            faults += wheel_faults(wheel, package)
    return faults


def main() -> None:
    folder, *packages = sys.argv[1:]
    faults = folder_faults(Path(folder), packages)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(packages)} wheels hold their package, py.typed and the licence, and nothing else.")


if __name__ == "__main__":
    main()
