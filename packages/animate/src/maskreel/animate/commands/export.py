"""`maskreel animate export`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated

import tyro

from maskreel.common.errors import InputError

__all__ = ["export"]

logger = logging.getLogger(__name__)


def export(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    weights: Path | None = None,
    size: int | None = None,
) -> int:
    """Write all networks as ONNX graphs, to run without PyTorch: masks, animation, background swap.

    Beside them, animate.json tells sizes, inputs and outputs. The number of images at once is free.

    Args:
        output: A folder.
        weights: What `maskreel animate train` wrote (.safetensors); by default the small model of the package.
        size: Height and width of pictures in pixels; by default what the networks were trained on.
    """
    from maskreel.animate.onnx_export import export_onnx
    from maskreel.animate.weights import load_model

    model = load_model(weights)
    multiple = model.config.multiple
    if size is not None and (size < multiple or size % multiple):
        raise InputError(f"--size must be a multiple of {multiple} with these networks, got {size}")
    for path in export_onnx(model, output, size=size):
        logger.info("%s", path)
    return 0
