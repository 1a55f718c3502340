"""`Observed`: what is known of the objects of some clips after the observed frames."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from maskreel.vfp.objects.solids import CUBE, shape_of
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.vfp.objects.tracks import Track

__all__ = ["EMPTY", "Observed"]

EMPTY = -1
"""The shape of a slot that holds no object."""


@dataclass(frozen=True)
class Observed:
    """B clips of at most N objects. Lengths in radii of a sphere."""

    places: torch.Tensor
    """float32 (B, N, 11, 2): x and y on the table; what it says where nothing was seen does not matter."""
    deviation: torch.Tensor
    """float32 (B, N, 11): standard deviations of the places; 0 where the object was not seen."""
    shape: torch.Tensor
    """int64 (B, N): position in `SHAPES`, or `EMPTY`."""
    yaw: torch.Tensor
    """float32 (B, N): how cubes are turned, in radians, as far as a quarter turn matters; nan where it is not known."""

    def __post_init__(self) -> None:
        slots = tuple(self.shape.shape)
        shapes = {"places": (*slots, OBSERVED, 2), "deviation": (*slots, OBSERVED), "yaw": slots}
        for name, expected in shapes.items():
            found = tuple(getattr(self, name).shape)
            if len(slots) != 2 or found != expected:
                raise ValueError(f"{name} must have shape {expected} for {slots} slots, got {found}")

    @property
    def seen(self) -> torch.Tensor:
        """bool (B, N, 11)."""
        return (self.deviation > 0) & (self.shape != EMPTY)[..., None]

    @property
    def present(self) -> torch.Tensor:
        """bool (B, N): the objects that were seen at all."""
        return self.seen.any(-1)

    @property
    def last(self) -> torch.Tensor:
        """int64 (B, N): the frame of the newest sighting, 0 where there is none."""
        frames = torch.arange(OBSERVED, device=self.deviation.device)
        return torch.where(self.seen, frames, 0).amax(-1)

    @property
    def last_places(self) -> torch.Tensor:
        """float32 (B, N, 2): where each object was seen last."""
        return self.places.gather(2, self.last[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]

    def mirrored(self, turn: torch.Tensor | None = None) -> Self:
        """Left and right exchanged: in all clips, or in those whose `turn`, (B,), is -1 rather than 1."""
        turn = -torch.ones(len(self.shape), device=self.shape.device) if turn is None else turn
        both = torch.stack([turn, torch.ones_like(turn)], -1)
        return type(self)(self.places * both[:, None, None], self.deviation, self.shape, self.yaw * turn[:, None])

    @classmethod
    def of_tracks(cls, clip: Sequence[Track], slots: int | None = None) -> Self:
        """One clip; what was seen after frame 10 is left out.

        Args:
            clip: At most `slots` tracks.
            slots: N; by default the number of tracks.
        """
        slots = len(clip) if slots is None else slots
        if len(clip) > slots:
            raise ValueError(f"clip must hold at most {slots} tracks, got {len(clip)}")
        places, deviation = np.zeros((slots, OBSERVED, 2), np.float32), np.zeros((slots, OBSERVED), np.float32)
        shape, yaw = np.full(slots, EMPTY), np.full(slots, np.nan, np.float32)
        for n, track in enumerate(clip):
            early = track.frames < OBSERVED
            places[n, track.frames[early]] = track.places[early]
            deviation[n, track.frames[early]] = track.deviation[early]
            shape[n] = shape_of(track.label)
            yaw[n] = _newest_turn(track, early)
        return cls(*(torch.from_numpy(array)[None] for array in (places, deviation, shape, yaw)))

    @classmethod
    def of_items(cls, items: Mapping[str, torch.Tensor]) -> Self:
        """Items of `Scenarios` and `Recorded` that were put together into a batch."""
        return cls(*(items[field.name] for field in fields(cls)))

    def to(self, device: torch.device) -> Self:
        """On another device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))

    def first(self, slots: int) -> Self:
        """The first N slots alone."""
        return type(self)(*(getattr(self, field.name)[:, :slots] for field in fields(self)))


def _newest_turn(track: Track, early: np.ndarray) -> float:
    if shape_of(track.label) != CUBE:
        return np.nan
    known = track.turns[early & np.isfinite(track.turns)]
    return float(known[-1]) if len(known) else np.nan
