"""Write a clean copy of the tree into a folder: what is committed, and nothing else.

python tools/packaging/clean_tree.py FOLDER                      # HEAD
python tools/packaging/clean_tree.py FOLDER --ref common-v0.1.0  # a tag
python tools/packaging/clean_tree.py FOLDER --working-tree       # as it stands, for development; no ignored files
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from package_tree import ROOT

__all__ = ["export_commit", "export_working_tree"]


def export_commit(root: Path, ref: str, folder: Path) -> None:
    """Write the files of a commit."""
    subprocess.run(["tar", "-x", "-C", str(folder)], input=_git(root, "archive", "--format=tar", ref), check=True)


def export_working_tree(root: Path, folder: Path) -> None:
    """Write the files that git knows or would take, as they stand."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0")
    for name in filter(None, listed):
        if (root / name).is_file():  # one that is deleted but not yet committed so is still listed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


def _git(root: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"git {' '.join(words)} failed in {root}: {done.stderr.decode().strip()}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="must not be there, or be empty")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--ref", default="HEAD", help="a commit, a branch or a tag")
    source.add_argument("--working-tree", action="store_true", help="what is not committed, too")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    arguments = parser.parse_args()
    folder = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is not an empty folder, and nothing in it is overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.working_tree:
        export_working_tree(arguments.root, folder)
    else:
        export_commit(arguments.root, arguments.ref, folder)
    print(f"{folder}: {sum(path.is_file() for path in folder.rglob('*'))} files")


if __name__ == "__main__":
    main()
