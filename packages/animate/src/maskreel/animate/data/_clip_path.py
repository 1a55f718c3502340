"""`ClipPath`: one video of a data set, whatever it is stored as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maskreel.common.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES


@dataclass(frozen=True)
class ClipPath:
    """A video file, a folder of frames, or one PNG with square frames side by side; nothing is opened."""

    name: str
    """Path within the data set, with forward slashes."""
    path: Path
    masks: Path | None = None
    """What `masks.iterate_masks` reads: true masks of the subject, one for each frame."""
    part: tuple[float, float] = (0.0, 1.0)
    """Where in the video this clip begins and ends, as shares of its frames."""

    @property
    def identity(self) -> str:
        """Who is seen, by the file name up to the first "#"; all of the name where there is none."""
        path = PurePosixPath(self.name)
        return str(path.with_name(bare_name(path.name).partition("#")[0] or path.name))

    def span(self, frames: int) -> tuple[int, int]:
        """Numbers of the first frame and of the one after the last, if the whole video has `frames`."""
        return round(self.part[0] * frames), round(self.part[1] * frames)


def bare_name(name: str) -> str:
    """A file name without the suffix of a video or a picture; published folders of frames are named x.mp4, too."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES else name
