"""A folder of many videos, as files or as folders of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common import video
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


@dataclass(frozen=True)
class VideoSequence:
    """One video; nothing is opened before it is asked for."""

    name: str
    """File name without suffix, or the name of the folder."""
    path: Path

    @property
    def info(self) -> video.VideoInfo:
        """Size, frame rate and number of frames. Raises InputError naming a bad file."""
        return video.probe(self.path)

    def clip(self, start: int = 0, stop: int | None = None) -> video.Clip:
        """Frames `start` to `stop` (exclusive). Raises InputError naming a bad file."""
        return video.read(self.path, start=start, stop=stop)


class VideoFolder:
    """The videos directly in `root`, sorted by name: video files (by suffix) and folders of frames.

    Other files are left out. Raises InputError if `root` is no folder, holds no video, or holds two of one name.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"{self.root} is not a folder, expected one that holds videos or folders of frames")
        self._sequences: dict[str, VideoSequence] = {}
        for path in sorted(path for path in self.root.iterdir() if _is_video(path)):
            sequence = VideoSequence(path.name if path.is_dir() else path.stem, path)
            if other := self._sequences.get(sequence.name):
                raise InputError(f"{other.path} and {path} have the same name, expected different ones")
            self._sequences[sequence.name] = sequence
        if not self._sequences:
            raise InputError(f"{self.root} holds no videos, expected video files or folders of frames")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sequences)

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[VideoSequence]:
        return iter(self._sequences.values())

    def __getitem__(self, key: int | str) -> VideoSequence:
        if isinstance(key, int):
            return list(self._sequences.values())[key]
        if key not in self._sequences:
            raise InputError(f"{self.root} has no video {key!r}, only {', '.join(self.names)}")
        return self._sequences[key]


def _is_video(path: Path) -> bool:
    return not path.name.startswith(".") and (path.is_dir() or path.suffix.lower() in video.VIDEO_SUFFIXES)
