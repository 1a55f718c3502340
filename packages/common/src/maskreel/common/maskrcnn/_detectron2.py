"""Mask R-CNN of detectron2 behind our interface.

Written against detectron2 at commit 02b5c4e2 (2026-06), which is not on PyPI. Against that package (FPN and C4, random
weights) boxes, scores, classes and masks for given boxes were the same bit for bit; its published weights were never
run. Where it is not installed, the tests use a stand-in of its interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from maskreel.common.maskrcnn._interface import Features, MaskRCNN, RawDetections
from maskreel.common.maskrcnn._require import require

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence


class Detectron2MaskRCNN(MaskRCNN):
    """A `GeneralizedRCNN` of detectron2 with a mask head: FPN (`StandardROIHeads`) or C4 (`Res5ROIHeads`).

    detectron2 counts classes from 0 and puts the background last; here, as everywhere, the background is label 0 and
    detectron2's class k is label k + 1. Its channel order (`input_format`, usually BGR), its range of 0 to 255 and its
    mean and std are inside.

    Args:
        network: In evaluation mode when it is used.
        class_names: Of the objects, without background, as in `MetadataCatalog.get(...).thing_classes`.
        short_side, long_side: See `MaskRCNN`; detectron2 tests at 800 and 1333.

    Raises:
        MissingExtraError: detectron2 is not installed.
        ValueError: The network's heads are of another kind, or it has another number of classes.
    """

    mask_centre = 0.5

    def __init__(
        self,
        network: Any,
        class_names: Sequence[str],
        *,
        short_side: int | None = None,
        long_side: int | None = None,
    ) -> None:
        require("detectron2")
        super().__init__(network, ("background", *class_names), short_side=short_side, long_side=long_side)
        if not getattr(network.roi_heads, "mask_on", False) or not hasattr(network.roi_heads.mask_head, "layers"):
            raise ValueError(
                f"network must have a mask head that gives logits by layers(), as StandardROIHeads and Res5ROIHeads "
                f"have with MODEL.MASK_ON, got {type(network.roi_heads).__name__}"
            )
        if network.roi_heads.num_classes != len(class_names):
            raise ValueError(
                f"class_names must be {network.roi_heads.num_classes}, one per class, got {len(class_names)}"
            )
        if network.input_format not in ("BGR", "RGB"):
            raise ValueError(f"the network's input_format must be BGR or RGB, got {network.input_format!r}")
        self._shares_regions = hasattr(network.roi_heads, "res5")

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        channels = images.flip(1) if self.network.input_format == "BGR" else images
        return (channels * 255 - self.network.pixel_mean) / self.network.pixel_std

    def _pad(self, inputs: torch.Tensor) -> torch.Tensor:
        height, width = inputs.shape[-2:]
        backbone = self.network.backbone
        if square := backbone.padding_constraints.get("square_size", 0):
            return functional.pad(inputs, (0, square - width, 0, square - height))
        step = backbone.padding_constraints.get("size_divisibility", backbone.size_divisibility) or 1
        return functional.pad(inputs, (0, -width % step, 0, -height % step))

    def _maps(self, inputs: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return self.network.backbone(inputs)

    def _mask_logits(self, features: Features, boxes: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        heads = self.network.roi_heads
        if self._shares_regions:
            regions = self._shared_regions(features, boxes)
        else:
            regions = heads.mask_pooler([features.maps[name] for name in heads.mask_in_features], _boxes(boxes))
        logits = heads.mask_head.layers(regions)
        classes = torch.zeros_like(labels) if logits.shape[1] == 1 else labels - 1  # 1: class-agnostic masks
        return logits[torch.arange(len(labels), device=labels.device), classes]

    def _class_logits(self, features: Features, boxes: list[torch.Tensor]) -> torch.Tensor:
        heads = self.network.roi_heads
        if self._shares_regions:
            vectors = self._shared_regions(features, boxes).mean(dim=(2, 3))
        else:
            vectors = heads.box_head(
                heads.box_pooler([features.maps[name] for name in heads.box_in_features], _boxes(boxes))
            )
        return heads.box_predictor(vectors)[0].roll(1, dims=1)  # the background from last to first

    def _shared_regions(self, features: Features, boxes: list[torch.Tensor]) -> torch.Tensor:
        heads = self.network.roi_heads
        return heads.res5(heads.pooler([features.maps[name] for name in heads.in_features], _boxes(boxes)))

    def _objectness(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        proposals = self.network.proposal_generator
        levels = [features.maps[name] for name in proposals.in_features]
        logits, _ = proposals.rpn_head(levels)
        anchors = [boxes.tensor for boxes in proposals.anchor_generator(levels)]
        return torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in logits], dim=1), torch.cat(anchors)

    def _detect(self, features: Features) -> list[RawDetections]:
        from detectron2.structures import ImageList  # pyright: ignore[reportMissingImports]

        some = next(iter(features.maps.values()))
        pixels = some.new_zeros(()).expand(features.batch, 3, *features.padded_size)  # only their sizes are read
        images = ImageList(pixels, [features.scaled_size] * features.batch)
        proposals, _ = self.network.proposal_generator(images, features.maps, None)
        found, _ = self.network.roi_heads(images, features.maps, proposals, None)
        return [
            RawDetections(one.pred_boxes.tensor, one.pred_classes + 1, one.scores, one.pred_masks[:, 0])
            for one in found
        ]


def detectron2_maskrcnn(
    config: str = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml",
    *,
    weights: str | os.PathLike[str] | None = None,
    short_side: int | None = None,
    long_side: int | None = None,
) -> Detectron2MaskRCNN:
    """A network of detectron2's model zoo, frozen, on the CPU and in evaluation mode.

    Args:
        config: Name of the config in the zoo.
        weights: A checkpoint for it; None: the published one, which detectron2 downloads.
        short_side, long_side: See `MaskRCNN`.

    Raises:
        MissingExtraError: detectron2 is not installed.
    """
    require("detectron2")
    from detectron2 import model_zoo  # pyright: ignore[reportMissingImports]
    from detectron2.checkpoint import DetectionCheckpointer  # pyright: ignore[reportMissingImports]
    from detectron2.data import MetadataCatalog  # pyright: ignore[reportMissingImports]
    from detectron2.modeling import build_model  # pyright: ignore[reportMissingImports]

    settings = model_zoo.get_config(config)
    settings.MODEL.DEVICE = "cpu"
    network = build_model(settings)
    DetectionCheckpointer(network).load(str(weights) if weights else model_zoo.get_checkpoint_url(config))
    names = MetadataCatalog.get(settings.DATASETS.TRAIN[0]).thing_classes
    network.eval().requires_grad_(False)
    return Detectron2MaskRCNN(network, names, short_side=short_side, long_side=long_side)


def _boxes(boxes: list[torch.Tensor]) -> list[Any]:
    from detectron2.structures import Boxes  # pyright: ignore[reportMissingImports]

    return [Boxes(part) for part in boxes]
