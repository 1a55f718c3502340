"""The command that makes the demo."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from demo.page import minutes, write_page
from demo.scale import FULL, QUICK, claim
from demo.story import Story, load, save
from demo.workshop import CommandFailedError, Workshop, say
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PARTS", "main"]

PARTS = ("inpaint", "animate", "vfp", "inversion")
"""In the order of the page; animate puts its dancer before the place that inpaint has emptied."""

ABOUT = """Let the four systems work on real and generated input, and show it on one page, OUT/index.html.

The page needs no network; only OpenCV's clip vtest.avi is fetched, and where that fails, a lecture is rendered instead.

Killed? Run the same command again: it goes on, and what is done is not done again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the demo; the exit status."""
    options = _options(arguments)
    try:
        _make(options)
    except (InputError, CommandFailedError) as error:
        say(f"error: {error}")
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on")
        return 130
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tools/demo/make.py", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), help="folder for the page and all that was made (default: demo)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--video", type=Path, help="take the people out of this video; by default OpenCV's vtest.avi is fetched"
    )
    parser.add_argument("--quick", action="store_true", help="everything tiny, to see that it runs; results look poor")
    return parser.parse_args(arguments)


def _make(options: argparse.Namespace) -> None:
    start, out, scale = time.monotonic(), options.out.resolve(), QUICK if options.quick else FULL
    if options.video is not None and not options.video.is_file():
        raise InputError(f"--video must be a video file, and {options.video} is none")
    claim(out, scale)
    wanted = [name for name in PARTS if name in options.only]
    for number, name in enumerate(wanted, 1):
        say(f"\n[{number}/{len(wanted)}] {name}")
        if load(out / name) is not None:
            say("  there already")
            continue
        part = import_module(f"demo.{name}")
        save(part.make(Workshop(out / name), scale, video=options.video), out / name)
    stories = {name: story for name in PARTS if (story := load(out / name)) is not None}
    write_page(out / "index.html", stories, machine=_machine(stories))
    say(f"\nDone in {minutes(time.monotonic() - start)}. Look at {(out / 'index.html').as_uri()}")
    print(out / "index.html")


def _machine(stories: dict[str, Story]) -> str:
    clock, work = (minutes(sum(each)) for each in zip(*(story.seconds for story in stories.values()), strict=True))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    where = f"{cores} cores ({platform.machine()}, Python {platform.python_version()})"
    return f"Made in {clock} on {where}, with {work} of processor time."


if __name__ == "__main__":
    sys.exit(main())
