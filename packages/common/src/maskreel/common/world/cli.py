"""`maskreel world`: render clips with exact masks, look at them and measure them."""

from __future__ import annotations

__all__ = ["main"]


def main(argv: list[str], *, prog: str) -> int | None:
    """Run a verb; the imports wait until then, so that `maskreel --help` stays quick."""
    from maskreel.common.cli import run_subcommands
    from maskreel.common.world._commands import SCENES, VERBS

    if argv[:1] == ["render"]:
        return run_subcommands(SCENES, argv[1:], f"{prog} render")
    return run_subcommands(VERBS, argv, prog)
