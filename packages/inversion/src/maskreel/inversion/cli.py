"""`maskreel inversion`: make video frames from masks by inverting a Mask R-CNN."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.inversion.config import Preset

__all__ = ["main"]


def main(argv: list[str], *, prog: str) -> int | None:
    """Run a verb of this part; the imports wait until then, so that `maskreel --help` stays quick."""
    from maskreel.common.cli import run_subcommands
    from maskreel.inversion.commands import RUNS, VERBS

    return run_subcommands(VERBS | {"run": RUNS[_preset(argv)]}, argv, prog)


def _preset(argv: list[str]) -> Preset:
    """The preset is read first, because it is what all other flags change; a bad one is left for tyro to refuse."""
    given = [value for flag, value in pairwise(argv) if flag == "--preset"]
    given += [word.removeprefix("--preset=") for word in argv if word.startswith("--preset=")]
    return "thesis" if given[-1:] == ["thesis"] else "default"
