"""The same held-out pairs each time, for `training.held_out.HeldOutPairs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.animate.data._pairs import still_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from maskreel.animate.data._stored_clip import StoredClip


def watched_batches(
    clips: Sequence[StoredClip], *, factor: int, pairs: int = 48, batch: int = 12
) -> list[dict[str, Tensor]]:
    """Pairs without any change of colour, in batches of about one size, so that each counts the same.

    The first and the last frame of each clip; of more than `pairs` clips, those evenly spaced; of fewer, further
    frames, evenly spaced, after the same first one. Masks come along if all these clips have them.

    Args:
        clips: what `FrameStore.fill` gave for "test".
        factor: how many times smaller masks are than pictures.
        pairs: how many there are at most.
        batch: pairs in a batch at most.
    """
    if not clips:
        raise ValueError("clips must be one or more, got none")
    if pairs < 1 or batch < 1:
        raise ValueError(f"pairs and batch must be 1 or more, got {pairs} and {batch}")
    chosen = [clips[number * len(clips) // pairs] for number in range(pairs)] if pairs < len(clips) else clips
    masks = all(clip.masks_file is not None for clip in chosen)
    places = [(clip, number) for clip in chosen for number in _driving_frames(len(clip), pairs // len(chosen))]
    return [
        _collated([still_pair(places[index][0], 0, places[index][1], factor, masks=masks) for index in part])
        for part in np.array_split(np.arange(len(places)), -(-len(places) // batch))
    ]


def _driving_frames(frames: int, count: int) -> list[int]:
    """Evenly spaced after the first frame, up to the last one."""
    count = min(count, frames - 1)
    return [number * (frames - 1) // count for number in range(1, count + 1)]


def _collated(samples: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
