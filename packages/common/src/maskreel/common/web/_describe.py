"""What a part says of its page: the files it takes, its steps, the choices in each, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".gif")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class FileInput:
    """A file that is dropped on the page."""

    key: str
    """Its name in `Order.files`; also what the file is called on the disk, before the suffix."""
    label: str
    hint: str
    suffixes: tuple[str, ...] = VIDEOS
    """What the file dialog offers. A file with another one is judged by its content."""
    required: bool = True


@dataclass(frozen=True)
class Choice:
    """A setting with a few values; the first is the default."""

    key: str
    label: str
    options: tuple[tuple[str, str], ...]
    """Values and what they are called on the page."""

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"options of the choice {self.key!r} must not be empty")


@dataclass(frozen=True)
class Result:
    """A file that a step leaves."""

    key: str
    label: str
    names: tuple[str, ...]
    """What it may be called, in the folder that the command works in; the first that is there counts."""
    kind: Literal["video", "page"]
    """video: played on the page. page: HTML without scripts, opened in a tab of its own."""
    beside: str | None = None
    """Key of the file that is shown beside a video, to compare."""
    download: bool = True


@dataclass(frozen=True)
class Order:
    """What somebody has put together on the page."""

    files: Mapping[str, str]
    """Names of the files that were given, in the folder that the command works in."""
    chosen: Mapping[str, str]
    """Of all choices of the page."""


@dataclass(frozen=True)
class Step:
    """One thing that the page does, by running one `maskreel` command."""

    key: str
    title: str
    about: str
    button: str
    command: Callable[[Order], list[str]]
    """The arguments of `maskreel`. It works in a folder of its own and is given names of files in it; run again, it
    should go on where it was killed."""
    results: tuple[Result, ...]
    choices: tuple[Choice, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    """What the command's progress calls its stages, and what the page shall call them."""
    again: str = ""
    """The button's text when the step is done; by default that of before."""
    at_once: bool = False
    """Begin as soon as all required files are there."""


@dataclass(frozen=True)
class WebPage:
    """One page: files, then steps from first to last."""

    title: str
    about: str
    inputs: tuple[FileInput, ...]
    steps: tuple[Step, ...]

    def choices(self) -> tuple[Choice, ...]:
        """Of all steps."""
        return tuple(choice for step in self.steps for choice in step.choices)
