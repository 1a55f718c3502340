"""`maskreel animate slim-vgg`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated, Literal

import tyro

__all__ = ["slim_vgg"]

logger = logging.getLogger(__name__)


def slim_vgg(
    vgg: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    slices: Literal[3, 5] = 3,
) -> int:
    """Write the part of VGG-19's weights that training compares pictures with: 2 or 52 MB of 575.

    Args:
        vgg: torchvision's vgg19-dcbb9e9d.pth.
        output: The file to write, .safetensors; give it to train with --vgg.
        slices: 3 for --compare vgg3, 5 for --compare vgg5.
    """
    from maskreel.common.perceptual import slim_vgg as slim

    logger.info("%s", slim(vgg, output, slices=slices))
    return 0
