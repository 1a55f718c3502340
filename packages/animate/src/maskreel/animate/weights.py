"""Saved models: half precision on disk, single precision in memory; one comes with the package."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.animate.model import AnimationModel, ModelConfig
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
    from collections.abc import Mapping

__all__ = ["TINY", "load_model", "save_model"]

TINY = Path(__file__).with_name("tiny.safetensors")
"""The weights that come with the package; tiny.json beside them tells how they were made and how good they are."""

_EXPECTS: dict[str, object] = {"kind": "animation", "channel_order": "RGB"}


def save_model(model: AnimationModel, path: str | os.PathLike[str], record: Mapping[str, Any] | None = None) -> None:
    """Write the weights in half precision with the sizes of the networks (.safetensors), the record beside (.json).

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    about = _EXPECTS | {"model": asdict(model.config)}
    save_half(path, model, about)
    if record is not None:
        write_json(Path(path).with_suffix(".json"), {**record, **about})


def load_model(path: str | os.PathLike[str] | None = None) -> AnimationModel:
    """A saved model, frozen and in evaluation mode.

    Args:
        path: What `save_model` or `maskreel animate train` wrote (.safetensors); None: the one of the package.

    Raises:
        InputError: The file is missing, broken or of something else.
    """
    source = TINY if path is None else Path(path)
    if not source.is_file():
        raise InputError(f"{source} is not a file, expected weights of maskreel animate train (.safetensors)")
    state = load_state_dict(source)
    check_expectations(source, _EXPECTS)
    config = _config(source)
    model = build_described(AnimationModel, config, state, source=str(source))
    assert isinstance(model, AnimationModel), "what was built"
    load_into(model, state, source=str(source))
    return model.eval().requires_grad_(False)


def _config(path: Path) -> ModelConfig:
    metadata = read_metadata(path)
    try:
        return ModelConfig(**parse_json(metadata["model"], source=path))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not say what its networks are like: {error}") from error
