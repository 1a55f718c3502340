"""`MaskRCNN`: one interface to Mask R-CNN (He et al. 2017), whichever library the network comes from.

features = model.features(images)                      # differentiable down to the pixels
logits = model.mask_logits(features, boxes, labels)    # for given boxes, without the proposals of the network
found = model.detect(images)                           # the whole pipeline
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from maskreel.common.maskrcnn._batch_norm import batch_norm_layers
from maskreel.common.maskrcnn._detections import Detections
from maskreel.common.maskrcnn._paste import paste_masks, paste_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Features:
    """Feature maps of a batch of images, with the sizes that lead from boxes in the images to places in the maps."""

    maps: Mapping[str, torch.Tensor]
    """Feature maps (B, C, h, w) by the back end's names."""
    image_size: tuple[int, int]
    """Height and width of the images."""
    scaled_size: tuple[int, int]
    """Height and width after resizing, before padding."""
    padded_size: tuple[int, int]
    """Height and width of what the network saw."""

    @property
    def batch(self) -> int:
        return len(next(iter(self.maps.values())))

    @property
    def scale(self) -> tuple[float, float]:
        """Factors from image pixels to pixels of the network's input, for x and y."""
        (height, width), (scaled_height, scaled_width) = self.image_size, self.scaled_size
        return scaled_width / width, scaled_height / height


@dataclass(frozen=True)
class Objectness:
    """What the region proposal network says at K anchors; `logits[b, k]` belongs to `anchors[k]`."""

    logits: torch.Tensor
    """float (B, K): above 0 where an anchor more likely than not fits an object of any class."""
    anchors: torch.Tensor
    """float (K, 4): boxes x0, y0, x1, y1 in image pixels; they may reach beyond the image."""


@dataclass(frozen=True)
class RawDetections:
    """What an adapter hands up for one image: boxes (N, 4) in the network's pixels, mask probabilities (N, M, M)."""

    boxes: torch.Tensor
    labels: torch.Tensor
    scores: torch.Tensor
    masks: torch.Tensor


