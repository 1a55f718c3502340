"""Windows of clips as training samples: 11 frames and those that follow them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

from maskreel.common.errors import InputError
from maskreel.vfp.frames._config import WindowConfig
from maskreel.vfp.frames._frames import as_tensor
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.frames._frames import Frames

__all__ = ["VideoWindows", "window_places"]


class VideoWindows(Dataset[dict[str, torch.Tensor]]):
    """All windows of some clips.

    A sample is {"observed": float32 (11, 3, H, W), "future": float32 (ahead, 3, H, W), both RGB in [0, 1], "known":
    bool (ahead)}; future frames that the clip does not have are zeros and not known. Random numbers come from torch's
    global generator.

    Args:
        clips: uint8 (T, 3, H, W), all of one size; tensors, arrays or anything that reads frames when it is indexed.
        config: Which windows, and how they are varied.

    Raises:
        InputError: There is no window, or the clips differ in size.
    """

    def __init__(self, clips: Sequence[Frames], config: WindowConfig | None = None) -> None:
        self.clips, self.config = clips, config or WindowConfig()
        sizes = {tuple(clip.shape[1:]) for clip in clips}
        if len(sizes) > 1:
            raise InputError(f"clips must be of one size, got {' and '.join(map(str, sorted(sizes)[:2]))}")
        self._places = [window_places(clip.shape[0], self.config) for clip in clips]
        self._ends = list(accumulate(map(len, self._places)))
        if not self._ends or not self._ends[-1]:
            least = OBSERVED + self.config.ahead
            raise InputError(f"clips must hold a window of {least} frames, got {len(clips)} clips without one")

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be 0 to {len(self) - 1}, got {index}")
        number = bisect_right(self._ends, index)
        stride, newest = self._places[number][index - (self._ends[number - 1] if number else 0)]
        clip = self.clips[number]
        times = [newest + stride * step for step in range(1 - OBSERVED, self.config.ahead + 1)]
        known = torch.tensor([time < clip.shape[0] for time in times[OBSERVED:]])
        frames = self._varied(_frames(clip, [min(max(time, 0), clip.shape[0] - 1) for time in times]))
        future = torch.where(known[:, None, None, None], frames[OBSERVED:], 0.0)
        return {"observed": frames[:OBSERVED], "future": future, "known": known}

    def _varied(self, frames: torch.Tensor) -> torch.Tensor:
        if self.config.mirror and torch.rand(()) < 0.5:
            frames = frames.flip(-1)
        if self.config.brightness:
            frames = (frames * (1 + self.config.brightness * (2 * torch.rand(()) - 1))).clamp(0, 1)
        return frames


def window_places(length: int, config: WindowConfig) -> list[tuple[int, int]]:
    """Stride and newest observed frame of each window in a clip of `length` frames.

    At stride 1 they are length - (11 + ahead) + 1.
    """
    places: list[tuple[int, int]] = []
    for stride in config.strides:
        observed, future = OBSERVED, config.ahead
        if stride > 1:
            observed, future = config.least_observed, min(config.least_future, config.ahead)
        places += [(stride, newest) for newest in range((observed - 1) * stride, length - future * stride)]
    return places


def _frames(clip: Frames, times: list[int]) -> torch.Tensor:
    """Frames of a clip in any order, float32 in [0, 1]; those between are read, too, because a slice is one read."""
    first = min(times)
    return as_tensor(clip[first : max(times) + 1])[[time - first for time in times]].float() / 255
