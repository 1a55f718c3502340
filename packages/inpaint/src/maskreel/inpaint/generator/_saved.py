"""The generator on disk, and the one that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.weights import check_expectations, load_into, load_state_dict, read_metadata, save_half
from maskreel.inpaint.generator._network import FillNetwork

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["SMALL", "load_generator", "save_generator"]

SMALL = Path(__file__).with_name("small.safetensors")
"""The weights that come with the package; small.json beside them tells how they were made and how good they are."""

_EXPECTS: dict[str, object] = {"kind": "fill generator", "channel_order": "RGB"}


def save_generator(network: FillNetwork, path: str | os.PathLike[str], record: Mapping[str, Any] | None = None) -> None:
    """Write the weights in half precision as .safetensors, and the record beside them as .json.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    save_half(path, network, _EXPECTS)
    if record is not None:
        write_json(Path(path).with_suffix(".json"), {**record, **_EXPECTS})


def load_generator(path: str | os.PathLike[str] | None = None) -> FillNetwork:
    """A saved generator, frozen and in evaluation mode.

    Args:
        path: What `save_generator` or a training wrote (.safetensors); None: the one that comes with the package.

    Raises:
        InputError: The file is missing, broken or of another network.
    """
    source = SMALL if path is None else Path(path)
    if not source.is_file():
        raise InputError(f"{source} is not a file, expected weights of maskreel inpaint train-fill (.safetensors)")
    network = FillNetwork()
    load_into(network, load_state_dict(source), source=str(source))
    if path is None or _is_saved(source):
        check_expectations(source, _EXPECTS)
    return network.eval().requires_grad_(False)


def _is_saved(path: Path) -> bool:
    """Whether the file says what it is; those that a training leaves on the way do not."""
    return path.suffix == ".safetensors" and "kind" in read_metadata(path)
