"""Weights that torchvision publishes, as entries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.weights._entry import WeightsEntry

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def torchvision_entry(published: WeightsEnum, *, data: str, preprocessing: str) -> WeightsEntry:
    """The entry of a member of one of torchvision's enums of weights for COCO.

    The first digits of the sha256 are the last part of the file's name.

    Args:
        published: For example `MaskRCNN_ResNet50_FPN_Weights.COCO_V1`.
        data: What the weights were trained on, in words.
        preprocessing: What images must go through, in words.
    """
    file = published.url.rsplit("/", 1)[-1]
    return WeightsEntry(
        name=file,
        url=published.url,
        sha256=Path(file).stem.rsplit("-", 1)[-1],
        size=round(published.meta["_file_size"] * 2**20),
        licence="BSD-3-Clause, torchvision's; the terms of COCO, its training data, may apply",
        origin=f"torchvision, trained on {data}; {published.meta['recipe']}",
        preprocessing=preprocessing,
        metrics={f"{data} {k}": v for data, row in published.meta["_metrics"].items() for k, v in row.items()},
    )
