"""Options of the benchmarks on rendered people whom nobody has trained on; they share the folder of rendered videos."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["parser_of"]


def parser_of(doc: str | None, *, videos: int = 50) -> argparse.ArgumentParser:
    """For a script with this docstring: a folder, weights, how many videos, frames and threads."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="a folder")
    parser.add_argument("--weights", type=Path, help="default: the small model of the package")
    parser.add_argument("--videos", type=int, default=videos)
    parser.add_argument("--frames", type=int, default=4, help="of each video")
    parser.add_argument("--threads", type=int, default=1)
    return parser
