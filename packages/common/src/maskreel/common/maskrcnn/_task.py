"""Training of the `shapes` network on frames with label maps."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from maskreel.common.maskrcnn._classes import SHAPES_CLASS_NAMES
from maskreel.common.maskrcnn._evaluate import evaluate_detector
from maskreel.common.maskrcnn._frames import as_tensor, instance_targets
from maskreel.common.maskrcnn._labels import labels_to_detections
from maskreel.common.maskrcnn._shapes import build_shapes
from maskreel.common.maskrcnn._torchvision import TorchvisionMaskRCNN
from maskreel.common.show import PALETTE, contact_sheet, overlay
from maskreel.common.training import TrainingTask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from torchvision.models.detection import MaskRCNN as Network

    from maskreel.common.datasets import Pixels
    from maskreel.common.maskrcnn._detections import Detections

SHOWN = 6
"""Frames in a sample picture."""


class ShapesTask(TrainingTask):
    """Trains `build_shapes()` with torchvision's five losses; batches are collated samples of `LabelledFrames`.

    Args:
        clips: Held-out clips, frames uint8 (T, 3, H, W) with labels uint8 (T, H, W): the quality is measured on all
            their frames, and the first frames of some are shown. None: no quality and no pictures.
        network: Goes on with this one; None: a new one, from torch's global generator.
    """

    def __init__(self, clips: Sequence[tuple[Pixels, Pixels]] = (), *, network: Network | None = None) -> None:
        self.module = build_shapes() if network is None else network
        self.clips = clips

    def losses(self, module: torch.nn.Module, batch: Any) -> Mapping[str, torch.Tensor]:
        return module(list(batch["image"]), instance_targets(batch["labels"]))

    def evaluate(self, module: torch.nn.Module) -> Mapping[str, float]:
        """Average precision and mean IoU; nothing without clips."""
        if not self.clips:
            return {}
        quality = asdict(evaluate_detector(_model(module), self.clips))
        return {name: quality[name] for name in ("box_ap50", "mask_ap50", "mask_ap", "mean_iou")}

    def samples(self, module: torch.nn.Module) -> torch.Tensor | None:
        """Truth and, below it, detections with a score of 0.5 or more, for the first frames of some clips."""
        shown = [(as_tensor(frames[0]), as_tensor(labels[0])) for frames, labels in self.clips[:SHOWN]]
        if not shown:
            return None
        model, device = _model(module), next(module.parameters()).device
        truth = [_drawn(frame, labels_to_detections(labels)) for frame, labels in shown]
        found = [model.detect(frame[None].to(device).float() / 255)[0].above(0.5).to("cpu") for frame, _ in shown]
        drawn = [_drawn(frame, one) for (frame, _), one in zip(shown, found, strict=True)]
        return contact_sheet([*truth, *drawn], columns=len(shown))


def _drawn(frame: torch.Tensor, objects: Detections) -> torch.Tensor:
    """Outlines in the colours of the classes, with little tint, because the objects' own colours matter here."""
    palette = [PALETTE[label % len(PALETTE)] for label in objects.labels.tolist()]
    return overlay(frame, objects.masks, alpha=0.2, palette=palette or PALETTE)


def _model(module: Any) -> TorchvisionMaskRCNN:
    return TorchvisionMaskRCNN(module, SHAPES_CLASS_NAMES)
