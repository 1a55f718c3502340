"""Simulated clips to learn from: only what was fitted to training masks goes into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from maskreel.vfp.interaction._config import InteractionConfig
from maskreel.vfp.interaction._observed import EMPTY
from maskreel.vfp.interaction._visibility import deviations, picture_boxes
from maskreel.vfp.objects.futures import Doubt
from maskreel.vfp.objects.roll_out import Bodies, simulate
from maskreel.vfp.objects.solids import CUBE
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.vfp.interaction._pool import EntryPool
    from maskreel.vfp.objects.table import Table

__all__ = ["Clips", "Scenarios", "simulate_clips"]

_AT_ONCE = 1000
"""Clips that are simulated together, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Clips:
    """S clips of at most N objects; those that are seen fill the first slots. Lengths in radii of a sphere."""

    places: np.ndarray
    """float32 (S, N, 22, 2): in all frames, without noise."""
    deviation: np.ndarray
    """float32 (S, N, 11): of what masks of the observed frames would tell; 0 where the object is not seen."""
    shape: np.ndarray
    """int64 (S, N): position in `SHAPES`, or `EMPTY`, which is also what never seen objects are."""
    yaw: np.ndarray
    """float32 (S, N): how cubes are turned in frame 10, in radians; nan for the others."""


class Scenarios(Dataset[dict[str, torch.Tensor]]):
    """Simulated clips: each with one of the table's motions, drawn evenly, and objects that came into training clips.

    Objects are set back along their way to frame 0, put together in new ways and simulated. The camera tells what is
    seen of them. Items: see `Recorded`; noise is left to `disturbed`.

    Args:
        table: Camera, solids, motions and noise.
        pool: Objects to draw from.
        count: Clips.
        objects: The least and most objects that a clip has, seen or not.
        doubt: How widely friction, restitution and the line of pushes are drawn.
        seed: The same seed gives the same clips.
        slots: N of the items.
        progress: Called with the number of clips that are ready, often.
    """

    def __init__(
        self,
        table: Table,
        pool: EntryPool,
        count: int,
        *,
        objects: tuple[int, int] = (4, 6),
        doubt: Doubt | None = None,
        seed: int = 0,
        slots: int = InteractionConfig.objects,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        if count < 1:
            raise ValueError(f"count must be 1 or more, got {count}")
        if not 1 <= objects[0] <= objects[1] <= slots:
            raise ValueError(f"objects must rise from 1 or more to at most {slots}, got {objects}")
        rng = np.random.default_rng(seed)
        parts = []
        for start in range(0, count, _AT_ONCE):
            size = min(_AT_ONCE, count - start)
            parts.append(simulate_clips(table, pool, size, rng, objects=objects, doubt=doubt or Doubt()))
            if progress is not None:
                progress(size)
        self.clips = Clips(
            *(
                np.concatenate([_padded(getattr(part, name), slots, filling) for part in parts])
                for name, filling in (("places", 0), ("deviation", 0), ("shape", EMPTY), ("yaw", np.nan))
            )
        )

    def __len__(self) -> int:
        return len(self.clips.shape)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        places, shape = torch.from_numpy(self.clips.places[index]), torch.from_numpy(self.clips.shape[index])
        return {
            "places": places[:, :OBSERVED],
            "deviation": torch.from_numpy(self.clips.deviation[index]),
            "shape": shape,
            "yaw": torch.tensor(self.clips.yaw[index]),
            "future": places[:, OBSERVED:],
            "known": (shape != EMPTY)[:, None].expand(-1, FRAMES - OBSERVED),
            "noise": torch.ones(()),
        }


def simulate_clips(
    table: Table,
    pool: EntryPool,
    count: int,
    rng: np.random.Generator,
    *,
    objects: tuple[int, int],
    doubt: Doubt,
) -> Clips:
    """`count` clips with so many slots as a clip may have objects."""
    motion = rng.choice(np.unique(pool.motion), count)
    chosen = _drawn(pool, motion, objects[1], rng)
    shape = pool.shape[chosen]
    places, velocities = (values[chosen] for values in pool.set_back(table))
    reach = np.array([solid.reach for solid in table.solids])[shape]
    present = np.arange(objects[1]) < rng.integers(objects[0], objects[1] + 1, count)[:, None]
    present &= ~_overlaps(places, reach)
    way, yaw = _courses(table, motion, shape, present, places, velocities, doubt, rng)
    shape = np.where(present, shape, EMPTY)
    return _packed(way, deviations(table, picture_boxes(table, shape, way[:, :, :OBSERVED])), shape, yaw)


def _drawn(pool: EntryPool, motion: np.ndarray, slots: int, rng: np.random.Generator) -> np.ndarray:
    """int64 (S, N): objects of the pool, of those with the motion (S,) of the clip."""
    chosen = np.zeros((len(motion), slots), np.int64)
    for number in np.unique(motion):
        rows = motion == number
        chosen[rows] = rng.choice(np.nonzero(pool.motion == number)[0], (int(rows.sum()), slots))
    return chosen


def _overlaps(places: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """bool (S, N): what would stand within an object before it in the list."""
    apart = np.linalg.norm(places[:, None] - places[:, :, None], axis=-1)
    within = apart < reach[:, None] + reach[:, :, None]
    return np.tril(within, -1).any(2)


def _courses(
    table: Table,
    motion: np.ndarray,
    shape: np.ndarray,
    present: np.ndarray,
    places: np.ndarray,
    velocities: np.ndarray,
    doubt: Doubt,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The ways, float64 (S, N, 22, 2), and turns in frame 10, (S, N), with as much chance as futures are drawn with."""
    count, slots = shape.shape
    friction = np.array([one.friction for one in table.motions])[motion[:, None], shape]
    restitution = np.array([one.restitution for one in table.motions])[motion]
    bodies = Bodies(
        places,
        velocities,
        friction * np.exp(doubt.friction * rng.standard_normal(shape.shape)),
        size=np.array([solid.radius for solid in table.solids])[shape],
        inertia=np.array([solid.inertia for solid in table.solids])[shape],
        square=shape == CUBE,
        yaw=rng.uniform(-np.pi / 4, np.pi / 4, shape.shape),
        present=present,
    )
    tilt = np.triu(doubt.tilt * rng.standard_normal((count, slots, slots)), 1)
    chance = {
        "restitution": np.clip(restitution + doubt.restitution * rng.standard_normal(count), 0, 1)[:, None, None],
        "grip": np.array([one.grip for one in table.motions])[motion][:, None, None],
        "tilt": tilt + tilt.swapaxes(1, 2),
    }
    way = simulate(bodies, frames=FRAMES - 1, **chance).places
    yaw = simulate(bodies, frames=OBSERVED - 1, **chance).yaw
    return np.concatenate([places[None], way]).transpose(1, 2, 0, 3), yaw


def _packed(way: np.ndarray, deviation: np.ndarray, shape: np.ndarray, yaw: np.ndarray) -> Clips:
    """Seen objects first; the others' slots are empty."""
    seen = deviation.any(-1)
    order = np.argsort(~seen, 1, kind="stable")
    way, deviation, shape, yaw, seen = (
        np.take_along_axis(values, order.reshape(*order.shape, *(1,) * (values.ndim - 2)), 1)
        for values in (way, deviation, shape, yaw, seen)
    )
    return Clips(
        np.where(seen[..., None, None], way, 0).astype(np.float32),
        deviation.astype(np.float32),
        np.where(seen, shape, EMPTY),
        np.where(seen & (shape == CUBE), yaw, np.nan).astype(np.float32),
    )


def _padded(values: np.ndarray, slots: int, filling: float) -> np.ndarray:
    missing = slots - values.shape[1]
    return np.pad(values, ((0, 0), (0, missing), *((0, 0),) * (values.ndim - 2)), constant_values=filling)
