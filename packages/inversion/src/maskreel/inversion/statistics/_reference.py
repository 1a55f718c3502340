"""`Reference`: statistics of a teacher's layers on frames, in a small file that holds no frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json
from maskreel.common.weights import load_state_dict, read_metadata, save_tensors
from maskreel.inversion.statistics._fingerprint import fingerprint
from maskreel.inversion.statistics._layers import channels_of, kind_of, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch
    from torch import nn

_KIND = "maskreel feature statistics 1"
_PARTS = ("mean", "variance", "spread")


@dataclass(frozen=True)
class LayerStatistics:
    """What the input of one layer looks like; float32 (C,) each."""

    mean: torch.Tensor
    variance: torch.Tensor
    """Biased, over all pixels of all frames together."""
    spread: torch.Tensor | None = None
    """Mean squared distance (see `squared_distance`) of a single frame from mean and variance; None: not known."""

    def to(self, device: torch.device | str) -> Self:
        """On another device."""
        spread = None if self.spread is None else self.spread.to(device)
        return type(self)(self.mean.to(device), self.variance.to(device), spread)


@dataclass(frozen=True)
class Reference:
    """Statistics that were measured on frames, in place of those that a teacher's norm layers keep."""

    layers: Mapping[str, LayerStatistics]
    """By the names of `norm_layers()`."""
    frames: int
    """How many frames were measured."""
    fingerprint: str
    """Of the teacher's weights, see `fingerprint`."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .safetensors file: three numbers per channel, no pixels.

        Raises:
            ValueError: The path does not end in .safetensors.
        """
        path = Path(path)
        if path.suffix != ".safetensors":
            raise ValueError(f"path must end in .safetensors, got {path}")
        tensors = {
            f"{name}:{part}": value.detach().float().cpu().clone()  # layers may share a tensor
            for name, layer in self.layers.items()
            for part in _PARTS
            if (value := getattr(layer, part)) is not None
        }
        about = {"kind": _KIND, "frames": str(self.frames), "fingerprint": self.fingerprint}
        about["layers"] = json.dumps(list(self.layers))  # tensors in a file have no order
        save_tensors(path, tensors, about)

    @classmethod
    def load(cls, path: str | os.PathLike[str], teacher: nn.Module | None = None) -> Self:
        """Read a file of `save`, onto the CPU.

        Args:
            path: The file.
            teacher: Refuse the file if it was measured with other weights than these.

        Raises:
            InputError: The file is missing, broken or of another kind, or belongs to another teacher.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path} is not a file, expected statistics that Reference.save wrote")
        tensors, about = load_state_dict(path), _metadata(path)
        if about.get("kind") != _KIND:
            raise InputError(f"{path} holds no feature statistics, expected a file that Reference.save wrote")
        try:
            names = parse_json(about["layers"], source=path)
            layers = {str(name): _layer(tensors, str(name), path) for name in names}
            found = cls(layers, int(about["frames"]), about["fingerprint"])
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not whole: {error!r}; measure it again") from error
        if teacher is not None and found.fingerprint != (own := fingerprint(teacher)):
            raise InputError(
                f"{path} was measured with another teacher: its weights have the fingerprint "
                f"{found.fingerprint[:12]}, those of this teacher {own[:12]}; measure it again with doctor --save"
            )
        return found

    def check(self, layers: Mapping[str, nn.Module]) -> None:
        """Refuse layers that are not in here, or have another number of channels.

        Raises:
            ValueError: The message names them.
        """
        if missing := [name for name in layers if name not in self.layers]:
            raise ValueError(f"reference has no statistics of {shown(missing)}; it has {shown(list(self.layers))}")
        for name, layer in layers.items():
            channels, kept = channels_of(layer), len(self.layers[name].mean)
            if channels is not None and kind_of(layer) != "layer" and channels != kept:
                raise ValueError(f"reference has {kept} channels for layer {name}, which has {channels}")


def _metadata(path: Path) -> dict[str, str]:
    return read_metadata(path) if path.suffix == ".safetensors" else {}


def _layer(tensors: Mapping[str, torch.Tensor], name: str, path: Path) -> LayerStatistics:
    mean, variance, spread = (tensors.get(f"{name}:{part}") for part in _PARTS)
    if mean is None or variance is None:
        raise InputError(f"{path} is not whole: mean or variance of {name} is missing; measure it again")
    for part in (mean, variance, *(() if spread is None else (spread,))):
        if part.ndim != 1 or part.shape != mean.shape or not part.isfinite().all():
            raise InputError(f"{path} is damaged: {name} must have finite vectors of one length; measure it again")
    return LayerStatistics(mean, variance, spread)
