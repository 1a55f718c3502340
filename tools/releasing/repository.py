"""What a release asks of git. Nothing here ever pushes."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from releasing.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator


def git(tree: Path, *words: str, stdin: str | None = None) -> str:
    """What git answers.

    Raises:
        ReleaseError: if it refuses.
    """
    run = subprocess.run(["git", *words], cwd=tree, check=False, capture_output=True, text=True, input=stdin)
    if run.returncode:
        reason = " ".join((run.stderr or run.stdout).split()) or f"exit code {run.returncode}"
        raise ReleaseError(f"git {words[0]} refused: {reason}")
    return run.stdout.strip()


def check_ready(tree: Path, branch: str) -> None:
    """Make sure that the tree is clean and on its branch.

    Raises:
        ReleaseError: if it is not.
    """
    current = git(tree, "branch", "--show-current") or "no branch"
    if current != branch:
        raise ReleaseError(f"releases are made from the branch {branch!r}, but this is {current!r}")
    changed = git(tree, "status", "--porcelain").splitlines()
    if changed:
        raise ReleaseError(
            f"the tree is not clean ({len(changed)} changes, such as {changed[0].strip()!r}); commit them first"
        )


def tags(tree: Path, package: str) -> list[str]:
    """The tags of the releases of a package."""
    return git(tree, "tag", "--list", f"{package}-v*").split()


@contextmanager
def second_tree(tree: Path) -> Iterator[Path]:
    """Another working tree at the same commit, on no branch, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="maskreel-release-") as folder:
        place = Path(folder) / "tree"
        git(tree, "worktree", "add", "--quiet", "--detach", str(place), "HEAD")
        try:
            yield place
        finally:
            git(tree, "worktree", "remove", "--force", str(place))


def commit(tree: Path, message: str) -> str:
    """Commit what changed in tracked files; the hash of the new commit."""
    git(tree, "commit", "--quiet", "--all", "--message", message)
    return git(tree, "rev-parse", "HEAD")


def tag_and_advance(tree: Path, revision: str, tag: str, message: str) -> None:
    """Tag a commit that follows the branch's newest, and move branch and tree to it: both, or neither."""
    git(tree, "tag", "--annotate", "--cleanup=whitespace", "--file=-", tag, revision, stdin=message)
    try:
        git(tree, "merge", "--quiet", "--ff-only", revision)
    except BaseException:
        git(tree, "tag", "--delete", tag)
        raise
