"""Prepared clips on disk, and the samples that the stages learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.inpaint.dfc import stage1_input, window
from maskreel.inpaint.dfc_training.prepare import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ClipSamples", "WindowSamples", "open_clip", "save_clip"]

_REVERSED = [2, 3, 0, 1, 6, 7, 4, 5, 8]
"""Channels of a clip that runs backward: what was the flow forward leads back."""


def save_clip(path: Path, clip: np.ndarray) -> None:
    """Write a clip of `prepared`, float16 (P, 9, h, w), as .npy, whole or not at all."""
    with atomic_path(path) as scratch, scratch.open("wb") as file:
        np.save(file, clip)


def open_clip(path: Path) -> np.ndarray:
    """A clip that `save_clip` wrote, memory-mapped and read-only.

    Raises:
        InputError: The file is broken or holds something else.
    """
    clip = open_npy(path)
    if clip.dtype != np.float16 or clip.ndim != 4 or clip.shape[1] != CHANNELS:
        raise InputError(f"{path} holds {clip.dtype} {clip.shape}, expected float16 (P, {CHANNELS}, h, w); remove it")
    return clip


class _Clips(Dataset[dict[str, torch.Tensor]]):
    """Files of clips, `repeats` samples each; with `vary`, mirrored, turned upside down and run backward by chance."""

    def __init__(self, paths: Sequence[Path], *, vary: bool = True, repeats: int = 1) -> None:
        self._clips = [open_clip(path) for path in paths]
        if len({clip.shape[2:] for clip in self._clips}) > 1:
            raise InputError(f"{paths[0].parent} has clips of several sizes; remove them, and they are made again")
        self._vary, self._repeats = vary, repeats

    def __len__(self) -> int:
        return self._repeats * len(self._clips)

    def _clip(self, index: int) -> torch.Tensor:
        """float32 (P, 9, h, w)."""
        clip = torch.from_numpy(np.array(self._clips[index % len(self._clips)], np.float32))
        if self._vary:
            for axis, channels in ((-1, [0, 2, 4, 6]), (-2, [1, 3, 5, 7])):
                if torch.rand(()) < 0.5:
                    clip = clip.flip(axis)
                    clip[:, channels] *= -1
            if torch.rand(()) < 0.5:
                clip = clip.flip(0)[:, _REVERSED]
        return clip


class WindowSamples(_Clips):
    """For a first stage: {"windows": (33, h, w), "truth": (2, h, w), "hole": (1, h, w)} of a pair drawn at random.

    A window of backward flows is in reversed order if the stage wants that; see `SmallStage.time_ordered`.
    """

    def __init__(self, paths: Sequence[Path], *, time_ordered: bool, vary: bool = True, repeats: int = 1) -> None:
        super().__init__(paths, vary=vary, repeats=repeats)
        self._time_ordered = time_ordered

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        clip = self._clip(index)
        centre = _drawn_centre(len(clip))
        backward = bool(torch.rand(()) < 0.5)
        first = 2 if backward else 0
        around = window(centre, len(clip))
        if backward and self._time_ordered:
            around.reverse()
        flows, holes = clip[around, first : first + 2], clip[around, 8:]
        truth = clip[centre, 4 + first : 6 + first]
        return {"windows": stage1_input(flows[None], holes[None])[0], "truth": truth, "hole": clip[centre, 8:]}


class ClipSamples(_Clips):
    """For a cascade: all pairs of a clip, {"forward", "backward", "true_forward", "true_backward"}: (P, 2, h, w) each,
    "holes": (P, 1, h, w), and "centre": the pair that is to be completed, drawn at random."""

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        clip = self._clip(index)
        names = ("forward", "backward", "true_forward", "true_backward", "holes")
        parts = dict(zip(names, clip.split([2, 2, 2, 2, 1], 1), strict=True))
        return {**parts, "centre": torch.tensor(_drawn_centre(len(clip)))}


def _drawn_centre(pairs: int) -> int:
    """A pair, the more probable the nearer it is to mid-clip, where a window of 11 repeats fewer flows."""
    return int((torch.rand(2).mean() * pairs).clamp(max=pairs - 1))
