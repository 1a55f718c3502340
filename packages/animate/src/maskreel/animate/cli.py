"""`maskreel animate`: bring a still picture to life, and put it before another background."""

from __future__ import annotations

__all__ = ["main"]


def main(argv: list[str], *, prog: str) -> int | None:
    """Run a verb of this part; the imports wait until then, so that `maskreel --help` stays quick."""
    from maskreel.animate.commands import PRESETS, VERBS
    from maskreel.common.cli import run_subcommands

    if argv[:1] == ["train"]:
        return run_subcommands(PRESETS, argv[1:], f"{prog} train")
    return run_subcommands(VERBS, argv, prog)
