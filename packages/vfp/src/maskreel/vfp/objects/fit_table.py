"""`fit_table`: camera, solids and motion from the label maps of training clips, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.errors import InputError
from maskreel.vfp.objects.fit_camera import fit_camera, fit_solid
from maskreel.vfp.objects.fit_motion import fit_motion, measure_noise
from maskreel.vfp.objects.sightings import Sighting, sightings
from maskreel.vfp.objects.solids import CUBE, CYLINDER, SPHERE
from maskreel.vfp.objects.table import Table
from maskreel.vfp.objects.tracks import tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.vfp.objects.tracks import Track

__all__ = ["fit_table", "with_noise_of"]

_EVERY = 4
"""Frames between those in which camera and solids are looked for."""
_GUESSED_NOISE = 0.02


def fit_table(data_sets: Sequence[Sequence[np.ndarray]], *, progress: Callable[[int], object] | None = None) -> Table:
    """Fit a table to label maps; one motion to each data set, camera and solids to all of them together.

    Args:
        data_sets: For each, the label maps of its clips, uint8 (22, H, W), all of one size.
        progress: Called with 1 after every clip.

    Raises:
        InputError: There is too little to see in them.
        ValueError: The clips are of different sizes, or there are none.
    """
    sizes = {clip.shape[1:] for clips in data_sets for clip in clips}
    if len(sizes) != 1:
        raise ValueError(f"data_sets must hold label maps of one size, got {sorted(sizes)}")
    seen = [one for clips in data_sets for clip in clips for one in _some_sightings(clip)]
    camera = fit_camera(seen, sizes.pop())
    cube, sphere, cylinder = (fit_solid(seen, camera, shape) for shape in (CUBE, SPHERE, CYLINDER))
    table = Table(camera, (cube, sphere, cylinder), _GUESSED_NOISE, ())
    ways = [[_tracked(table, clip, progress) for clip in clips] for clips in data_sets]
    table = replace(table, motions=tuple(fit_motion(table, clips) for clips in ways))
    return _with_noise(table, ways)


def with_noise_of(table: Table, data_sets: Sequence[Sequence[np.ndarray]]) -> Table:
    """A table for label maps that are not as exact as those it was fitted to, such as a segmenter's.

    Args:
        table: With one motion for each data set.
        data_sets: As in `fit_table`; uint8 (T, H, W) of 7 frames or more.

    Raises:
        InputError: Nothing moves long enough in them.
    """
    return _with_noise(table, [[tracks(table, clip) for clip in clips] for clips in data_sets])


def _tracked(table: Table, clip: np.ndarray, progress: Callable[[int], object] | None) -> list[Track]:
    found = tracks(table, clip)
    if progress is not None:
        progress(1)
    return found


def _with_noise(table: Table, data_sets: Sequence[Sequence[Sequence[Track]]]) -> Table:
    """The mean over data sets in which anything moves for long."""
    noise = np.array([measure_noise(clips, motion) for clips, motion in zip(data_sets, table.motions, strict=True)])
    if np.isnan(noise).all():
        raise InputError("nothing moves through seven frames of the masks in sight, so their noise cannot be measured")
    return replace(table, noise=float(np.nanmean(noise)))


def _some_sightings(clip: np.ndarray) -> list[Sighting]:
    return [one for frame in sightings(clip[::_EVERY]) for one in frame]
