"""Frames with label maps as training samples, and what torchvision's Mask R-CNN learns from them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from maskreel.common.maskrcnn._labels import labels_to_detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.datasets import Pixels

MIN_PIXELS = 8
"""Objects of which less is seen are not learned from, and neither asked for nor counted as wrong when found."""
BRIGHTNESS = (0.9, 1.1)


class LabelledFrames(Dataset[dict[str, torch.Tensor]]):
    """All frames of some clips with their label maps.

    A sample is {"image": float32 (3, H, W) RGB in [0, 1], "labels": uint8 (H, W)}; samples of one size can be collated
    by default. Random numbers come from torch's global generator.

    Args:
        clips: Frames uint8 (T, 3, H, W) and labels uint8 (T, H, W) of each clip, tensors or arrays; memory-mapped
            arrays are read one frame at a time.
        augment: Flip left and right half of the times, and multiply by a brightness between 0.9 and 1.1.

    Raises:
        ValueError: There is no clip, or the frames and labels of one do not fit together.
    """

    def __init__(self, clips: Sequence[tuple[Pixels, Pixels]], *, augment: bool = False) -> None:
        if not len(clips):
            raise ValueError("clips must hold at least one clip")
        for index, (frames, labels) in enumerate(clips):
            _check(frames, labels, index)
        self.clips = clips
        self.augment = augment
        self._ends = list(accumulate(len(labels) for _, labels in clips))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be 0 to {len(self) - 1}, got {index}")
        clip = bisect_right(self._ends, index)
        frames, labels = self.clips[clip]
        time = index - (self._ends[clip - 1] if clip else 0)
        image, plane = as_tensor(frames[time]).float() / 255, as_tensor(labels[time])
        if not self.augment:
            return {"image": image, "labels": plane}
        if torch.rand(()) < 0.5:
            image, plane = image.flip(-1), plane.flip(-1)
        low, high = BRIGHTNESS
        return {"image": (image * (low + (high - low) * torch.rand(()))).clamp(0, 1), "labels": plane}


def instance_targets(labels: torch.Tensor) -> list[dict[str, Any]]:
    """Label maps, uint8 (B, H, W), as torchvision's targets: boxes, labels and masks of the objects in each.

    Every label is one object; those of which fewer than `MIN_PIXELS` pixels are seen are left out.
    """
    found = (labels_to_detections(plane, min_pixels=MIN_PIXELS) for plane in labels)
    return [{"boxes": one.boxes, "labels": one.labels, "masks": one.masks} for one in found]


def as_tensor(pixels: Pixels) -> torch.Tensor:
    """A tensor as it is, an array as a copy, because torch warns about arrays that are mapped read-only."""
    return pixels if isinstance(pixels, torch.Tensor) else torch.from_numpy(np.array(pixels))


def _check(frames: Pixels, labels: Pixels, index: int) -> None:
    dtypes = tuple(str(part.dtype).removeprefix("torch.") for part in (frames, labels))
    if dtypes != ("uint8", "uint8"):
        raise TypeError(f"frames and labels of clips[{index}] must be uint8, got {dtypes[0]} and {dtypes[1]}")
    shapes = tuple(frames.shape), tuple(labels.shape)
    if len(shapes[0]) != 4 or shapes[0][1] != 3 or shapes[1] != (shapes[0][0], *shapes[0][2:]):
        raise ValueError(
            f"clips[{index}] must be frames (T, 3, H, W) and labels (T, H, W), got {shapes[0]} and {shapes[1]}"
        )
