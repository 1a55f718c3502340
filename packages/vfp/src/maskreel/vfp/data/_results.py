"""Where forecasts go: an array of all masks, a folder with pictures of every clip, or one picture or animation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from maskreel.common.errors import InputError
from maskreel.vfp.data._array_result import ArrayResult
from maskreel.vfp.data._leaderboard import SUFFIXES
from maskreel.vfp.data._picture_results import FolderResult, PictureResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from maskreel.vfp.data._observed_clip import ObservedClip
    from maskreel.vfp.forecaster import Forecast


class Result(Protocol):
    """Takes the forecasts of all clips in order; what is finished appears under its name at once and whole."""

    record: Path
    """The .json file that tells how the result was made."""
    done: int
    """Clips that need no forecast, because an interrupted run of the same job has left them."""

    def add(self, clip: ObservedClip, forecast: Forecast) -> None: ...

    def finish(self) -> None: ...


def open_result(path: Path, count: int, job: Mapping[str, Any], *, overwrite: bool = False) -> Result:
    """The kind of result that the suffix of `path` asks for.

    Args:
        path: .npy or .pt: uint8 (`count`, 160, 240) masks. .png: the mask of a single clip. .gif or .mp4: a single clip
            in motion. No suffix: a folder with a mask, a strip and an animation of every clip.
        count: How many clips there are.
        job: What must be the same for an interrupted run to be continued.
        overwrite: Replace what is there.

    Raises:
        InputError: `path` exists, has another suffix, or has room for one clip only.
    """
    suffix = path.suffix.lower()
    if suffix and path.is_dir():
        raise InputError(f"{path} is a folder, expected a file to write")
    is_empty_folder = path.is_dir() and not any(path.iterdir())
    if path.exists() and not is_empty_folder and not overwrite:
        raise InputError(f"{path} exists; choose another name, or --overwrite")
    if suffix in SUFFIXES:
        return ArrayResult(path, count, job)
    if suffix == "":
        return FolderResult(path, job)
    if suffix not in (".png", ".gif", ".mp4"):
        raise InputError(f"{path} must end in .npy, .pt, .png, .gif or .mp4, or be a folder without suffix")
    if count != 1:
        raise InputError(f"{path} has room for one clip and there are {count}; give a folder, or an .npy file")
    return PictureResult(path)
