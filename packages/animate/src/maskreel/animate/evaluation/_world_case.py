"""Videos with exact truth: rendered people whose identity, pose and place are exchanged one by one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.array_file import read_npz, write_npz

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from maskreel.common.world import ActorsClip

__all__ = ["WorldCase", "stored_case", "world_case"]

_SEED = 2_000_029
"""Trainings draw from 0 and 1000003."""
_SECONDS = 2


@dataclass(frozen=True)
class WorldCase:
    """A source, a driving video and a third picture, with what animation and change of background should give.

    Pictures are uint8, masks bool. A is the source's person, B the driving one, C the third picture's. All are filmed
    from the same distance: nobody could know A's size in B's video otherwise.
    """

    source: Tensor
    """(1, 3, S, S): A in the first pose of its own video, in A's place."""
    source_mask: Tensor
    """(1, S, S)."""
    plate: Tensor
    """(1, 3, S, S): A's place, empty."""
    own: Tensor
    """(T, 3, S, S): how A's own video goes on, the target of reconstruction."""
    own_masks: Tensor
    """(T, S, S)."""
    driving: Tensor
    """(T, 3, S, S): B in B's poses and place."""
    driving_masks: Tensor
    """(T, S, S)."""
    target: Tensor
    """(T, 3, S, S): A in B's poses, in A's place."""
    target_masks: Tensor
    """(T, S, S): of A in `target` and in `swapped`."""
    third: Tensor
    """(1, 3, S, S): C in C's place."""
    third_mask: Tensor
    """(1, S, S)."""
    third_plate: Tensor
    """(1, 3, S, S): C's place, empty."""
    swapped: Tensor
    """(T, 3, S, S): A in B's poses, in C's place."""


def world_case(number: int, *, size: int, frames: int) -> WorldCase:
    """Case `number`, of people, poses and places that no training has seen; the same arguments give the same bytes.

    Args:
        number: 0 or more.
        size: height and width in pixels, 32 or more.
        frames: of each video, spread over two seconds.
    """
    from maskreel.common.world import ActorsScene

    if number < 0 or frames < 1:
        raise ValueError(f"number must be 0 or more and frames 1 or more, got {number} and {frames}")
    seeds = np.random.SeedSequence([_SEED, number]).generate_state(8).tolist()
    (a, b, c), (pose_a, pose_b, pose_c), (here, there) = seeds[:3], seeds[3:6], seeds[6:]
    elsewhere = here ^ 1  # B's own place
    person_height = np.random.default_rng([_SEED, number]).uniform(0.7, 0.84)
    one = ActorsScene(size=(size, size), frames=1, person_height=person_height)
    scene = replace(one, frames=frames + 1, fps=Fraction(frames + 1, _SECONDS))
    own, driving = scene.compose(a, pose_a, here), scene.compose(b, pose_b, elsewhere)
    target, swapped = scene.compose(a, pose_b, here), scene.compose(a, pose_b, there)
    third = one.compose(c, pose_c, there)
    return WorldCase(
        source=_pictures(own)[:1],
        source_mask=_masks(own)[:1],
        plate=own.plate[:1].contiguous(),
        own=_pictures(own)[1:],
        own_masks=_masks(own)[1:],
        driving=_pictures(driving)[1:],
        driving_masks=_masks(driving)[1:],
        target=_pictures(target)[1:],
        target_masks=_masks(target)[1:],
        third=_pictures(third),
        third_mask=_masks(third),
        third_plate=third.plate.contiguous(),
        swapped=_pictures(swapped)[1:],
    )


def stored_case(folder: Path, number: int, *, size: int, frames: int) -> WorldCase:
    """`world_case`, rendered once: kept in and read from a folder."""
    path = folder / f"people_{size}_{frames}_{number:04}.npz"
    if not path.is_file():
        case = world_case(number, size=size, frames=frames)
        write_npz(path, {name: part.numpy() for name, part in vars(case).items()}, compress=True)
        return case
    stored = read_npz(path)
    return WorldCase(**{field.name: torch.from_numpy(stored[field.name]) for field in fields(WorldCase)})


def _pictures(clip: ActorsClip) -> Tensor:
    return clip.clip.frames.contiguous()


def _masks(clip: ActorsClip) -> Tensor:
    return clip.visible.any(1)
