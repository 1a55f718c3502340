"""Kinds of input, each as clips that are read one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from maskreel.vfp.data._array_frames import FrameArray, as_pictures
from maskreel.vfp.data._observed_clip import ObservedClip
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maskreel.common.datasets import VfpSequence
    from maskreel.vfp.data._frame_series import SeriesClips


class Clips(Protocol):
    """Clips that are read one after the other."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all clips in their order."""
        ...

    def iterate(self, start: int = 0) -> Iterator[ObservedClip]:
        """The clips from the `start`th on, in the memory of one clip."""
        ...


@dataclass(frozen=True)
class SplitClips:
    """The observed frames of videos of the vfp data set."""

    videos: Sequence[VfpSequence]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(video.name for video in self.videos)

    def iterate(self, start: int = 0) -> Iterator[ObservedClip]:
        for video in self.videos[start:]:
            yield ObservedClip(video.name, video.frames(0, OBSERVED))


@dataclass(frozen=True)
class ArrayClips:
    """Clips of an array (N, 11, ...)."""

    array: FrameArray

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.array.path.stem}_{index:06d}" for index in range(len(self.array.frames)))

    def iterate(self, start: int = 0) -> Iterator[ObservedClip]:
        for name, frames in zip(self.names[start:], self.array.frames[start:], strict=True):
            yield ObservedClip(name, as_pictures(self.array.path, frames))


@dataclass(frozen=True)
class ChainedClips:
    """The clips of one input after those of another."""

    parts: Sequence[SeriesClips]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.names)

    def iterate(self, start: int = 0) -> Iterator[ObservedClip]:
        for part in self.parts:
            yield from part.iterate(start)
            start = max(0, start - len(part.names))