class MaskRCNN(nn.Module, ABC):
    """A trained Mask R-CNN behind one interface; see the module's text for its use.

    Images are float32 RGB (B, 3, H, W) in [0, 1], of any size; normalisation, channel order and resizing are inside.
    Boxes are half-open x0, y0, x1, y1 in pixels of the images, one tensor (N_i, 4) per image; labels are positions in
    `class_names`, one int64 tensor (N_i,) per image. `features`, the logits and `objectness` pass gradients to the
    images. The network must be in evaluation mode: in training mode every image would change its batch statistics.

    Args:
        network: The back end's network.
        class_names: One per label, the background first.
        short_side: Images are resized (bilinear) so that their shorter side has this many pixels; None: not at all.
        long_side: Bound on the longer side; a smaller scale is used where it would be passed.
    """

    mask_centre: float
    """Where the network's masks have the centre of pixel 0, in its own pixels; see `paste_masks`."""

    def __init__(
        self,
        network: nn.Module,
        class_names: Sequence[str],
        *,
        short_side: int | None = None,
        long_side: int | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("short_side", short_side), ("long_side", long_side)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be 1 or more pixels, got {value}")
        if long_side is not None and short_side is None:
            raise ValueError(f"long_side needs a short_side, got {long_side} without one")
        self.network: Any = network
        self.class_names = tuple(class_names)
        self.short_side, self.long_side = short_side, long_side

    def label(self, name: str) -> int:
        """The label of a class by its name.

        Raises:
            ValueError: There is no such class, or several are called that.
        """
        if self.class_names.count(name) != 1:
            raise ValueError(f"{name!r} must be one of the classes {', '.join(self.class_names)}")
        return self.class_names.index(name)

    def features(self, images: torch.Tensor) -> Features:
        """Resize, normalise and pad the images and run the backbone."""
        _check_images(images)
        if self.network.training:
            raise ValueError("the network is in training mode, where images change its batch statistics; call .eval()")
        height, width = images.shape[-2:]
        scaled = self._scaled_size(height, width)
        if scaled != (height, width):
            images = functional.interpolate(images, scaled, mode="bilinear", align_corners=False)
        inputs = self._pad(self._normalise(images))
        return Features(self._maps(inputs), (height, width), scaled, (inputs.shape[-2], inputs.shape[-1]))

    def mask_logits(
        self, features: Features, boxes: Sequence[torch.Tensor], labels: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Mask logits for given boxes and classes: float (N, M, M), N over all images, box after box."""
        scaled = self._scaled_boxes(features, boxes)
        if [len(part) for part in labels] != [len(part) for part in boxes]:
            raise ValueError(
                f"labels must be as many as the boxes of each image, {[len(part) for part in boxes]}, "
                f"got {[len(part) for part in labels]}"
            )
        chosen = torch.cat(list(labels)).to(next(iter(features.maps.values())).device)
        if chosen.numel() and not 0 < int(chosen.min()) <= int(chosen.max()) < len(self.class_names):
            raise ValueError(f"labels must be 1 to {len(self.class_names) - 1}, got {chosen.tolist()}")
        return self._mask_logits(features, scaled, chosen)

    def class_logits(self, features: Features, boxes: Sequence[torch.Tensor]) -> torch.Tensor:
        """Class logits for given boxes: float (N, C) in the order of `class_names`, N over all images."""
        return self._class_logits(features, self._scaled_boxes(features, boxes))

    def objectness(self, features: Features) -> Objectness:
        """The logits of the region proposal network at all anchors."""
        logits, anchors = self._objectness(features)
        return Objectness(logits, anchors / anchors.new_tensor(features.scale * 2))

    @torch.no_grad()
    def detect(self, images: torch.Tensor, *, probabilities: bool = False) -> list[Detections]:
        """Find objects: proposals, classes, non-maximum suppression and masks; one `Detections` per image.

        Args:
            images: float32 (B, 3, H, W).
            probabilities: Give those of the masks' pixels, too; they take 4 bytes each.
        """
        features = self.features(images)
        return [self._finished(features, raw, probabilities) for raw in self._detect(features)]

    def forward(self, images: torch.Tensor) -> list[Detections]:
        """The same as `detect`."""
        return self.detect(images)

    def batch_norm_layers(self) -> dict[str, nn.Module]:
        """All 2-D batch norm layers, live or frozen, by their names in `network`; see `batch_norm_layers`.

        Those in the body and pyramid have names that start with "backbone.".
        """
        return batch_norm_layers(self.network)

    @abstractmethod
    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        """RGB in [0, 1] to what the network's first layer expects."""

    @abstractmethod
    def _pad(self, inputs: torch.Tensor) -> torch.Tensor:
        """Zeros below and on the right, up to a size that the network can work with."""

    @abstractmethod
    def _maps(self, inputs: torch.Tensor) -> Mapping[str, torch.Tensor]: ...

    @abstractmethod
    def _mask_logits(self, features: Features, boxes: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """(N, M, M) for boxes in the network's pixels and labels (N,)."""

    @abstractmethod
    def _class_logits(self, features: Features, boxes: list[torch.Tensor]) -> torch.Tensor: ...

    @abstractmethod
    def _objectness(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, K) and anchors (K, 4) in the network's pixels."""

    @abstractmethod
    def _detect(self, features: Features) -> list[RawDetections]: ...

    def _scaled_size(self, height: int, width: int) -> tuple[int, int]:
        if self.short_side is None:
            return height, width
        scale = self.short_side / min(height, width)
        if self.long_side is not None:
            scale = min(scale, self.long_side / max(height, width))
        return max(1, math.floor(height * scale)), max(1, math.floor(width * scale))

    def _scaled_boxes(self, features: Features, boxes: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        if len(boxes) != features.batch or any(part.ndim != 2 or part.shape[-1] != 4 for part in boxes):
            shapes = [tuple(part.shape) for part in boxes]
            raise ValueError(f"boxes must be one tensor (N, 4) for each of {features.batch} images, got {shapes}")
        some = next(iter(features.maps.values()))
        scale = some.new_tensor(features.scale * 2)
        return [part.to(some) * scale for part in boxes]

    def _finished(self, features: Features, raw: RawDetections, probabilities: bool) -> Detections:
        boxes = raw.boxes / raw.boxes.new_tensor(features.scale * 2)
        across, down = (0.5 - (0.5 - self.mask_centre) / scale for scale in features.scale)
        scores, labels, size = raw.scores.float(), raw.labels.long(), features.image_size
        if not probabilities:
            masks = paste_masks(raw.masks, boxes, size, centre=(across, down))
            return Detections(boxes.float(), labels, scores, masks)
        soft = paste_probabilities(raw.masks, boxes, size, centre=(across, down))
        return Detections(boxes.float(), labels, scores, soft > 0.5, soft.float())


def _check_images(images: torch.Tensor) -> None:
    if not images.is_floating_point():
        raise TypeError(f"images must be floating point in [0, 1], got {images.dtype}")
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
