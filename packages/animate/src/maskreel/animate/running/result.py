"""What an animation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["AnimateResult", "FrameFigures", "Summary", "summarise"]

_LEAST_AREA = 0.002


class FrameFigures(NamedTuple):
    """What is remembered of one frame."""

    driving_area: float
    """Share of the driving square that the mask of its subject covers."""
    area: float
    """Share of the result's square that the mask of the source's subject covers."""


@dataclass(frozen=True)
class Summary:
    """The animation in a few figures."""

    frames: int
    size: tuple[int, int]
    """(height, width) of the result."""
    fps: float
    start: int | None
    """The driving frame that relative motion counts from."""
    driving_area: float
    """Mean share of the driving square that the mask of its subject covers."""
    area: float
    """Mean share of the result's square that the mask of the source's subject covers."""
    lost: int
    """Driving frames in which no subject was found."""


@dataclass(frozen=True)
class AnimateResult:
    """Where everything is."""

    output: Path
    """The finished video, GIF, picture or folder of pictures."""
    report: Path
    """An HTML page with figures and pictures."""
    sheet: Path
    """A picture: source, driving frame, masks and result at some moments."""
    record: Path
    """A JSON file with inputs, settings, figures, and the command that makes the same again."""
    summary: Summary

    @classmethod
    def beside(cls, output: Path, summary: Summary) -> AnimateResult:
        """With all files named after the output."""
        name = output.with_suffix("").name
        report, sheet, record = (output.with_name(f"{name}{suffix}") for suffix in (".html", ".sheet.jpg", ".json"))
        return cls(output, report, sheet, record, summary)


def summarise(figures: Sequence[FrameFigures], *, size: tuple[int, int], fps: float, start: int | None) -> Summary:
    """Reduce the figures of every frame to those of the whole."""
    count = len(figures)
    return Summary(
        frames=count,
        size=size,
        fps=fps,
        start=start,
        driving_area=sum(each.driving_area for each in figures) / count,
        area=sum(each.area for each in figures) / count,
        lost=sum(each.driving_area < _LEAST_AREA for each in figures),
    )
