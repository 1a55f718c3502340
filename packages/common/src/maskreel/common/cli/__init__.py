"""The `maskreel` command and what the parts need to give it their own verbs.

A part registers `main(argv, *, prog) -> int | None` under the entry-point group `maskreel.commands` and mostly calls
`run_subcommands`. Nothing here imports torch, numpy or a part before it is asked for.
"""

from maskreel.common.cli._main import main
from maskreel.common.cli._progress import progress
from maskreel.common.cli._verbs import run_subcommands

__all__ = ["main", "progress", "run_subcommands"]
