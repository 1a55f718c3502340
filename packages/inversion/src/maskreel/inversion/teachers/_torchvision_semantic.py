"""torchvision's DeepLabv3 (Chen et al. 2017) and FCN (Long et al. 2015), which know the 20 classes of Pascal VOC."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.weights import load_into, load_state_dict, torchvision_entry
from maskreel.inversion.teachers._semantic import SemanticTeacher

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import torch
    from torch import nn

SemanticName = Literal["deeplabv3", "fcn"]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class TorchvisionSemanticTeacher(SemanticTeacher):
    """Any network of `torchvision.models.segmentation`, with "out" in its answer and ImageNet's normalisation.

    Args:
        network: It is put into evaluation mode and frozen.
        class_names: One per channel of the output, the background first.
        balanced, short_side: See `SemanticTeacher`.
    """

    def __init__(
        self,
        network: nn.Module,
        class_names: Sequence[str],
        *,
        balanced: bool = True,
        short_side: int | None = None,
    ) -> None:
        super().__init__(network, balanced=balanced, short_side=short_side)
        self.class_names = tuple(class_names)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `SemanticTeacher`."""
        mean, std = (images.new_tensor(values)[:, None, None] for values in (MEAN, STD))
        return self.network((images - mean) / std)["out"]


def torchvision_semantic(
    name: SemanticName = "deeplabv3",
    *,
    weights: str | os.PathLike[str] | None = None,
    balanced: bool = True,
    short_side: int | None = None,
) -> TorchvisionSemanticTeacher:
    """torchvision's own network with ResNet-50, trained on images of COCO with the classes of Pascal VOC.

    Args:
        name: Which network.
        weights: A state dict for this network, .pth or .safetensors; None: the published one, downloaded once.
        balanced, short_side: See `SemanticTeacher`; they were trained at about 520 pixels.

    Raises:
        InputError: The weights cannot be had, or are not for this network.
        MissingExtraError: torchvision is not installed.
    """
    build, published = _variant(name)
    categories = published.meta["categories"]
    path = _published(published) if weights is None else Path(weights)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected the weights of {name}; leave it out for the published ones")
    state = {key: value for key, value in load_state_dict(path).items() if not key.startswith("aux_classifier.")}
    network = build(weights=None, weights_backbone=None, num_classes=len(categories), aux_loss=False)
    load_into(network, state, source=str(path))
    names = ("background", *categories[1:])
    return TorchvisionSemanticTeacher(network, names, balanced=balanced, short_side=short_side)


def _published(published: Any) -> Path:
    preprocessing = "RGB in [0, 1], ImageNet mean and std, shorter side 520 pixels"
    data = "images of COCO with classes of Pascal VOC"
    return torchvision_entry(published, data=data, preprocessing=preprocessing).fetch()


def _variant(name: SemanticName) -> tuple[Callable[..., nn.Module], Any]:
    if name not in get_args(SemanticName):
        raise ValueError(f"name must be one of {', '.join(get_args(SemanticName))}, got {name!r}")
    try:
        from torchvision.models import segmentation
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchvision", "maskreel-common[torchvision]") from error
    if name == "fcn":
        return segmentation.fcn_resnet50, segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
    return segmentation.deeplabv3_resnet50, segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
