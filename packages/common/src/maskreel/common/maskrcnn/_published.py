"""torchvision's own Mask R-CNN networks with their published weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn._require import require
from maskreel.common.maskrcnn._torchvision import TorchvisionMaskRCNN
from maskreel.common.weights import WeightsEntry, load_into, load_state_dict, rename_keys, torchvision_entry

if TYPE_CHECKING:
    import os

    import torch
    from torchvision.models.detection import MaskRCNN as Network

TorchvisionName = Literal["maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"]

_OLD_KEYS = (
    (r"^rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    (r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$", r"\1.0.\2"),
    *((rf"^roi_heads\.mask_head\.mask_fcn{n}\.", f"roi_heads.mask_head.{n - 1}.0.") for n in range(1, 5)),
)
"""Names from before torchvision 0.14, which the published file of the first version still has."""


def torchvision_maskrcnn(
    name: TorchvisionName = "maskrcnn_resnet50_fpn_v2",
    *,
    weights: str | os.PathLike[str] | None = None,
    short_side: int | None = None,
    long_side: int | None = None,
) -> TorchvisionMaskRCNN:
    """Mask R-CNN with ResNet-50 and FPN for the 90 classes of COCO, frozen and in evaluation mode.

    The first version has frozen batch norm with the statistics of ImageNet, from before its training on COCO; the
    second has live batch norm in backbone and heads, with statistics of its own training, and finds more.

    Args:
        name: Which version.
        weights: A state dict for this network, .pth or .safetensors; None: the published one, downloaded once.
        short_side: Pixels of the shorter side after resizing; they were trained at about 800. None: no resizing.
        long_side: Bound on the longer side; torchvision uses 1333.

    Raises:
        InputError: The weights cannot be had, or are not for this network.
        MissingExtraError: torchvision is not installed.
    """
    published = torchvision_weights(name)
    path = published.fetch() if weights is None else Path(weights)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected the weights of {name}; leave it out for the published ones")
    network = _v1() if name == "maskrcnn_resnet50_fpn" else _v2()
    load_into(network, _today(load_state_dict(path), network), source=str(path))
    names = tuple(_enum(name).meta["categories"])
    return TorchvisionMaskRCNN(
        network.eval().requires_grad_(False), ("background", *names[1:]), short_side=short_side, long_side=long_side
    )


def torchvision_weights(name: TorchvisionName) -> WeightsEntry:
    """The published weights of a network; `torchvision_weights(name).fetch()` gets them beforehand.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    return torchvision_entry(
        _enum(name),
        data="COCO 2017",
        preprocessing="RGB in [0, 1], ImageNet mean and std, shorter side 800 and longer side at most 1333 pixels",
    )


def _enum(name: TorchvisionName) -> Any:
    if name not in get_args(TorchvisionName):
        raise ValueError(f"name must be one of {', '.join(get_args(TorchvisionName))}, got {name!r}")
    require("torchvision")
    from torchvision.models import detection

    if name == "maskrcnn_resnet50_fpn":
        return detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1
    return detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1


def _v1() -> Network:
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d

    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d)
    network = MaskRCNN(backbone, num_classes=91)
    for layer in network.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            layer.eps = 0.0  # as it was when these weights were trained
    return network


def _v2() -> Network:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    return maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)


def _today(state: dict[str, torch.Tensor], network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state under today's names, without the batch counters that frozen batch norm does not have."""
    rules = [(old, new) for old, new in _OLD_KEYS if any(re.search(old, key) for key in state)]
    own = network.state_dict()
    renamed = rename_keys(state, rules)
    return {key: value for key, value in renamed.items() if key in own or not key.endswith("num_batches_tracked")}
