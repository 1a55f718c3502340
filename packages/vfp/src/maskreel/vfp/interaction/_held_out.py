"""Real clips that a network is measured on, beside what needs no learning."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from maskreel.vfp.interaction._observed import Observed
from maskreel.vfp.interaction._pool import motion_of
from maskreel.vfp.interaction._recorded import early, future_of
from maskreel.vfp.objects.futures import draw_futures
from maskreel.vfp.objects.scene import NOW, scene_of
from maskreel.vfp.objects.tracks import until
from maskreel.vfp.timeline import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.scene import Scene
    from maskreel.vfp.objects.table import Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["HeldOut"]

_AT_END = -1


class HeldOut:
    """Tracks of C clips, and how far from the truth two forecasters without a network end.

    Only objects count whose place in frame 21 is known well and which `scene_of` takes to be on the table.

    Args:
        table: Its motions are chosen by `motion_odds` from the observed frames.
        clips: Tracks over 22 frames.
        slots: The most objects that a network takes.
    """

    def __init__(self, table: Table, clips: Sequence[Sequence[Track]], *, slots: int) -> None:
        if not clips:
            raise ValueError("clips must hold at least one clip, got none")
        self._slots = slots
        self._clips = [early(clip, slots) for clip in clips]
        self.truth, self.counts = (torch.stack(parts)[:, :, _AT_END] for parts in self._futures())
        self._ends = [self._simulated(table, clip) for clip in self._clips]
        there = torch.tensor(np.array([np.isfinite(ends[1][:, 0]) for ends in self._ends]))
        self.counts &= there
        self.observed = _joined([Observed.of_tracks(clip, slots) for clip in self._clips])

    def _futures(self) -> Any:
        return zip(*(future_of(clip, self._slots) for clip in self._clips), strict=True)

    def baselines(self) -> dict[str, float]:
        """Mean errors in frame 21 of friction alone and of friction with collisions, in radii of a sphere."""
        names = ("friction_error", "physics_error")
        places = torch.tensor(np.array(self._ends)).float().nan_to_num()
        return {name: self._error(places[:, k]) for k, name in enumerate(names)}

    def error(self, network: Any) -> float:
        """Mean distance in radii of a sphere, in frame 21, of a network's medians from the truth."""
        outlook = network.forecast(self.observed.to(next(network.parameters()).device))
        return self._error(outlook.places[:, :, _AT_END].cpu())

    def _error(self, places: torch.Tensor) -> float:
        return float(torch.linalg.vector_norm(places - self.truth, dim=-1)[self.counts].mean())

    def _simulated(self, table: Table, clip: Sequence[Track]) -> np.ndarray:
        """float64 (2, slots, 2): places in frame 21 without and with collisions, nan for what is not on the table."""
        ends = np.full((2, self._slots, 2), np.nan)
        seen = [part for track in clip if (part := until(track, NOW)) is not None]
        motion = table.motions[motion_of(table, seen)]
        scene = scene_of(table, motion, seen)
        if len(scene):
            rows = [[track.label for track in clip].index(label) for label in scene.labels]
            ends[0, rows] = _slid(scene)
            # The first future is the one without chance.
            ends[1, rows] = draw_futures([scene], [motion], [1], np.random.default_rng(0)).places[0]
        return ends


def _slid(scene: Scene) -> np.ndarray:
    """float64 (N, 2): where N objects come to rest or are in frame 21, if they do not meet."""
    speed = np.linalg.norm(scene.velocities, axis=1)
    time = np.minimum(TARGET - NOW, speed / np.maximum(scene.friction, 1e-9))
    way = speed * time - scene.friction * time**2 / 2
    return scene.places + scene.velocities * (way / np.maximum(speed, 1e-9))[:, None]


def _joined(parts: Sequence[Observed]) -> Observed:
    return Observed(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Observed)))
