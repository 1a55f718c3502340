"""What the page of `maskreel web` offers of this part: a picture, a video and a background become a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.web import PICTURES, VIDEOS, Choice, FileInput, Result, Step, WebPage

if TYPE_CHECKING:
    from maskreel.common.web import Order

__all__ = ["page"]


def page() -> WebPage:
    """The page."""
    return WebPage(
        title="Bring a picture to life",
        about="Drop a picture of somebody and a video of somebody else: the picture moves as the video does.",
        inputs=(
            FileInput("picture", "The picture", "JPEG, PNG, WebP …", suffixes=PICTURES),
            FileInput("driving", "The video that moves it", "MP4, MOV, MKV, GIF …"),
            FileInput("background", "Another background", "a picture or a video", (*PICTURES, *VIDEOS), required=False),
        ),
        steps=(
            Step(
                key="animate",
                title="The result",
                about="Frame rate and sound are those of the video, the size is the picture's.",
                button="Bring it to life",
                again="Do it again",
                command=_command,
                results=(
                    Result("video", "Alive", ("picture.animated.mp4",), "video", beside="driving"),
                    Result("report", "Report", ("picture.animated.html",), "page"),
                ),
                choices=(
                    Choice(
                        "motion",
                        "The subject moves",
                        (
                            ("auto", "As fits the pictures"),
                            ("relative", "From where it stands"),
                            ("absolute", "To where the other one stands"),
                        ),
                    ),
                ),
                stages={"look": "Looking at the video", "make": "Making frames"},
            ),
        ),
    )


def _command(order: Order) -> list[str]:
    background = ["-b", order.files["background"]] if "background" in order.files else []
    files = [order.files["picture"], order.files["driving"], *background]
    return ["animate", "run", *files, "-o", "picture.animated.mp4", "--motion", order.chosen["motion"]]
