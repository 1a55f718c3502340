"""`maskreel inpaint`: remove people and things from a video."""

from __future__ import annotations

__all__ = ["main"]


def main(argv: list[str], *, prog: str) -> int | None:
    """Run a verb of this part; the imports wait until then, so that `maskreel --help` stays quick."""
    from maskreel.common.cli import run_subcommands
    from maskreel.inpaint.commands import VERBS

    return run_subcommands(VERBS, argv, prog)
