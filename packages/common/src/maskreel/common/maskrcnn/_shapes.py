"""`shapes`: the small Mask R-CNN that comes with this package; building, saving and loading it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.maskrcnn._classes import SHAPES_CLASS_NAMES
from maskreel.common.maskrcnn._require import require
from maskreel.common.maskrcnn._torchvision import TorchvisionMaskRCNN
from maskreel.common.weights import check_expectations, load_into, load_state_dict, save_half

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch
    from torchvision.models.detection import MaskRCNN as Network

SHAPES_WEIGHTS = Path(__file__).with_name("shapes.safetensors")
"""The file that comes with the package; beside it, shapes.json tells how it was trained."""


@dataclass(frozen=True)
class TrainingRecord:
    """Where weights come from; written beside them."""

    data: str
    """What they were trained on, in words or as the command that makes it."""
    command: str
    """The command that trains them again."""
    steps: int
    hardware: str
    seconds: float
    """Time that the training took."""
    quality: Mapping[str, float]
    """Measured quality by name."""


def build_shapes() -> Network:
    """A new, untrained `shapes` network, in training mode, with first values from torch's global generator.

    It is torchvision's MaskRCNN: `network(images, targets)` gives the losses, see `ShapesTask`. 1.4 million parameters.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    require("torchvision")
    from maskreel.common.maskrcnn._shapes_network import build_network

    return build_network(len(SHAPES_CLASS_NAMES))


def shapes_maskrcnn(weights: str | os.PathLike[str] | None = None) -> TorchvisionMaskRCNN:
    """The `shapes` network with its weights, frozen and in evaluation mode: 48 kinds of object on frames of 160x240.

    Args:
        weights: A file that `save_shapes` wrote; None: the one that comes with the package.

    Raises:
        InputError: The file is missing, broken, of another network, or was trained with other channel order,
            normalisation or classes.
        MissingExtraError: torchvision is not installed.
    """
    network = build_shapes()
    path = SHAPES_WEIGHTS if weights is None else Path(weights)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected weights that were saved with save_shapes")
    state = load_state_dict(path)
    load_into(network, state, source=str(path))
    check_expectations(path, _preprocessing())
    return TorchvisionMaskRCNN(network.eval().requires_grad_(False), SHAPES_CLASS_NAMES)


def save_shapes(network: torch.nn.Module, path: str | os.PathLike[str], record: TrainingRecord) -> None:
    """Write the weights in half precision as .safetensors, and the record beside them as .json.

    Channel order, normalisation and classes go into both and are checked when the weights are loaded.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    path = Path(path)
    save_half(path, network, _preprocessing())
    write_json(path.with_suffix(".json"), asdict(record) | _preprocessing())


def _preprocessing() -> dict[str, Any]:
    """What images must go through, and what the answers mean."""
    from maskreel.common.maskrcnn._shapes_network import MEAN, STD

    return {
        "channel_order": "RGB",
        "mean": list(MEAN),
        "std": list(STD),
        "classes": list(SHAPES_CLASS_NAMES),
    }
