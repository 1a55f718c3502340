"""DFC-Net as a completer of flow, by the names of files with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.weights import short_identity
from maskreel.inpaint.dfc.cascade import Cascade
from maskreel.inpaint.dfc.completer import DFCCompleter
from maskreel.inpaint.dfc.published import published_stage
from maskreel.inpaint.dfc.weights_file import SMALL_WEIGHTS, SavedCascade, read_weights

if TYPE_CHECKING:
    import os

    import torch

    from maskreel.inpaint._device import Device

__all__ = ["dfc_completer"]

_SMALL_HEIGHT = 240
_WHOLE_FRAME = 4096


def dfc_completer(*paths: str | os.PathLike[str], device: Device | torch.device = "auto") -> DFCCompleter:
    """DFC-Net with the weights of files.

    The small network always sees whole frames, at 240 rows if they are higher, as the far background tells the camera's
    motion. DFC-S of train-dfc works at the height that it was trained at, and the published stages as published.

    Args:
        paths: one file of `maskreel inpaint train-dfc`, or published files for one, two or three stages, in order.
            None: the small network that comes with the package.
        device: where the networks work; auto is CUDA where there is a device, else the CPU.

    Raises:
        InputError: a file is missing, damaged or too large, or does not hold what is needed at its place; or cuda is
            asked for, and there is none.
    """
    files = [read_weights(path) for path in paths or (SMALL_WEIGHTS,)]
    name = ", ".join(short_identity(file.path) for file in files)
    if len(files) == 1 and isinstance(files[0], SavedCascade):
        return _saved(files[0], device, name)
    if whole := [file.path for file in files if isinstance(file, SavedCascade)]:
        raise InputError(f"{whole[0]} holds all stages of a training together; give it alone, without other files")
    stages = [published_stage(file, stage=number) for number, file in enumerate(files, 1)]
    return DFCCompleter(Cascade(*stages), device=device, name=name)


def _saved(file: SavedCascade, device: Device | torch.device, name: str) -> DFCCompleter:
    if file.network == "dfc-s":
        return DFCCompleter(file.cascade(), work_height=file.height, device=device, name=name)
    return DFCCompleter(
        file.cascade(),
        initial="background",
        work_height=_SMALL_HEIGHT,
        context=_WHOLE_FRAME,
        tile=4 * _WHOLE_FRAME,
        batch=4,
        device=device,
        precision="float32",
        name=name,
    )
