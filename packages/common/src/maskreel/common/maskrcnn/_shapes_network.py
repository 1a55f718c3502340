"""`shapes`: a small Mask R-CNN for the 48 objects of the table scene, with live batch norm in every part.

Mask R-CNN (He et al. 2017) with a feature pyramid (Lin et al. 2017) in torchvision's frame. What is small: the objects
are 10 to 45 pixels wide, so two pyramid levels do, and all regions are cut from the finer one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.image_list import ImageList

MEAN = (0.5, 0.5, 0.5)
STD = (0.2, 0.2, 0.2)
STRIDE = 16
"""Images are padded to multiples of this many pixels."""

LEVELS = ("0", "1")
FINEST = 4
"""Stride of the finest level in pixels."""
ANCHORS = ((13, 19), (26, 38))
"""Side of the square anchors in pixels, per level."""
PYRAMID = 48
EMBEDDING = 192
MASK_CHANNELS = 32
BODY = (24, 48, 96, 128)
"""Channels at strides 2, 4, 8 and 16."""


def build_network(num_classes: int) -> MaskRCNN:
    """The untrained network for `num_classes` classes, the background included.

    In training mode it takes a list of images (3, H, W) in [0, 1] and torchvision's list of targets and returns
    torchvision's losses; image sizes stay as they are.
    """
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    network = MaskRCNN(
        Backbone(),
        image_mean=list(MEAN),
        image_std=list(STD),
        size_divisible=STRIDE,
        rpn_anchor_generator=AnchorGenerator(sizes=ANCHORS, aspect_ratios=((1.0,),) * len(ANCHORS)),
        rpn_head=ProposalHead(PYRAMID, levels=len(LEVELS), anchors=len(ANCHORS[0])),
        rpn_pre_nms_top_n_train=200,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_train=100,
        rpn_post_nms_top_n_test=100,
        rpn_fg_iou_thresh=0.6,
        rpn_batch_size_per_image=96,
        box_head=box_head(),
        box_predictor=BoxPredictor(EMBEDDING, num_classes),
        box_batch_size_per_image=32,
        box_positive_fraction=1 / 3,
        box_detections_per_img=50,
        mask_head=nn.Sequential(_conv(PYRAMID, MASK_CHANNELS), _conv(MASK_CHANNELS, MASK_CHANNELS)),
        mask_predictor=MaskPredictor(MASK_CHANNELS, num_classes),
    )
    # Its constructor takes none but torchvision's own kinds of these.
    network.transform = NativeSize(network.transform)
    network.roi_heads.box_roi_pool = RegionCrop(7)
    network.roi_heads.mask_roi_pool = RegionCrop(14)
    return network


class NativeSize(nn.Module):
    """torchvision's transform of images without the resizing: normalises and pads."""

    def __init__(self, transform: Any) -> None:
        super().__init__()
        self.inner = transform
        self.image_mean, self.image_std = transform.image_mean, transform.image_std
        self.size_divisible = transform.size_divisible

    def forward(self, images: list[torch.Tensor], targets: Any = None) -> tuple[ImageList, Any]:
        from torchvision.models.detection.image_list import ImageList

        normal = [self.inner.normalize(image) for image in images]
        sizes = [(image.shape[-2], image.shape[-1]) for image in images]
        return ImageList(self.inner.batch_images(normal, size_divisible=self.size_divisible), sizes), targets

    def postprocess(self, result: Any, image_shapes: Any, original_image_sizes: Any) -> Any:
        return self.inner.postprocess(result, image_shapes, original_image_sizes)


