"""What is learned from and what is measured on: videos that are there, or people that are rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskreel.common.cli import progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.model_config import ModelConfig
    from maskreel.animate.training.settings import ClipSettings

__all__ = ["Samples", "samples_of_actors", "samples_of_videos"]

_HELD_OUT_SEED = 1_000_003
_BATCH = 12


@dataclass(frozen=True)
class Samples:
    """Two sets of pairs."""

    pairs: Any
    """To learn from."""
    watched: list[Mapping[str, Tensor]]
    """To measure on, in batches."""
    told: str
    """What they are, for the record."""
    has_masks: bool
    """Whether there are true masks."""
    has_twins: bool = False
    """Whether somebody else is seen in the same motion."""


def samples_of_videos(
    root: Path, folder: Path, model: ModelConfig, clips: ClipSettings, *, seed: int, watched: int, workers: int = 0
) -> Samples:
    """Pairs of the videos of `root`, as `maskreel.animate.data.find_clips` finds them; frames are kept in `folder`.

    `workers` processes decode; with 0, this one.

    Raises:
        InputError: There are none, or some cannot be used.
    """
    from maskreel.animate.data import FrameStore, VideoPairs, find_clips, watched_batches

    store = FrameStore(folder, size=model.size, fit=clips.fit, most=clips.frames)
    learned, held_out = (find_clips(root, split, seed=seed) for split in ("train", "test"))
    with progress(description="check", total=len(learned) + len(held_out), unit="videos") as bar:
        frames = store.check([*learned, *held_out], progress=bar.update)
    with progress(description="store", total=frames, unit="frames") as bar:
        stored = store.fill([*learned, *held_out], workers=workers, progress=bar.update)
    pairs = VideoPairs(
        stored[: len(learned)], factor=model.factor, id_sampling=clips.id_sampling, repeats=clips.repeats
    )
    batches = watched_batches(stored[len(learned) :], factor=model.factor, pairs=watched, batch=_BATCH)
    return Samples(pairs, list(batches), f"{len(learned)} videos of {root}", pairs.has_masks)


def samples_of_actors(
    folder: Path,
    model: ModelConfig,
    *,
    clips: int,
    seed: int,
    watched: int,
    twins: bool = False,
    workers: int = 0,
    place: tuple[int, int] = (0, 1),
) -> Samples:
    """Pairs of rendered clips of people, kept in `folder`; with `twins`, beside somebody else in the same motion.

    `workers` processes render; with 0, this one. `place` is the number of this process of a group that shares the
    rendering, and how many there are.
    """
    from torch.utils.data import default_collate

    from maskreel.animate.training.actors import ActorPairs

    learned, held_out = (
        _rendered(folder, count, model.size, first, workers, place)
        for count, first in ((clips, seed), (watched, _HELD_OUT_SEED))
    )
    pairs = ActorPairs(learned, factor=model.factor, twins=twins)
    still = ActorPairs(held_out, factor=model.factor, jitter=False, twins=twins)
    batches = [
        default_collate([still[index] for index in range(first, min(first + _BATCH, watched))])
        for first in range(0, watched, _BATCH)
    ]
    return Samples(pairs, batches, f"{clips} rendered clips of people, seed {seed}", True, twins)


def _rendered(folder: Path, clips: int, size: int, seed: int, workers: int, place: tuple[int, int]) -> list[Path]:
    from maskreel.animate.training.actors import render_actors

    with progress(description="render", total=clips, unit="clips") as bar:
        return render_actors(
            folder, clips, size=size, seed=seed, workers=max(1, workers), place=place, progress=bar.update
        )
