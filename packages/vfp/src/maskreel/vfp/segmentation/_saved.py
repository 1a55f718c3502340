"""Segmenters on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, shapes_maskrcnn
from maskreel.common.unet import load_unet
from maskreel.common.weights import read_metadata
from maskreel.vfp.saved import load_network, save_network, shipped
from maskreel.vfp.segmentation._build import build_segmenter_network, segmenter_of
from maskreel.vfp.segmentation._config import SegmenterConfig

if TYPE_CHECKING:
    import os

    from torch import nn

    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.vfp.segmentation._config import FrameKind
    from maskreel.vfp.segmentation._maskrcnn_segmenter import MaskRCNNSegmenter
    from maskreel.vfp.segmentation._unet_segmenter import UNetSegmenter

__all__ = ["load_segmenter", "load_segmenter_network", "save_segmenter"]

EXPECTS = {"kind": "segmenter", "channel_order": "RGB", "classes": list(SHAPES_CLASS_NAMES)}
"""Normalisation is part of the configuration, with which the network is built again."""


def save_segmenter(
    network: nn.Module,
    path: str | os.PathLike[str],
    config: SegmenterConfig,
    record: TrainingRecord | None = None,
) -> None:
    """Write a network of `build_segmenter_network` in half precision as .safetensors, the record beside it as .json.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    save_network(path, network, config, expects=EXPECTS, record=record)


def load_segmenter(
    path: str | os.PathLike[str] | None = None,
    *,
    min_score: float | None = None,
    frames: FrameKind = "observed",
) -> MaskRCNNSegmenter | UNetSegmenter:
    """A saved segmenter, frozen and on the CPU; `.to(device)` moves it.

    Args:
        path: What `save_segmenter`, `save_shapes` or `save_unet` wrote; None: `shapes` of maskreel.common for observed
            frames, and for predicted ones what has become of it by more training on such, which comes with this
            package. Networks of detectron2 come by way of `MaskRCNNSegmenter(detectron2_maskrcnn(...))`, which knows
            their channel order.
        min_score: Score that a detection needs; None: what the file says for such frames.
        frames: What will be segmented: frames of a camera, or blurred ones that a predictor has made.

    Raises:
        InputError: The file is missing, broken, of another network, or was trained with other channel order,
            normalisation or classes.
        MissingExtraError: It holds a Mask R-CNN and torchvision is not installed.
    """
    network, config = load_segmenter_network(path, frames=frames)
    if min_score is not None:
        config = replace(config, **{f"{frames}_score": min_score})
    return segmenter_of(network, config, frames=frames)


def load_segmenter_network(
    path: str | os.PathLike[str] | None = None, *, frames: FrameKind = "observed"
) -> tuple[Any, SegmenterConfig]:
    """The network itself, frozen and in evaluation mode, and its configuration; see `load_segmenter`."""
    if path is None:
        if frames == "observed":
            return shapes_maskrcnn().network, SegmenterConfig()
        path = shipped("segmenter")
    keys = _saved_keys(Path(path))
    if "config" in keys:
        return load_network(path, build_segmenter_network, SegmenterConfig, expects=EXPECTS)
    if "mean" in keys:
        return shapes_maskrcnn(path).network, SegmenterConfig()
    return load_unet(path, class_names=SHAPES_CLASS_NAMES), SegmenterConfig(network="unet")


def _saved_keys(path: Path) -> set[str]:
    """What kinds of thing a file says about its input."""
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected weights of a segmenter (.safetensors)")
    return set(read_metadata(path))
