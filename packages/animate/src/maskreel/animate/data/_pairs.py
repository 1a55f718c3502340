"""`VideoPairs`: two frames of one video, as the published training draws them."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from maskreel.animate.data._jitter import jittered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from maskreel.animate.data._stored_clip import StoredClip

logger = logging.getLogger(__name__)


class VideoPairs:
    """Pairs of frames as `AnimationTask` takes them; drawn by torch's global generator.

    Two random frames, the earlier one first, which may be the same one twice; with probability 1/2 exchanged and with
    probability 1/2 mirrored, both alike; `source` and `target` with one draw of the colour jitter, `driving`, the same
    frame as `target`, with another. Masks come along if all clips have them.

    Args:
        clips: what `FrameStore.fill` gave.
        factor: how many times smaller masks are than pictures.
        id_sampling: a sample is an identity, of which a clip is drawn, instead of a clip.
        repeats: how often a pass over the data goes over the clips, which saves the time between passes.
        jitter: change colours (0.1, as published) and mirror in time and space; False gives the first and the last
            frame each time, of an identity those of its first clip.
    """

    def __init__(
        self,
        clips: Sequence[StoredClip],
        *,
        factor: int,
        id_sampling: bool = False,
        repeats: int = 1,
        jitter: bool = True,
    ) -> None:
        if not clips:
            raise ValueError("clips must be one or more, got none")
        if repeats < 1:
            raise ValueError(f"repeats must be 1 or more, got {repeats}")
        if factor < 1 or any(clip.size % factor for clip in clips):
            raise ValueError(f"factor must divide the size of the frames, {clips[0].size}, got {factor}")
        if len({clip.size for clip in clips}) > 1:
            raise ValueError(f"clips must be of one size, got {sorted({clip.size for clip in clips})}")
        self._groups = _by_identity(clips) if id_sampling else [[clip] for clip in clips]
        self._factor, self._repeats, self._jitter = factor, repeats, jitter
        self.has_masks = _all_have_masks(clips)
        """Whether samples have `source_mask` and `driving_mask`."""

    def __len__(self) -> int:
        return len(self._groups) * self._repeats

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Floats in [0, 1]: `source`, `driving`, `target` (3, S, S), `source_mask`, `driving_mask` (1, s, s)."""
        if not 0 <= index < len(self):
            raise IndexError(f"index must be from 0 to {len(self) - 1}, got {index}")
        group = self._groups[index % len(self._groups)]
        if not self._jitter:
            return still_pair(group[0], 0, len(group[0]) - 1, self._factor, masks=self.has_masks)
        clip = group[int(torch.randint(len(group), ()))]
        first, second = torch.randint(len(clip), (2,)).sort().values.tolist()
        if torch.rand(()) < 0.5:
            first, second = second, first
        pair = still_pair(clip, first, second, self._factor, masks=self.has_masks)
        if torch.rand(()) < 0.5:
            pair = {name: part.flip(-1) for name, part in pair.items()}
        pair["source"], pair["target"] = jittered(torch.stack([pair["source"], pair["target"]]))
        (pair["driving"],) = jittered(pair["driving"][None])
        return pair


def still_pair(clip: StoredClip, source: int, driving: int, factor: int, *, masks: bool) -> dict[str, Tensor]:
    """Two frames as they are, by their numbers."""
    first, second = clip.frames([source, driving])
    pair = {"source": first, "driving": second, "target": second}
    if masks:
        pair["source_mask"], pair["driving_mask"] = F.avg_pool2d(clip.masks([source, driving]), factor)
    return pair


def _by_identity(clips: Sequence[StoredClip]) -> list[list[StoredClip]]:
    groups: dict[str, list[StoredClip]] = defaultdict(list)
    for clip in clips:
        groups[clip.identity].append(clip)
    return list(groups.values())


def _all_have_masks(clips: Sequence[StoredClip]) -> bool:
    without = [clip.name for clip in clips if clip.masks_file is None]
    if 0 < len(without) < len(clips):
        logger.warning("no masks are used: %d of %d clips have none, such as %s", len(without), len(clips), without[0])
    return not without
