"""Windows of label maps as training samples, with the faults that a segmenter makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from maskreel.common.errors import InputError
from maskreel.vfp.masks._faults import faulty
from maskreel.vfp.masks._prior import dense_prior
from maskreel.vfp.masks._window_config import MaskWindowConfig
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.vfp.occupancy import Occupancy

__all__ = ["LabelWindows"]

PRIOR_CELL = 4
"""Of the networks that take a prior."""


class LabelWindows(Dataset[dict[str, torch.Tensor]]):
    """A window from each clip: {"labels": uint8 (11 + ahead, H, W)}; place and faults are drawn anew each time.

    Random numbers come from torch's global generator, so that `train` makes them a function of (seed, epoch, index).

    Args:
        clips: Map-style; gives label maps, uint8 (T, H, W), all of one size.
        config: Which windows, and how they are varied.
        prior: Forecasts frame 21 from the (faulty) observed label maps; samples then hold its probabilities, too,
            "prior": float16 (48, H / 4, W / 4), by class id less 1.

    Raises:
        InputError: A clip, when it is read, is too short for a window.
    """

    def __init__(
        self,
        clips: Any,
        config: MaskWindowConfig | None = None,
        *,
        prior: Callable[[torch.Tensor], Occupancy] | None = None,
    ) -> None:
        self.clips, self.config, self.prior = clips, config or MaskWindowConfig(), prior
        if prior is not None and self.config.ahead < FRAMES - OBSERVED:
            raise ValueError(f"ahead must be {FRAMES - OBSERVED} or more with a prior, got {self.config.ahead}")

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        labels = self._window(index)
        if self.config.mirror and torch.rand(()) < 0.5:
            labels = labels.flip(-1)
        config = self.config
        observed = faulty(labels[:OBSERVED], drop=config.drop, ragged=config.ragged, confuse=config.confuse)
        sample = {"labels": torch.cat([observed, labels[OBSERVED:]])}
        if self.prior is not None:
            sample["prior"] = dense_prior(self.prior(observed), cell=PRIOR_CELL)
        return sample

    def _window(self, index: int) -> torch.Tensor:
        labels, frames = self.clips[index], OBSERVED + self.config.ahead
        strides = [stride for stride in self.config.strides if (frames - 1) * stride < len(labels)]
        if not strides:
            least = (frames - 1) * min(self.config.strides) + 1
            raise InputError(f"clip {index} has {len(labels)} frames, expected {least} or more for a window")
        stride = strides[int(torch.randint(len(strides), ()))]
        start = int(torch.randint(len(labels) - (frames - 1) * stride, ()))
        return labels[start : start + (frames - 1) * stride + 1 : stride]
