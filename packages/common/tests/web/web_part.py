"""A part for the tests of `maskreel web`: its command does what the content of the film says, and needs no torch."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.web import Choice, FileInput, Order, Result, Step, WebPage


def page() -> WebPage:
    return WebPage(
        title="Try it",
        about="Drop a film.",
        inputs=(
            FileInput("film", "Your film", "MP4"),
            FileInput("extra", "Something more", "PNG", (".png",), required=False),
        ),
        steps=(
            Step(
                key="look",
                title="What will go",
                about="Look at it.",
                button="Look",
                again="Look again",
                command=lambda order: command("look", order),
                results=(Result("seen", "Seen", ("film.seen.mp4",), "video", download=False),),
                choices=(Choice("how", "How", (("well", "Well"), ("badly", "Badly"))),),
                stages={"count": "Counting"},
                at_once=True,
            ),
            Step(
                key="make",
                title="The result",
                about="Have it made.",
                button="Make it",
                command=lambda order: command("make", order),
                results=(
                    Result("made", "Made", ("film.made.mkv", "film.made.mp4"), "video", beside="film"),
                    Result("report", "Report", ("film.made.html",), "page"),
                ),
            ),
        ),
    )


def command(verb: str, order: Order) -> list[str]:
    return ["try", verb, order.files["film"], *order.chosen.values(), *sorted(order.files.values())]


def main(argv: list[str], *, prog: str) -> int | None:
    verb, film, how = argv[0], Path(argv[1]), argv[2]
    Path("arguments").write_text("\n".join(argv))
    content = film.read_bytes()
    if content.startswith(b"slow") and not Path("hurry").exists():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        Path("pids").write_text(f"{os.getpid()} {child.pid}")
        for _ in progress(range(3000), description="count"):
            time.sleep(0.1)
    if content.startswith(b"bad"):
        raise InputError(f"{film.resolve()} is not a video; give one that is")
    if content.startswith(b"bug"):
        raise RuntimeError("the secret reason")
    if content.startswith(b"die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if content.startswith(b"none"):
        import logging

        logging.getLogger("maskreel.try").warning("%s: nothing was found", film)
    shutil.copy(film, "film.seen.mp4" if verb == "look" else "film.made.mp4")
    Path("film.made.html").write_text(
        f"<!doctype html><title>Report</title><p>{how}<script>document.title = 'Bad'</script>"
    )
    return 0
