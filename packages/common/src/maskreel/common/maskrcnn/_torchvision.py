"""Mask R-CNN of torchvision behind our interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.common.maskrcnn._interface import Features, MaskRCNN, RawDetections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torchvision.models.detection import MaskRCNN as Network
    from torchvision.models.detection.image_list import ImageList


class TorchvisionMaskRCNN(MaskRCNN):
    """Any `torchvision.models.detection.MaskRCNN`, with its own normalisation, thresholds and padding.

    Its resizing is not used: give `short_side` and `long_side` where the network was trained on larger images (800
    and 1333 for the published weights).

    Args:
        network: In evaluation mode when it is used.
        class_names: One per label, the background first.
        short_side, long_side: See `MaskRCNN`.

    Raises:
        ValueError: The network has another number of classes.
    """

    mask_centre = 0.0

    def __init__(
        self,
        network: Network,
        class_names: Sequence[str],
        *,
        short_side: int | None = None,
        long_side: int | None = None,
    ) -> None:
        super().__init__(network, class_names, short_side=short_side, long_side=long_side)
        classes = self.network.roi_heads.box_predictor.cls_score.out_features
        if classes != len(self.class_names):
            raise ValueError(f"class_names must be {classes}, as many as the network has, got {len(self.class_names)}")

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        mean, std = (
            images.new_tensor(values)[:, None, None]
            for values in (self.network.transform.image_mean, self.network.transform.image_std)
        )
        return (images - mean) / std

    def _pad(self, inputs: torch.Tensor) -> torch.Tensor:
        height, width = inputs.shape[-2:]
        step = self.network.transform.size_divisible
        return functional.pad(inputs, (0, -width % step, 0, -height % step))

    def _maps(self, inputs: torch.Tensor) -> Mapping[str, torch.Tensor]:
        maps = self.network.backbone(inputs)
        return {"0": maps} if isinstance(maps, torch.Tensor) else maps

    def _mask_logits(self, features: Features, boxes: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        heads = self.network.roi_heads
        regions = heads.mask_roi_pool(features.maps, boxes, _sizes(features))
        logits = heads.mask_predictor(heads.mask_head(regions))
        return logits[torch.arange(len(labels), device=labels.device), labels]

    def _class_logits(self, features: Features, boxes: list[torch.Tensor]) -> torch.Tensor:
        heads = self.network.roi_heads
        regions = heads.box_roi_pool(features.maps, boxes, _sizes(features))
        return heads.box_predictor(heads.box_head(regions))[0]

    def _objectness(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        levels = list(features.maps.values())
        logits, _ = self.network.rpn.head(levels)
        anchors = self.network.rpn.anchor_generator(_image_list(features), levels)[0]
        return torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in logits], dim=1), anchors

    def _detect(self, features: Features) -> list[RawDetections]:
        proposals, _ = self.network.rpn(_image_list(features), features.maps)
        found, _ = self.network.roi_heads(features.maps, proposals, _sizes(features))
        return [RawDetections(one["boxes"], one["labels"], one["scores"], one["masks"][:, 0]) for one in found]


def _sizes(features: Features) -> list[tuple[int, int]]:
    return [features.scaled_size] * features.batch


def _image_list(features: Features) -> ImageList:
    """What torchvision's proposal network asks for; of the pixels it reads the shape only, so there are none."""
    from torchvision.models.detection.image_list import ImageList

    some = next(iter(features.maps.values()))
    return ImageList(some.new_zeros(()).expand(features.batch, 3, *features.padded_size), _sizes(features))
