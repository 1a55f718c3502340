"""Check what wheels and source archives hold and weigh: `python tools/check_wheels.py FOLDER PACKAGE...`.

A wheel holds its package with py.typed and the licence, no tests, and no weights but those that artifact_limits.toml
lists. A source archive holds all that git has of the package, so that its tests can be run from it. Both stay under
the sizes of artifact_limits.toml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
LIMITS = ROOT / "tools/artifact_limits.toml"
WEIGHTS = {
    *(".safetensors", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".bin", ".pkl", ".npz", ".npy"),
    *(".zip", ".tar", ".gz", ".xz"),
}
"""Endings of files that may hold weights."""
LARGE = 262_144
"""Bytes that no source file has."""
NEEDED = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "conftest.py")
"""What a source archive holds beside sources and tests; conftest.py is the tree's, with the marks of tests."""


def wheel_faults(wheel: Path, package: str, weights: dict[str, int]) -> list[str]:
    """Say what is wrong with the wheel of `package`; an empty list means nothing is."""
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    wanted = {
        "py.typed": f"maskreel/{package}/py.typed",
        "its __init__.py": f"maskreel/{package}/__init__.py",
        "its licence": f"{wheel.name.split('-py3-')[0]}.dist-info/licenses/LICENSE",
    }
    faults = [f"lacks {what} ({name})" for what, name in wanted.items() if name not in sizes]
    if "maskreel/__init__.py" in sizes:
        faults.append("holds maskreel/__init__.py, which would hide every other package of the namespace")
    foreign = [name for name in sizes if not name.startswith((f"maskreel/{package}/", f"maskreel_{package}-"))]
    faults += [f"holds {name}, which is not part of maskreel.{package}" for name in foreign]
    faults += [f"holds {name}, which belongs to tests" for name in sizes if is_of_tests(name)]
    own = {name: limit for name, limit in weights.items() if name.startswith(f"maskreel/{package}/")}
    return [f"{wheel.name} {fault}" for fault in faults + weight_faults(sizes, own)]


def is_of_tests(name: str) -> bool:
    """Whether a file of a wheel should have stayed in the folder tests."""
    path = PurePosixPath(name)
    return path.name == "conftest.py" or path.match("test_*.py") or bool({"tests", "__pycache__"} & set(path.parts))


def weight_faults(sizes: dict[str, int], weights: dict[str, int]) -> list[str]:
    """Weights that are not on the list, that are not there, or that have grown."""
    faults = [
        f"holds {name} ({size} bytes), which {LIMITS.name} does not list"
        for name, size in sizes.items()
        if name not in weights and (PurePosixPath(name).suffix in WEIGHTS or size > LARGE)
    ]
    for name, limit in weights.items():
        if name not in sizes:
            faults.append(f"lacks {name}, which {LIMITS.name} lists")
        elif sizes[name] > limit:
            faults.append(f"holds {name} of {sizes[name]} bytes; {LIMITS.name} allows {limit}")
    return faults


def archive_faults(archive: Path, tracked: set[str]) -> list[str]:
    """Say what is wrong with a source archive: it should hold the files in `tracked` and nothing else."""
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    faults = [f"lacks {name}" for name in sorted((tracked | set(NEEDED)) - names)]
    if not any(PurePosixPath(name).match("tests/test_*.py") for name in names):
        faults.append("holds no tests")
    strays = names - tracked - set(NEEDED) - {"PKG-INFO", ".gitignore"}
    faults += [f"holds {name}, which git does not have" for name in sorted(strays)]
    return [f"{archive.name} {fault}" for fault in faults]


def tracked_files(tree: Path, package: str) -> set[str]:
    """Files of a package that git has or would take, by their paths in the package."""
    place = tree / "packages" / package
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in listed if name and (place / name).exists()}


def size_fault(path: Path, limit: int | None) -> list[str]:
    """Say so if a file is larger than it may be, or if nobody said how large it may be."""
    size = path.stat().st_size
    if limit is None:
        return [f"{path.name} has no limit in {LIMITS.name}"]
    return [f"{path.name} has {size} bytes; {LIMITS.name} allows {limit}"] if size > limit else []


def folder_faults(folder: Path, packages: list[str], tree: Path = ROOT) -> list[str]:
    """Say what is wrong with the wheels and source archives of `packages` in `folder`, built from `tree`."""
    limits = tomllib.loads((tree / "tools" / LIMITS.name).read_text("utf-8"))
    faults = []
    for package in packages:
        wheels = sorted(folder.glob(f"maskreel_{package}-*.whl"))
        archives = sorted(folder.glob(f"maskreel_{package}-*.tar.gz"))
        if (len(wheels), len(archives)) != (1, 1):
            faults.append(f"{package}: wanted one wheel and one source archive, got {len(wheels)} and {len(archives)}")
        for wheel in wheels:
            faults += wheel_faults(wheel, package, limits["weights"])
            faults += size_fault(wheel, limits["wheels"].get(package))
        for archive in archives:
            faults += archive_faults(archive, tracked_files(tree, package))
            faults += size_fault(archive, limits["archives"].get(package))
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds what 'uv build' made")
    parser.add_argument("packages", nargs="+", metavar="package", help="a name without the prefix, such as vfp")
    options = parser.parse_args()
    for path in sorted(options.folder.glob("maskreel_*")):
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path.name}")
    if faults := folder_faults(options.folder, options.packages):
        print("\n".join(faults), file=sys.stderr)
        sys.exit(2)
    count = len(options.packages)
    print(f"{count} wheels hold their packages and nothing else, {count} source archives hold what git has.")


if __name__ == "__main__":
    main()
