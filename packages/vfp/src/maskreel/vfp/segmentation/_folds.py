"""Cross-fitting: every video is predicted by a network that was not trained on it.

A predictor draws its own training videos sharper than new ones. A segmenter that has learned from those would meet
stronger blur at its work than in its training.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from maskreel.common.datasets import VfpSequence

__all__ = ["Fold", "assign_folds", "fingerprint", "prepare_folds", "read_folds", "split_folds"]


@dataclass(frozen=True)
class Fold:
    """A frame predictor and the videos that it may predict."""

    weights: Path | None
    """What `save_predictor` wrote; None: the one that comes with the package."""
    unseen: frozenset[int] | None = None
    """Numbers of the videos that it was not trained on; None: it has seen none of them."""

    def may_predict(self, video: int) -> bool:
        return self.unseen is None or video in self.unseen


def split_folds(videos: Iterable[int], count: int) -> list[tuple[int, ...]]:
    """Numbers of videos in `count` parts of nearly one size: train predictor k on all videos but those of part k."""
    ordered = sorted(videos)
    if not 2 <= count <= len(ordered):
        raise ValueError(f"count must be 2 to {len(ordered)}, the number of videos, got {count}")
    return [tuple(ordered[start::count]) for start in range(count)]


def prepare_folds(videos: Sequence[VfpSequence], count: int, folder: str | os.PathLike[str]) -> Path:
    """Lay out the training data of `count` predictors: FOLDER/fold_0/train/video_7 and so on are links to the videos.

    `maskreel vfp train FOLDER/fold_0 -o FOLDER/fold_0/run` and so on then make what the file that is returned,
    FOLDER/folds.json, asks for.

    Raises:
        InputError: The folder exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} exists; folds are laid out in a new folder")
    rows = []
    for place, unseen in enumerate(split_folds([video.number for video in videos], count)):
        target = folder / f"fold_{place}" / "train"
        target.mkdir(parents=True)
        for video in videos:
            if video.number not in unseen:
                (target / video.name).symlink_to(video.folder.resolve(), target_is_directory=True)
        rows.append({"weights": f"fold_{place}/run/predictor.safetensors", "unseen": list(unseen)})
    write_json(folder / "folds.json", rows)
    return folder / "folds.json"


def read_folds(path: str | os.PathLike[str]) -> tuple[Fold, ...]:
    """Folds from a JSON file: [{"weights": "first.safetensors", "unseen": [0, 2, 4]}, ...].

    Paths are relative to the file, unseen holds numbers of videos.

    Raises:
        InputError: The file is missing or says something else.
    """
    path = Path(path)
    rows = read_json(path)
    if not isinstance(rows, list) or not rows or not all(map(_is_fold, rows)):
        raise InputError(f'{path} must hold [{{"weights": "a.safetensors", "unseen": [0, 2, ...]}}, ...]')
    return tuple(Fold(path.parent / row["weights"], frozenset(row["unseen"])) for row in rows)


def assign_folds(folds: Sequence[Fold], videos: Iterable[int]) -> dict[int, int]:
    """The position of the first fold that may predict each video.

    Raises:
        InputError: Some video was seen by all of the predictors.
    """
    places = {video: next((n for n, fold in enumerate(folds) if fold.may_predict(video)), None) for video in videos}
    if seen := [video for video, place in places.items() if place is None]:
        shown = ", ".join(f"video_{video}" for video in seen[:5]) + (", ..." if len(seen) > 5 else "")
        raise InputError(f"the folds name no predictor that has not seen {shown} ({len(seen)} videos)")
    return {video: place for video, place in places.items() if place is not None}


def fingerprint(weights: Path) -> str:
    """Tells files apart by what is in them."""
    if not weights.is_file():
        raise InputError(f"{weights} is not a file, expected the weights of a frame predictor")
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]


def _is_fold(row: Any) -> bool:
    if not isinstance(row, dict) or set(row) != {"weights", "unseen"} or not isinstance(row["weights"], str):
        return False
    return isinstance(row["unseen"], list) and all(type(number) is int for number in row["unseen"])
