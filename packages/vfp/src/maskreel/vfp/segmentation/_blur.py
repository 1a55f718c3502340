"""Making blur images: a predictor draws the future of labelled videos, which keep their true masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Self

import torch

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.vfp.frames import load_predictor
from maskreel.vfp.saved import shipped
from maskreel.vfp.segmentation._blur_files import is_written, write_video
from maskreel.vfp.segmentation._folds import assign_folds, fingerprint
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from maskreel.common.datasets import VfpSequence
    from maskreel.vfp.segmentation._folds import Fold

__all__ = ["Predictor", "Unseen", "write_blur_images"]

Unseen = Literal["keep", "drop"]
"""What becomes of objects that no observed frame shows, which no predictor can draw: they keep their masks, as in the
published system, or are background."""

RECORD = "blur.json"


class Predictor(Protocol):
    """The part of `maskreel.vfp.frames.FramePredictor` that is needed."""

    def to(self, device: str) -> Self:
        """The same on another device."""
        ...

    @property
    def first(self) -> int:
        """Time of the first frame that `predict` gives, counted from 0."""
        ...

    def predict(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 11, 3, H, W) to uint8 (B, n, 3, H, W), clipped to 0 and 255, never wrapped."""
        ...


def write_blur_images(
    videos: Sequence[VfpSequence],
    folds: Sequence[Fold],
    folder: str | os.PathLike[str],
    *,
    unseen: Unseen = "keep",
    device: str = "cpu",
    load: Callable[[Path | None], Predictor] = load_predictor,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the predicted frames of labelled videos as pictures with masks; see `BlurImages` for reading them.

    An interrupted call goes on when it is made again. No file is ever half written.

    Args:
        videos: Of one data set, with label maps.
        folds: The predictor of each video is the first that has not seen it.
        folder: Gets the files, and a record that keeps files of different predictors apart.
        unseen: What becomes of objects that no observed frame shows.
        device: Where the predictors work.
        load: Reads a predictor's weights; each is read once.
        progress: Called with 1 after every video.

    Raises:
        InputError: A video has no masks or is bad, no fold may predict it, or the folder holds images that other
            predictors have made.
    """
    folder = Path(folder)
    for video in videos:
        if not video.is_annotated:
            raise InputError(f"{video.folder} has no label maps, blur images are made of videos of train and val")
    places = assign_folds(folds, [video.number for video in videos])
    _claim(folder, folds, unseen)
    for place, fold in enumerate(folds):
        mine = [video for video in videos if places[video.number] == place]
        if mine:
            _write(mine, load(fold.weights).to(device), folder, unseen, device, progress)


def _write(
    videos: Sequence[VfpSequence],
    predictor: Predictor,
    folder: Path,
    unseen: Unseen,
    device: str,
    progress: Callable[[int], object] | None,
) -> None:
    first = predictor.first
    for video in videos:
        if not is_written(folder, video.number, range(first, FRAMES)):
            labels = video.labels()
            assert labels is not None, "checked above"
            future = predictor.predict(video.frames(0, OBSERVED)[None].to(device))[0].cpu()
            write_video(folder, video.number, first, future, _masks(labels, first, unseen))
        if progress is not None:
            progress(1)


def _masks(labels: torch.Tensor, first: int, unseen: Unseen) -> torch.Tensor:
    if unseen == "keep":
        return labels[first:]
    seen = torch.isin(labels[first:], labels[:OBSERVED].unique())
    return labels[first:] * seen


def _claim(folder: Path, folds: Sequence[Fold], unseen: Unseen) -> None:
    """Write down what the folder holds, or compare with what an earlier call wrote down."""
    record = {
        "predictors": [fingerprint(fold.weights or shipped("predictor")) for fold in folds],
        "unseen": [None if fold.unseen is None else sorted(fold.unseen) for fold in folds],
        "unseen_objects": unseen,
    }
    path = folder / RECORD
    if not path.exists():
        write_json(path, record)
    elif read_json(path) != record:
        raise InputError(
            f"{folder} holds images of other predictors, folds or options (see {RECORD}); choose another folder"
        )
