"""Training of the U-Net on frames with label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from maskreel.common.masks import VOID, labels_to_instances
from maskreel.common.metrics import MeanIoU
from maskreel.common.show import contact_sheet, overlay
from maskreel.common.training import TrainingTask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.common.datasets import Pixels
    from maskreel.common.unet._network import UNet

BATCH = 8
SHOWN = 6


class UNetTask(TrainingTask):
    """Trains a `UNet`; batches are {"image": (B, 3, H, W) in [0, 1], "labels": uint8 (B, H, W)}.

    These are the collated samples of `maskreel.common.maskrcnn.LabelledFrames`. Label 255 does not count. The loss is
    cross entropy over all pixels, plus cross entropy among the classes other than background over the pixels of
    objects: few pixels are of objects, and alone they would learn their classes late.

    Args:
        clips: Held-out clips, frames uint8 (T, 3, H, W) with labels uint8 (T, H, W), that the quality is measured on.
        network: The network to train, for example `UNet(49)`.
    """

    def __init__(self, clips: Sequence[tuple[Pixels, Pixels]] = (), *, network: UNet) -> None:
        self.module = network
        self.clips = clips

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        logits, labels = module.block_logits(batch["image"]), batch["labels"]
        height, width = (2 * side for side in logits.shape[-2:])
        missing = (0, width - labels.shape[-1], 0, height - labels.shape[-2])
        blocks = functional.pixel_unshuffle(functional.pad(labels, missing, value=VOID).long()[:, None], 2)
        objects = (blocks != 0) & (blocks != VOID)
        chosen = logits.movedim(1, -1)[objects][:, 1:]
        among = functional.cross_entropy(chosen, blocks[objects] - 1, reduction="sum") / objects.sum().clamp(min=1)
        return {
            "all_classes": functional.cross_entropy(logits, blocks, ignore_index=VOID),
            "among_objects": among,
        }

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """Mean IoU over the classes that occur, background included, all frames pooled; nothing without clips."""
        metric = MeanIoU(module.classes, ignore=VOID)
        for frames, labels in self.clips:
            for start in range(0, len(labels), BATCH):
                metric.update(_segment(module, frames[start : start + BATCH]), _tensor(labels[start : start + BATCH]))
        return {"mean_iou": metric.compute()} if self.clips else {}

    def samples(self, module: Any) -> torch.Tensor | None:
        """Truth and, below it, what the network says, for the first frames of some clips."""
        shown = [(_tensor(frames[:1]), _tensor(labels[:1])) for frames, labels in self.clips[:SHOWN]]
        if not shown:
            return None
        truth = [_drawn(frame[0], labels[0], module.classes) for frame, labels in shown]
        found = [_drawn(frame[0], _segment(module, frame)[0], module.classes) for frame, _ in shown]
        return contact_sheet([*truth, *found], columns=len(shown))


def _segment(module: Any, frames: Pixels) -> torch.Tensor:
    device = next(module.parameters()).device
    return module.segment(_tensor(frames).to(device).float() / 255).cpu()


def _drawn(frame: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    return overlay(frame, labels_to_instances(labels, ids=range(1, classes))[0])


def _tensor(pixels: Pixels) -> torch.Tensor:
    return pixels if isinstance(pixels, torch.Tensor) else torch.from_numpy(np.array(pixels))
