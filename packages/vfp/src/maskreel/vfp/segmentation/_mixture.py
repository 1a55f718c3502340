"""Real frames and blur images as one training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset

from maskreel.common.datasets import LazyArray
from maskreel.common.maskrcnn import LabelledFrames
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.datasets import Pixels, VfpSequence

__all__ = ["Mixture", "observed_clip"]


class Mixture(Dataset[dict[str, torch.Tensor]]):
    """Frames of two kinds in a fixed proportion, mirrored left and right half of the times and varied in brightness.

    Samples are those of `LabelledFrames`. There is no vertical flip: the camera looks down at a table and the light
    comes from above. A sample of either kind is drawn at random; the length is the number of all frames, so that an
    epoch sees about as many as there are.

    Args:
        real: Clips of observed frames with labels.
        blurred: Clips of predicted frames with labels; may be none.
        blur_share: Share of the samples that are predicted frames, if there are any.
    """

    def __init__(
        self,
        real: Sequence[tuple[Pixels, Pixels]],
        blurred: Sequence[tuple[Pixels, Pixels]] = (),
        *,
        blur_share: float = 0.5,
    ) -> None:
        if not 0 <= blur_share <= 1:
            raise ValueError(f"blur_share must be in [0, 1], got {blur_share}")
        self.real = LabelledFrames(real, augment=True)
        self.blurred = LabelledFrames(blurred, augment=True) if len(blurred) else None
        self.blur_share = blur_share if self.blurred is not None else 0.0

    def __len__(self) -> int:
        return len(self.real) + (0 if self.blurred is None else len(self.blurred))

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be 0 to {len(self) - 1}, got {index}")
        use_blurred = bool(torch.rand(()) < self.blur_share)
        source = self.blurred if use_blurred and self.blurred is not None else self.real
        return source[int(torch.randint(len(source), ()))]


def observed_clip(video: VfpSequence) -> tuple[LazyArray, LazyArray]:
    """Frames 0 to 10 of a labelled video and their label maps, read when they are indexed."""
    height, width = video.size
    count = min(OBSERVED, video.frame_count)
    return LazyArray(video.frames, (count, 3, height, width)), LazyArray(video.labels, (count, height, width))
