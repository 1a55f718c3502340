"""What `maskreel vfp segment` writes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.masks import write_label_png
from maskreel.common.metrics import MeanIoU
from maskreel.common.video import Clip, VideoWriter
from maskreel.vfp.segmentation._task import draw_labels
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from maskreel.vfp.segmentation._footage import Footage
    from maskreel.vfp.segmentation._protocol import Segmenter

__all__ = ["SegmentOutput", "segment_footage"]

SegmentOutput = Literal["png", "npy", "mp4"]
"""NAME/00000.png, ...: label maps with DAVIS's colours; NAME.npy: label maps, uint8 (T, H, W); NAME.mp4: overlays."""


def segment_footage(
    footage: Footage,
    segmenter: Segmenter,
    folder: Path,
    *,
    outputs: Collection[SegmentOutput],
    progress: Callable[[int], object] | None = None,
) -> MeanIoU | None:
    """Segment every frame of a video, write the results into `folder`, and count how they fit the labels, if any.

    Frames are read and written a few at a time; only the label maps for .npy are held until the end. Files appear when
    they are whole.

    Raises:
        InputError: The frames are bad, or the labels are not as many and as large as they.
    """
    maps: list[torch.Tensor] = []
    truth = footage.labels()
    metric = None if truth is None else MeanIoU(CLASSES)
    with ExitStack() as files:
        writer: VideoWriter | None = None
        done = 0
        for frames in footage.chunks():
            labels = segmenter(frames)
            if truth is not None and metric is not None:
                metric.update(labels, _same_time(truth, done, labels, footage))
            if "png" in outputs:
                for number, plane in enumerate(labels, done):
                    write_label_png(folder / footage.name / f"{number:05d}.png", plane)
            if "npy" in outputs:
                maps.append(labels)
            if "mp4" in outputs:
                if writer is None:
                    path, size = folder / f"{footage.name}.mp4", (frames.shape[-2], frames.shape[-1])
                    writer = files.enter_context(VideoWriter(path, fps=footage.fps, size=size))
                writer.write(Clip(draw_labels(frames, labels), footage.fps, start=done / footage.fps))
            done += len(frames)
            if progress is not None:
                progress(len(frames))
    if maps:
        with atomic_path(folder / f"{footage.name}.npy") as scratch, scratch.open("wb") as stream:
            np.save(stream, torch.cat(maps).numpy())
    return metric


def _same_time(truth: torch.Tensor, start: int, labels: torch.Tensor, footage: Footage) -> torch.Tensor:
    part = truth[start : start + len(labels)]
    if part.shape != labels.shape:
        raise InputError(
            f"{footage.source} has label maps {tuple(truth.shape)}, which are not as many and as large as its frames"
        )
    return part
