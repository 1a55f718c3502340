"""Networks on disk: half precision, with their configuration and with what they expect of their input."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json
from maskreel.common.weights import (
    build_described,
    check_expectations,
    load_into,
    load_state_dict,
    read_metadata,
    save_half,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from torch import nn

    from maskreel.common.maskrcnn import TrainingRecord

__all__ = ["load_network", "save_network", "shipped"]

C = TypeVar("C")


def shipped(name: str) -> Path:
    """The weights file of this name that comes with the package."""
    return Path(__file__).with_name("weights") / f"{name}.safetensors"


def save_network(
    path: str | os.PathLike[str],
    network: nn.Module,
    config: Any,
    *,
    expects: Mapping[str, Any],
    record: TrainingRecord | None = None,
) -> None:
    """Write a network, the dataclass that it is built from, and what it expects; the record goes beside it as .json.

    Args:
        path: Ends in .safetensors.
        network: What `load_network` gives back.
        config: A dataclass of numbers, words and tuples of these.
        expects: Channel order, normalisation, class names and the like; checked at load.
        record: How it was trained and how good it is.
    """
    save_half(path, network, {"config": asdict(config), **expects})
    if record is not None:
        write_json(Path(path).with_suffix(".json"), asdict(record))


def load_network(
    path: str | os.PathLike[str], build: Callable[[C], nn.Module], config_type: type[C], *, expects: Mapping[str, Any]
) -> tuple[Any, C]:
    """A saved network, frozen and in evaluation mode, and its configuration.

    Raises:
        InputError: The file is missing, broken, of another network, or was saved for other input.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected weights that were saved by maskreel vfp")
    config = _config(path, config_type)
    check_expectations(path, expects)
    state = load_state_dict(path)
    network = build_described(build, config, state, source=str(path))
    load_into(network, state, source=str(path))
    return network.eval().requires_grad_(False), config


def _config(path: Path, config_type: type[C]) -> C:
    values = parse_json(read_metadata(path).get("config", "null"), source=path)
    names = {field.name for field in fields(config_type)}  # type: ignore[arg-type]
    if not isinstance(values, dict) or set(values) != names:
        raise InputError(
            f"{path} does not hold a network of {config_type.__name__}, which has {', '.join(sorted(names))}"
        )
    try:
        return config_type(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} does not tell of a network that can be built: {error}") from error
