"""SimVP as an ONNX file, to run without PyTorch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import require_extra

if TYPE_CHECKING:
    import os

    from maskreel.vfp.networks._simvp import SimVP

__all__ = ["export_onnx"]


def export_onnx(network: SimVP, path: str | os.PathLike[str], example: torch.Tensor) -> None:
    """Write the network, in evaluation mode, with the input "frames" and the output "predicted".

    The batch may be of any size, the frames are of the size of the example. The weights are in the same file.

    Args:
        network: It is not changed.
        path: Usually ends in .onnx.
        example: An input of 2 clips or more, (B, frames, channels, H, W).

    Raises:
        MissingExtraError: `onnx` or `onnxscript` is not installed.
        ValueError: The example does not fit the network, or is a single clip, which tells no free batch size.
    """
    require_extra("maskreel-vfp[onnx]", "onnx", "onnxscript")
    if len(example) < 2:
        raise ValueError(f"example must hold 2 clips or more, got {example.shape = }")
    frozen = copy.deepcopy(network).eval()
    with atomic_path(path) as scratch, torch.no_grad():
        torch.onnx.export(
            frozen,
            (example,),
            str(scratch),
            input_names=["frames"],
            output_names=["predicted"],
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
