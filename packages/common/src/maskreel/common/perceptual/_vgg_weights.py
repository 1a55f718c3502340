"""Weights of VGG-19: the published file, and the small part of it that a loss needs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskreel.common.errors import InputError
from maskreel.common.perceptual._vgg_layers import SLICE_ENDS, vgg_layers
from maskreel.common.weights import WeightsEntry, load_into, load_state_dict, save_tensors

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = ["VGG19_WEIGHTS", "load_layers", "slim_vgg"]

VGG19_WEIGHTS = WeightsEntry(
    name="vgg19-dcbb9e9d.pth",
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9d",
    size=574_673_361,
    licence="BSD-3-Clause, torchvision's; the terms of ImageNet, its training data, may apply",
    origin="torchvision, trained on ImageNet-1K; https://github.com/pytorch/vision/tree/main/references/classification",
    preprocessing="RGB in [0, 1], ImageNet mean and std",
    metrics={"ImageNet-1K acc@1": 72.376, "ImageNet-1K acc@5": 90.876},
)
"""All of VGG-19; `VGG19_WEIGHTS.fetch()` gets it, `slim_vgg` makes 2 or 52 MB of its 575."""

_PREFIX = "features."
_LAST_OF_ALL = "features.34.weight"
"""Only VGG-19 has it: the first three slices of VGG-16 look the same."""
_EXPECTED = f"expected torchvision's {VGG19_WEIGHTS.name} or what slim_vgg made of it"


def slim_vgg(source: str | os.PathLike[str], output: str | os.PathLike[str], *, slices: Literal[3, 5] = 3) -> Path:
    """Write the slices of VGG-19 that a loss needs as .safetensors: 2.2 MB for 3 slices, 52 MB for 5.

    Values and names stay as they are. The metadata of the file tell origin, licence, slices and the hash of `source`.

    Args:
        source: torchvision's vgg19-dcbb9e9d.pth.
        output: Ends in .safetensors.
        slices: 3 for `VGG3`, 5 for `VGG5`.

    Raises:
        InputError: `source` is not VGG-19 as torchvision saves it, or `output` ends otherwise.
    """
    source, output = Path(source), Path(output)
    if slices not in (3, 5):
        raise ValueError(f"slices must be 3 or 5, got {slices}")
    if output.suffix != ".safetensors":
        raise InputError(f"{output} must end in .safetensors")
    layers = load_layers(source, slices)
    tensors = {f"{_PREFIX}{key}": value for key, value in layers.state_dict().items()}
    save_tensors(output, tensors, _metadata(source, slices))
    return output


def load_layers(path: str | os.PathLike[str], slices: int) -> nn.Sequential:
    """The first slices of VGG-19 from the full file or a slim one.

    Raises:
        InputError: The file is neither, or holds fewer slices.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, {_EXPECTED}")
    state = load_state_dict(path)
    held = _slices_held(state)
    if held is None:
        raise InputError(f"{path} does not hold VGG-19, {_EXPECTED}")
    if held < slices:
        raise InputError(f"{path} holds {held} slices of VGG-19, but {slices} are asked for; make one with slim_vgg")
    layers = vgg_layers(slices)
    own = layers.state_dict()
    load_into(layers, {key: state[f"{_PREFIX}{key}"] for key in own}, source=str(path))
    return layers


def _slices_held(state: Mapping[str, Tensor]) -> int | None:
    """None if it is something else."""
    if _LAST_OF_ALL in state:
        wanted = {f"{_PREFIX}{key}" for key in vgg_layers(len(SLICE_ENDS)).state_dict()}
        return len(SLICE_ENDS) if wanted <= state.keys() else None
    for slices in range(1, len(SLICE_ENDS) + 1):
        if state.keys() == {f"{_PREFIX}{key}" for key in vgg_layers(slices).state_dict()}:
            return slices
    return None


def _metadata(source: Path, slices: int) -> dict[str, str]:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    published = digest.startswith(VGG19_WEIGHTS.sha256)
    return {
        "network": "VGG-19",
        "slices": str(slices),
        "origin": VGG19_WEIGHTS.origin if published else f"{source.name}, which is not the published file",
        "licence": VGG19_WEIGHTS.licence if published else "unknown",
        "source_sha256": digest,
    }
