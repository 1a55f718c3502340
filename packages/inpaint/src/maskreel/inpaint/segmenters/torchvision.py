"""People, by the segmentation networks of torchvision: DeepLabv3 (Chen et al. 2017) and FCN (Long et al. 2015).

Both have a ResNet-50 and the published weights COCO_WITH_VOC_LABELS_V1, which know the 20 classes of Pascal VOC. A
person who is missed stays in the video, while a few pixels too many cost little, so masks are made for recall:
hysteresis keeps what is perhaps a person where it hangs together with what very likely is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch.nn import functional

from maskreel.common.errors import MissingExtraError
from maskreel.common.weights import WeightsEntry, load_into, load_state_dict, short_identity, torchvision_entry
from maskreel.inpaint._given_weights import given_weights
from maskreel.inpaint.segmenters.person_masks import PersonSegmenter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from maskreel.inpaint._device import Device

__all__ = ["TorchvisionName", "TorchvisionSegmenter", "published_weights"]

TorchvisionName = Literal["torchvision-deeplabv3", "torchvision-fcn"]

_TRAINING_ONLY = "aux_classifier."  # a second head, for its loss


class TorchvisionSegmenter(PersonSegmenter):
    """Segments people with a network of torchvision. A `Segmenter`.

    Frames are resized and normalised as torchvision does for these networks; the probability of "person" is brought
    back to the frame's size, bilinearly. The network works on the CPU or a GPU; masks come back on the CPU.

    Args:
        name: which network; DeepLabv3 is the more accurate one, by the published figures.
        weights: a state dict for this very network, as .pth or .safetensors; None downloads the published one, once.
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        short_side: pixels that the frame's shorter side is resized to. Time grows with its square.
        low: probability that a pixel needs where it hangs together with a likelier one.
        high: probability that one pixel of a region needs for the region to count.
        batch: frames that go through the network at a time, at most. Memory grows with it.

    Raises:
        InputError: the weights cannot be had, or are not for this network; or cuda is asked for, and there is none.
        MissingExtraError: torchvision is not installed.
    """

    def __init__(
        self,
        name: TorchvisionName = "torchvision-deeplabv3",
        *,
        weights: str | os.PathLike[str] | None = None,
        device: Device | torch.device = "auto",
        short_side: int = 520,
        low: float = 0.3,
        high: float = 0.6,
        batch: int = 4,
    ) -> None:
        super().__init__(device, short_side, low=low, high=high, batch=batch)
        variant = _variant(name)
        path = published_weights(name).fetch() if weights is None else given_weights(weights)
        categories: list[str] = variant.published.meta["categories"]
        self._network = _load(variant, path).to(self.device)
        self._preprocess = variant.published.transforms(resize_size=short_side)
        self._person = categories.index("person")
        source = path.name if weights is None else short_identity(path)
        self._description = f"{name!r}, weights={source!r}"

    @torch.inference_mode()
    def _probabilities(self, frames: torch.Tensor) -> np.ndarray:
        """Probability of a person: uint8 (N, 3, H, W) -> float32 (N, H, W)."""
        # Resized on the CPU, so that the network sees the same picture on every device.
        pictures = self._preprocess(frames.cpu()).to(self.device, memory_format=torch.channels_last)
        person = self._network(pictures)["out"].softmax(dim=1)[:, self._person, None]
        return functional.interpolate(person, frames.shape[-2:], mode="bilinear")[:, 0].cpu().numpy()


def published_weights(name: TorchvisionName) -> WeightsEntry:
    """The weights that torchvision publishes for a network; `published_weights(name).fetch()` gets them beforehand.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    published = _variant(name).published
    return torchvision_entry(
        published,
        data="the images of COCO with classes of Pascal VOC",
        preprocessing=published.transforms().describe(),
    )


@dataclass(frozen=True)
class _Variant:
    """One network of torchvision."""

    build: Callable[..., torch.nn.Module]
    published: Any
    """Its entry in torchvision's enum of weights."""


def _variant(name: TorchvisionName) -> _Variant:
    if name not in get_args(TorchvisionName):
        raise ValueError(f"name must be one of {', '.join(get_args(TorchvisionName))}, got {name!r}")
    try:
        from torchvision.models import segmentation
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchvision", "maskreel-inpaint[torchvision]") from error
    if name == "torchvision-fcn":
        return _Variant(segmentation.fcn_resnet50, segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1)
    weights = segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
    return _Variant(segmentation.deeplabv3_resnet50, weights)


def _load(variant: _Variant, path: Path) -> torch.nn.Module:
    """The network with the weights in `path`, for inference."""
    state = {key: value for key, value in load_state_dict(path).items() if not key.startswith(_TRAINING_ONLY)}
    classes = len(variant.published.meta["categories"])
    with torch.device("meta"):  # no time, memory or random numbers for first values that are replaced at once
        network = variant.build(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
    network.to_empty(device="cpu")
    load_into(network, state, source=str(path))
    # Channels last saves four tenths of the time on a CPU.
    return network.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
