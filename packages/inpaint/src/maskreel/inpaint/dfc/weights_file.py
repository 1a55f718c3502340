"""Files with weights for DFC-Net. One reader serves all of them and tells by their names what they hold:

SavedCascade      the stages that `maskreel inpaint train-dfc` saves together, and the small network of the package
PublishedStage    one DFC-S, as its authors publish it or as a plain state dict
ImageWeights      a ResNet for images, as torchvision publishes it, from which DFC-S can start
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json
from maskreel.common.weights import load_state_dict, read_metadata, save_half, strip_prefix
from maskreel.inpaint.dfc.cascade import Cascade
from maskreel.inpaint.dfc.networks import filled_stage, network_of
from maskreel.inpaint.dfc.small import CELLS

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch

    from maskreel.inpaint.dfc_training.settings import Network

__all__ = [
    "MOST_CELLS",
    "SMALL_WEIGHTS",
    "ImageWeights",
    "PublishedStage",
    "SavedCascade",
    "load_cascade",
    "read_weights",
    "save_cascade",
]

SMALL_WEIGHTS = Path(__file__).with_name("small.safetensors")
"""The small network that comes with the package; `small.json` beside it tells how it was made."""

MOST_CELLS = 1 << 20
"""Points of the grid that the small network may work on."""

_MOST_BYTES = 2 << 30
"""Of a file; three stages of DFC-S with the state of their optimiser have 0.9 GB."""
_MOST_STAGES = 3
_HEIGHT = 240
_MOST_HEIGHT = 1 << 14
_SHOWN = 5


@dataclass(frozen=True)
class SavedCascade:
    """What `save_cascade` wrote."""

    path: Path
    network: Network
    states: tuple[Mapping[str, torch.Tensor], ...]
    """Of stage 1, 2 and 3, as many as there are."""
    cells: int | None = CELLS
    """Points of the grid that the small network works on; None: every pixel."""
    height: int = _HEIGHT
    """Rows of the frames that it was trained on."""

    def cascade(self) -> Cascade:
        """The networks, in evaluation mode; all stages work at one size, as they were trained.

        Raises:
            InputError: the values do not fit the network.
        """
        stages = [
            filled_stage(state, number, network=self.network, cells=self.cells, source=f"{self.path}, stage {number},")
            for number, state in enumerate(self.states, 1)
        ]
        return Cascade(*stages, fractions=(1.0,) * len(stages)).eval().requires_grad_(False)


@dataclass(frozen=True)
class PublishedStage:
    """One DFC-S: of stage 1 with 33 channels in, of stage 2 or 3 with 66."""

    path: Path
    state: Mapping[str, torch.Tensor]
    channels: int


@dataclass(frozen=True)
class ImageWeights:
    """A ResNet for images; see `load_imagenet`."""

    path: Path
    state: Mapping[str, torch.Tensor]


def read_weights(path: str | os.PathLike[str]) -> SavedCascade | PublishedStage | ImageWeights:
    """What a file holds; whether all the values fit is found when networks are made of them.

    Raises:
        InputError: there is no such file, or it is damaged, too large, or of something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file of weights of DFC-Net")
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise InputError(f"{path} has {size} bytes, too many for weights of DFC-Net: {_MOST_BYTES} are the most")
    state = _state(path)
    if any(key.startswith("stage") for key in state):
        return _saved_cascade(path, state)
    first = state.get("conv1.weight")
    if first is not None and first.ndim == 4:
        if any(key.startswith("layer5.") for key in state):
            return PublishedStage(path, state, first.shape[1])
        if first.shape[1] == 3:
            return ImageWeights(path, state)
    held = ", ".join(sorted(state)[:_SHOWN]) or "nothing"
    raise InputError(
        f"{path} does not hold weights of DFC-Net: it has neither stages that train-dfc saved nor conv1 and layer5 as "
        f"DFC-S has; it has {held}"
    )


def load_cascade(path: str | os.PathLike[str] = SMALL_WEIGHTS) -> Cascade:
    """The networks that `maskreel inpaint train-dfc` saved, by default the small one that comes with the package, in
    evaluation mode.

    Raises:
        InputError: there is no such file, it is broken, or it holds something else.
    """
    file = read_weights(path)
    if not isinstance(file, SavedCascade):
        raise InputError(f"{path} is not a file of train-dfc: its names do not begin with stage1, stage2 or stage3")
    return file.cascade()


def save_cascade(path: str | os.PathLike[str], cascade: Cascade, *, network: Network, height: int = _HEIGHT) -> None:
    """Write a cascade in half precision, with all that `read_weights` needs to make it again.

    Args:
        path: ends in .safetensors.
        cascade: stages that are all of `network`.
        network: what they are.
        height: rows of the frames that it was trained on.

    Raises:
        ValueError: the path does not end in .safetensors, or a value is too large for half precision.
    """
    cells = getattr(cascade.stage1, "cells", None)
    save_half(path, cascade, {"network": network, "cells": cells, "height": height})


def _state(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return load_state_dict(path)
    try:
        state = load_state_dict(path, entry="model")
    except InputError:  # a plain state dict, or a fault that is told better without the entry
        state = load_state_dict(path)
    try:
        return strip_prefix(state, "module.")
    except ValueError as error:
        raise InputError(f"{path} mixes two namings: {error}") from error


def _saved_cascade(path: Path, state: Mapping[str, torch.Tensor]) -> SavedCascade:
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in state.items():
        name, _, rest = key.partition(".")
        parts.setdefault(name, {})[rest] = value
    names = [f"stage{number}" for number in range(1, len(parts) + 1)]
    if sorted(parts) != names or len(parts) > _MOST_STAGES:
        raise InputError(f"{path} holds {', '.join(sorted(parts)[:_SHOWN])}, expected stages 1 to 3 of DFC-Net")
    told = read_metadata(path) if path.suffix == ".safetensors" else {}
    told = {name: parse_json(told[name], source=path) for name in ("network", "cells", "height") if name in told}
    told.setdefault("network", network_of(parts["stage1"]))  # what a training leaves on the way tells nothing
    _check_told(path, told)
    return SavedCascade(path, states=tuple(parts[name] for name in names), **told)


def _check_told(path: Path, told: Mapping[str, Any]) -> None:
    network, cells, height = told["network"], told.get("cells"), told.get("height", _HEIGHT)
    if network not in ("small", "dfc-s"):
        raise InputError(f"{path} tells of a network {network!r}, expected small or dfc-s")
    if cells is not None and not (type(cells) is int and 1 <= cells <= MOST_CELLS):
        raise InputError(f"{path} tells of {cells!r} cells, expected 1 to {MOST_CELLS}, or null")
    if not (type(height) is int and 1 <= height <= _MOST_HEIGHT):
        raise InputError(f"{path} tells of a height of {height!r}, expected 1 to {_MOST_HEIGHT}")
