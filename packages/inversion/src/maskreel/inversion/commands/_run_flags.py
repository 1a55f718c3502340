"""The flags of `maskreel inversion run` in groups, each with what it chooses.

The command inherits them, since tyro would give the flags of nested dataclasses a part of `--help` of their own. It
shows those of the last class that is inherited first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.inversion.choices import Masks, TeacherChoice

__all__ = ["FrameFlags", "SequenceFlags", "TeacherFlags"]

MOVIES = (".mp4", ".mov", ".mkv", ".m4v", ".gif", ".webp")
DEFAULT_HEIGHT = 240
"""Frames are made no higher than this unless a height is given: more takes long without a GPU."""


@dataclass(frozen=True, kw_only=True)
class SequenceFlags:
    """Whose masks are to be seen, and where that goes."""

    masks: tyro.conf.Positional[Path | None] = None
    """Where the masks are; or give --davis."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A video (.mp4, .mov, .mkv) or animation (.gif, .webp) of one sequence, or a folder; many sequences
    get a folder each in it."""
    davis: Path | None = None
    """Root of DAVIS."""
    sequence: tuple[str, ...] = ()
    """Names of its sequences; all of the split if there are none."""
    year: Literal["2017", "2016"] = "2017"
    """Of DAVIS; 2016 takes all that is annotated as one object."""
    split: str | None = None
    """Of DAVIS, such as val; by default train and val."""
    resolution: Literal["480p", "1080p", "Full-Resolution"] = "480p"
    """Of DAVIS."""
    classes: tuple[str, ...] = ()
    """What the objects are, as 1=person 2=dog, or a .json file; for DAVIS they are known. An object
    without a class may be any."""

    @property
    def is_movie(self) -> bool:
        """The output is one file."""
        return self.output.suffix.lower() in MOVIES

    def sources(self) -> list[Masks]:
        """All frames of every sequence.

        Raises:
            InputError: There is no such sequence, or more than one for one file.
        """
        from maskreel.inversion.choices import Masks

        if (self.masks is None) == (self.davis is None):
            raise InputError("give either masks or --davis, and not both")
        path = self.masks if self.davis is None else self.davis
        assert path is not None
        names = self._names(path)
        if len(names) > 1 and self.is_movie:
            raise InputError(
                f"{self.output} can hold one sequence, and there are {len(names)}; give a folder, or --sequence"
            )
        return [Masks(path, name, self.year, self.split, self.resolution, self.classes) for name in names]

    def folder(self, sequence: str | None, *, alone: bool) -> Path:
        """Where the run of a sequence is kept.

        Args:
            sequence: Its name; None only where it is `alone`.
            alone: There is no other.
        """
        if self.is_movie:
            return self.output.with_suffix(".run")
        return self.output if alone or sequence is None else self.output / sequence

    def _names(self, path: Path) -> list[str] | list[None]:
        """Of the sequences; None for what holds a single one without a name."""
        from maskreel.inversion.sources import davis_sequences

        if self.sequence:
            return list(self.sequence)
        if self.davis is None and not (path / "Annotations").is_dir():
            return [None]
        found = davis_sequences(path, year=self.year, split=self.split, resolution=self.resolution)
        return [one.name for one in found]


@dataclass(frozen=True, kw_only=True)
class FrameFlags:
    """Which frames, and how high."""

    first_frames: bool = False
    """Only the first frame of each sequence."""
    frames: tuple[int, int] | None = None
    """First frame and the one to stop before."""
    every: int = 1
    """Only every so many frames."""
    height: int | None = None
    """Of the frames in pixels; by default that of the masks, but at most 240."""

    def require_one_choice(self) -> None:
        """Raise InputError where two flags say different things."""
        if self.first_frames and self.frames is not None:
            raise InputError("give either --first-frames or --frames, and not both")

    def of(self, source: Masks) -> Masks:
        """These frames of a sequence."""
        first, last = (0, 1) if self.first_frames else self.frames or (0, None)
        height = self.height or min(source.open().size[0], DEFAULT_HEIGHT)
        return replace(source, height=height, first=first, last=last, step=self.every)


@dataclass(frozen=True, kw_only=True)
class TeacherFlags:
    """Which network sees the masks."""

    teacher: str = "shapes"
    """shapes, torchvision-v2, torchvision-v1, detectron2:CONFIG, deeplabv3, fcn, or module:callable."""
    weights: Path | None = None
    """A file for the teacher's network; by default those that come with it."""
    short_side: int | None = None
    """The teacher sees the frames resized to this shorter side."""
    statistics: Path | None = None
    """Statistics that `doctor --save` measured, in place of those in the teacher."""
    verifier: str | None = None
    """Look for frames on which this network does not agree with the teacher (adaptive competition), such
    as unet:FILE; its opinion is worth nothing in a report then."""

    def teacher_choice(self) -> TeacherChoice:
        """As jobs take it."""
        from maskreel.inversion.choices import TeacherChoice

        return TeacherChoice(self.teacher, self.weights, self.short_side, self.statistics, self.verifier)
