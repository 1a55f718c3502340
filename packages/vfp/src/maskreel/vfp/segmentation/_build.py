"""From a `SegmenterConfig` to a network, and from a network to a `Segmenter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maskreel.common.errors import MissingExtraError
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, TorchvisionMaskRCNN, build_shapes
from maskreel.common.unet import UNet
from maskreel.vfp.segmentation._maskrcnn_segmenter import MaskRCNNSegmenter
from maskreel.vfp.segmentation._unet_segmenter import UNetSegmenter
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from torch import nn
    from torchvision.models.detection import MaskRCNN

    from maskreel.vfp.segmentation._config import FrameKind, SegmenterConfig

__all__ = ["build_segmenter_network", "segmenter_of"]

ANCHORS = (8, 16, 32, 64, 128)
"""Side of the anchors in pixels, per level; the objects of the data set are 10 to 45 pixels wide."""
RATIOS = (0.5, 1.0, 2.0)
NORM_GROUPS = 32


def build_segmenter_network(config: SegmenterConfig) -> nn.Module:
    """A new network in training mode, with first values from torch's global generator.

    Raises:
        MissingExtraError: The network is a Mask R-CNN and torchvision is not installed.
    """
    if config.network == "unet":
        return UNet(CLASSES)
    return build_shapes() if config.network == "shapes" else _resnet50(config)


def segmenter_of(
    network: Any, config: SegmenterConfig, *, frames: FrameKind, quick: bool = True
) -> MaskRCNNSegmenter | UNetSegmenter:
    """The `Segmenter` around a network of `build_segmenter_network` in evaluation mode, for such frames."""
    if config.network == "unet":
        return UNetSegmenter(network)
    side = config.short_side if config.network == "resnet50" else None
    model = TorchvisionMaskRCNN(network, SHAPES_CLASS_NAMES, short_side=side)
    return MaskRCNNSegmenter(model, config.painting(frames), quick=quick)


def _resnet50(config: SegmenterConfig) -> MaskRCNN:
    """Mask R-CNN as in He et al. 2017, with group norm, which needs no large batches (Wu and He 2018).

    Without weights of ImageNet: frozen batch norm would keep statistics of other images.
    """
    try:
        from torchvision.models.detection import MaskRCNN
        from torchvision.models.detection.anchor_utils import AnchorGenerator
        from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchvision", "maskreel-vfp[segment]") from error

    return MaskRCNN(
        resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=_group_norm, trainable_layers=5),
        CLASSES,
        min_size=config.short_side,
        max_size=8 * config.short_side,
        image_mean=list(config.mean),
        image_std=list(config.std),
        rpn_anchor_generator=AnchorGenerator(tuple((side,) for side in ANCHORS), (RATIOS,) * len(ANCHORS)),
        box_detections_per_img=50,
    )


def _group_norm(channels: int) -> nn.Module:
    from torch import nn

    return nn.GroupNorm(NORM_GROUPS, channels)
