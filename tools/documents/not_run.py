"""Which commands of the documents the tests only parse, which they run with smaller numbers, and why.

Every other `maskreel` command of README.md, docs/*.md and the packages' READMEs is run, on tiny files, as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NOT_RUN", "RUN_ELSEWHERE", "SHORTENED", "NotRun", "Shortened", "reason_not_to_run", "shortened"]


@dataclass(frozen=True)
class NotRun:
    """A command that is parsed only."""

    pattern: str
    """Regular expression that the words after `maskreel` match from the start."""
    reason: str


@dataclass(frozen=True)
class Shortened:
    """A command that is run with more flags than the document shows, to be quick."""

    pattern: str
    flags: tuple[str, ...]


RUN_ELSEWHERE = {
    "packages/inpaint/README.md": "packages/inpaint/tests/test_readme.py",
    "packages/animate/README.md": "packages/animate/tests/test_readme_animate.py",
}
"""Documents whose commands and snippets are run, and whose results are looked at, by tests of their own."""

NOT_RUN = (
    NotRun(r"\w+ train", "trains for minutes to days; the part's tests train small networks with the same commands"),
    NotRun(r"web\b", "serves until it is stopped; packages/common/tests/web starts and stops it"),
    NotRun(r"vfp forecast DATA/hidden", "stands before the command that renders DATA; the forecast of a video is run"),
    NotRun(
        r"vfp (predict|blur|segment|fit-table|evaluate) DATA",
        "takes half a minute or more, or what a training leaves; packages/vfp/tests/test_cli_*.py run each",
    ),
    NotRun(r"vfp reproduce", "does all of that; test_cli_reproduce.py runs it on small data"),
    NotRun(
        r"inversion run (.* )?--(davis|tiles|preset|slurm)",
        "needs DAVIS, a cluster or hours; test_cli_run.py runs the same flags on small masks",
    ),
    NotRun(r"inversion run MASKS .*--height", "makes large frames; test_cli_run.py makes small ones"),
    NotRun(r"inpaint run .*--(slurm|segmenter|flow raft)", "needs a cluster or weights that are not shipped"),
    NotRun(r"animate run .*--weights", "needs what a training left; test_animate_run.py makes such weights"),
)

FEW = ("--train", "2", "--val", "1", "--unlabeled", "1", "--hidden", "1", "--workers", "0")
SHORTENED = (
    Shortened(r"inversion run", ("--steps", "2")),
    Shortened(r"world render table --scene", FEW),
    Shortened(r"world render table", (*FEW, "--size", "64", "96")),
    Shortened(r"world render actors", ("--videos", "1", "--workers", "0")),
    Shortened(r"world render lecture", ("--seconds", "4", "--size", "64", "96")),
    Shortened(r"world calibrate", ("--clips", "2", "--rounds", "1", "--workers", "0")),
)


def reason_not_to_run(words: list[str]) -> str | None:
    """Why a `maskreel` command is parsed only; None if it is to be run."""
    line = " ".join(words)
    return next((entry.reason for entry in NOT_RUN if re.match(entry.pattern, line)), None)


def shortened(words: list[str]) -> list[str]:
    """A command with the flags that make it quick."""
    line = " ".join(words)
    return [*words, *next((entry.flags for entry in SHORTENED if re.match(entry.pattern, line)), ())]
