"""Training of a segmenter on observed and predicted frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from maskreel.common.maskrcnn import ShapesTask
from maskreel.common.masks import DAVIS_PALETTE, labels_to_instances
from maskreel.common.metrics import MeanIoU
from maskreel.common.show import contact_sheet, overlay
from maskreel.common.training import TrainingTask
from maskreel.common.unet import UNetTask
from maskreel.vfp.segmentation._build import segmenter_of
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.common.datasets import Pixels
    from maskreel.vfp.segmentation._config import FrameKind, SegmenterConfig
    from maskreel.vfp.segmentation._protocol import Segmenter

__all__ = ["SegmenterTask", "as_tensor", "draw_labels", "pooled_iou"]

SHOWN = 4
"""Clips of each kind in a sample picture."""


class SegmenterTask(TrainingTask):
    """Trains a network of `build_segmenter_network`; batches are collated samples of `Mixture`.

    The losses are torchvision's five of Mask R-CNN, or the two of `UNetTask`.

    Args:
        network: In training mode.
        config: What it was built from.
        observed: Held-out clips of observed frames with labels, on which the quality is measured; may be none.
        predicted: The same for predicted frames.
    """

    def __init__(
        self,
        network: Any,
        config: SegmenterConfig,
        *,
        observed: Sequence[tuple[Pixels, Pixels]] = (),
        predicted: Sequence[tuple[Pixels, Pixels]] = (),
    ) -> None:
        self.module = network
        self.config = config
        self.clips: dict[FrameKind, Sequence[tuple[Pixels, Pixels]]] = {"observed": observed, "predicted": predicted}
        kind = UNetTask if config.network == "unet" else ShapesTask
        self._losses = kind(network=network).losses

    def identity(self) -> Mapping[str, Any]:
        return {name: getattr(self.config, name) for name in ("network", "mean", "std", "short_side")}

    def losses(self, module: torch.nn.Module, batch: Any) -> Mapping[str, torch.Tensor]:
        return self._losses(module, batch)

    def evaluate(self, module: torch.nn.Module) -> Mapping[str, float]:
        """Pooled mean IoU over the 49 classes by kind of frame; nothing without clips."""
        return {
            f"{kind}_iou": pooled_iou(self._segmenter(module, kind), clips).compute()
            for kind, clips in self.clips.items()
            if len(clips)
        }

    def samples(self, module: torch.nn.Module) -> torch.Tensor | None:
        """Truth and, below it, what the network says, for the last frames of some clips of either kind."""
        truth, found = [], []
        for kind, clips in self.clips.items():
            segmenter = self._segmenter(module, kind)
            for frames, labels in clips[:SHOWN]:
                frame = as_tensor(frames[len(frames) - 1 :])
                truth.append(draw_labels(frame, as_tensor(labels[len(labels) - 1 :]))[0])
                found.append(draw_labels(frame, segmenter(frame))[0])
        return contact_sheet([*truth, *found], columns=len(truth)) if truth else None

    def _segmenter(self, module: Any, kind: FrameKind) -> Segmenter:
        return segmenter_of(module, self.config, frames=kind)


def pooled_iou(segmenter: Segmenter, clips: Sequence[tuple[Pixels, Pixels]]) -> MeanIoU:
    """One confusion matrix of all frames of clips, uint8 (T, 3, H, W) with labels uint8 (T, H, W), read one by one."""
    metric = MeanIoU(CLASSES)
    for frames, labels in clips:
        metric.update(segmenter(as_tensor(frames[:])), as_tensor(labels[:]))
    return metric


def draw_labels(frames: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Outlines in DAVIS's colours of the class ids, no tint, because the objects' own colours matter here.

    Args:
        frames: uint8 (T, 3, H, W).
        labels: uint8 (T, H, W).
    """
    masks, ids = labels_to_instances(labels)
    palette = [DAVIS_PALETTE[number] for number in ids] or DAVIS_PALETTE
    return overlay(frames, masks, alpha=0, palette=palette)


def as_tensor(pixels: Pixels) -> torch.Tensor:
    return pixels if isinstance(pixels, torch.Tensor) else torch.from_numpy(np.array(pixels))
