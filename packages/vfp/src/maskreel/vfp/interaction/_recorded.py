"""Real tracks to learn from."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

from maskreel.vfp.interaction._config import InteractionConfig
from maskreel.vfp.interaction._observed import Observed
from maskreel.vfp.objects.places import PARTLY
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.tracks import Track

__all__ = ["Recorded", "early", "future_of"]


class Recorded(Dataset[dict[str, torch.Tensor]]):
    """Clips as their tracks tell.

    Items: `places`, `deviation`, `shape` and `yaw` of an `Observed`, without B; `future` float32 (N, 11, 2), the places
    in frames 11 to 21, where `known` bool (N, 11) says so; and `noise`, how much `disturbed` is to add: these places
    have noise in them already, so little.

    Args:
        clips: Tracks over 22 frames. Of a clip with more objects than slots those are taken that are seen most often.
        slots: N.
    """

    def __init__(self, clips: Sequence[Sequence[Track]], *, slots: int = InteractionConfig.objects) -> None:
        self._items = [_item(early(clip, slots), slots) for clip in clips]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self._items[index]


def early(clip: Sequence[Track], slots: int) -> list[Track]:
    """The tracks that begin within the observed frames; of more than `slots` those that are seen most often there."""
    begun = [track for track in clip if track.frames[0] < OBSERVED]
    often = sorted(begun, key=lambda track: -int((track.frames < OBSERVED).sum()))[:slots]
    return [track for track in begun if any(track is one for one in often)]


def future_of(clip: Sequence[Track], slots: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Places float32 (slots, 11, 2) in frames 11 to 21, and where they are known well, bool (slots, 11)."""
    future, known = torch.zeros(slots, FRAMES - OBSERVED, 2), torch.zeros(slots, FRAMES - OBSERVED, dtype=torch.bool)
    for n, track in enumerate(clip):
        sure = (track.frames >= OBSERVED) & (track.deviation <= PARTLY)
        frames = torch.from_numpy(track.frames[sure] - OBSERVED)
        future[n, frames] = torch.from_numpy(track.places[sure]).float()
        known[n, frames] = True
    return future, known


def _item(clip: Sequence[Track], slots: int) -> dict[str, torch.Tensor]:
    observed = Observed.of_tracks(clip, slots)
    future, known = future_of(clip, slots)
    return {
        **{field.name: getattr(observed, field.name)[0] for field in fields(observed)},
        "future": future,
        "known": known,
        "noise": torch.tensor(0.3),
    }
