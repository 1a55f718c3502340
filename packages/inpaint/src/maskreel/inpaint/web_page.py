"""What the page of `maskreel web` offers of this part: see what would go, then remove it."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from maskreel.common.web import VIDEOS, Choice, FileInput, Result, Step, WebPage

if TYPE_CHECKING:
    from maskreel.common.web import Order

__all__ = ["page"]

_OUTPUTS = ("video.inpainted.mp4", "video.inpainted.mov", "video.inpainted.mkv")
"""The container is that of the source, where it can hold the result."""
_MOTION = (("motion", "Whatever moves"),)
_PEOPLE = (("torchvision-deeplabv3", "People, moving or not (slower; fetches 170 MB once)"),)


def page() -> WebPage:
    """The page, with the networks that are installed."""
    people = _PEOPLE if importlib.util.find_spec("torchvision") else ()
    return WebPage(
        title="Remove people and things",
        about="Drop a video. What moves in it is marked; if you agree, it goes, and what is behind it shows.",
        inputs=(
            FileInput("video", "Your video", "MP4, MOV, MKV, WebM, AVI …"),
            FileInput(
                "masks",
                "Masks of your own",
                "a picture, or a video: what is white goes",
                suffixes=(".png", *VIDEOS),
                required=False,
            ),
        ),
        steps=(_look(_MOTION + people), _remove()),
    )


def _look(segmenters: tuple[tuple[str, str], ...]) -> Step:
    return Step(
        key="look",
        title="What will go",
        about="Everything tinted goes. Something missing, or too much? Change the options and look again.",
        button="Mark it",
        again="Mark it again",
        command=lambda order: _command("masks", order, output="video.marked.mp4"),
        results=(Result("marked", "Marked", ("video.marked.mp4",), "video", download=False),),
        choices=(
            Choice("segmenter", "What to remove", segmenters),
            Choice("sensitivity", "Sensitivity", (("1.0", "Normal"), ("2.0", "High"), ("0.5", "Low"))),
        ),
        stages={"survey": "Looking at the camera", "masks": "Finding what goes", "show": "Drawing the marks"},
        at_once=True,
    )


def _remove() -> Step:
    return Step(
        key="remove",
        title="The result",
        about="What is behind is taken from moments when it can be seen, and painted where it never is.",
        button="Remove it",
        again="Remove it again",
        command=lambda order: _command("run", order, output=None),
        results=(
            Result("video", "After", _OUTPUTS, "video", "video"),
            Result("report", "Report", ("video.inpainted.html",), "page"),
        ),
        choices=(
            Choice(
                "mode",
                "The camera",
                (
                    ("auto", "Find out"),
                    ("static", "Stands still"),
                    ("registered", "Sways or pans a little"),
                    ("flow", "Travels or sweeps"),
                ),
            ),
            Choice(
                "reveal",
                "What is behind looks as",
                (
                    ("auto", "Before and after, fading"),
                    ("future", "Afterwards (a board that is written on)"),
                    ("past", "Before"),
                    ("nearest", "At the nearest moment"),
                ),
            ),
        ),
        stages={
            "survey": "Looking at the camera",
            "masks": "Finding what goes",
            "fill": "Filling the holes",
        },
    )


def _command(verb: str, order: Order, *, output: str | None) -> list[str]:
    """Both steps share the job folder beside the video: what is marked is not looked for again."""
    settings = [word for key, value in order.chosen.items() for word in (f"--{key}", value)]
    masks = ["--masks", order.files["masks"]] if "masks" in order.files else []
    return ["inpaint", verb, order.files["video"], *masks, *(["-o", output] if output else []), *settings]