class Backbone(nn.Module):
    """A residual body with one block per stride and a feature pyramid over strides 4, 8 and 16."""

    out_channels = PYRAMID

    def __init__(self) -> None:
        from torchvision.ops import FeaturePyramidNetwork

        super().__init__()
        c2, c4, c8, c16 = BODY
        self.stem = _conv(3, c2, stride=2)
        self.stage4 = nn.Sequential(_conv(c2, c4, stride=2), Residual(c4))
        self.stage8 = nn.Sequential(_conv(c4, c8, stride=2), Residual(c8))
        self.stage16 = nn.Sequential(_conv(c8, c16, stride=2), Residual(c16))
        self.context = _conv(c16, c8, size=1)
        self.fpn = FeaturePyramidNetwork([c4, c8], PYRAMID, norm_layer=nn.BatchNorm2d)

    def forward(self, images: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        fine = self.stage4(self.stem(images))
        middle = self.stage8(fine)
        coarse = self.context(self.stage16(middle))
        middle = middle + nn.functional.interpolate(coarse, size=middle.shape[-2:], mode="nearest")
        return self.fpn(OrderedDict(zip(LEVELS, (fine, middle), strict=True)))


class Residual(nn.Module):
    """x + conv(relu(conv(x))), then relu; batch norm after each convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(self.first(x)))


class RegionCrop(nn.Module):
    """RoIAlign, aligned, with one sample per bin, from the finest level: by grid_sample, whose gradient is faster."""

    def __init__(self, output_size: int) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(
        self,
        x: dict[str, torch.Tensor],
        boxes: list[torch.Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> torch.Tensor:
        """Crops (N, C, S, S) of the N boxes of all images, box after box."""
        level, size = x[LEVELS[0]], self.output_size
        counts = [len(one) for one in boxes]
        if not sum(counts):
            return level.new_zeros(0, level.shape[1], size, size)
        padded = nn.utils.rnn.pad_sequence(boxes, batch_first=True)
        steps = (torch.arange(size, dtype=level.dtype, device=level.device) + 0.5) / size
        x0, y0, x1, y1 = padded.unsqueeze(-1).unbind(-2)
        width, height = level.shape[-1] * FINEST, level.shape[-2] * FINEST
        across = (x0 + (x1 - x0) * steps) * (2 / width) - 1
        down = (y0 + (y1 - y0) * steps) * (2 / height) - 1
        grid = torch.stack(torch.broadcast_tensors(across[:, :, None, :], down[:, :, :, None]), dim=-1)
        crops = nn.functional.grid_sample(
            level, grid.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False
        )
        crops = crops.unflatten(2, (-1, size)).transpose(1, 2)
        return torch.cat([one[:count] for one, count in zip(crops, counts, strict=True)])


class ProposalHead(nn.Module):
    """RPN head with own layers per level: batch norm shared by two levels would mix their statistics."""

    def __init__(self, channels: int, *, levels: int, anchors: int) -> None:
        super().__init__()
        self.conv = nn.ModuleList(_conv(channels, channels, size=1) for _ in range(levels))
        self.cls_logits = nn.ModuleList(nn.Conv2d(channels, anchors, 1) for _ in range(levels))
        self.bbox_pred = nn.ModuleList(nn.Conv2d(channels, anchors * 4, 1) for _ in range(levels))

    def forward(self, features: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        hidden = [conv(level) for conv, level in zip(self.conv, features, strict=True)]
        logits = [layer(level) for layer, level in zip(self.cls_logits, hidden, strict=True)]
        return logits, [layer(level) for layer, level in zip(self.bbox_pred, hidden, strict=True)]


class BoxPredictor(nn.Module):
    """Class logits (N, C) and box offsets (N, 4C); the offsets are the same for all classes, so they learn from all."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.cls_score = nn.Linear(channels, num_classes)
        self.bbox_pred = nn.Linear(channels, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.cls_score(x), self.bbox_pred(x).repeat(1, self.num_classes)


class MaskPredictor(nn.Module):
    """Mask logits (N, C, 28, 28): one plane that all classes share and learn from, plus one per class."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.shared = nn.Conv2d(channels, 1, 1, bias=False)
        self.by_class = nn.Conv2d(channels, num_classes, 1)
        nn.init.zeros_(self.by_class.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.upsample(x)))
        # One convolution where shared(x) + by_class(x) takes two.
        return nn.functional.conv2d(x, self.by_class.weight + self.shared.weight, self.by_class.bias)


def box_head() -> nn.Sequential:
    """(N, PYRAMID, 7, 7) to (N, EMBEDDING)."""
    return nn.Sequential(
        _conv(PYRAMID, 64),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, EMBEDDING, bias=False),
        nn.Unflatten(1, (EMBEDDING, 1, 1)),
        nn.BatchNorm2d(EMBEDDING),  # 2-D like all the others, for those who read the statistics
        nn.ReLU(inplace=True),
        nn.Flatten(),
    )


def _conv(channels_in: int, channels_out: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
