"""The `maskreel` command and what the parts need to give it their own verbs.

A part registers `main(argv, *, prog) -> int | None` under the entry-point group `maskreel.commands` and mostly calls
`run_subcommands`, or `run_command` if it has one verb only. Nothing here imports torch, numpy or a part before it is
asked for.
"""

from maskreel.common.cli._main import main
from maskreel.common.cli._preview import preview_seconds
from maskreel.common.cli._progress import ProgressLine, progress, read_progress
from maskreel.common.cli._table import plain_table
from maskreel.common.cli._verbs import run_command, run_subcommands

__all__ = [
    "ProgressLine",
    "main",
    "plain_table",
    "preview_seconds",
    "progress",
    "read_progress",
    "run_command",
    "run_subcommands",
]
