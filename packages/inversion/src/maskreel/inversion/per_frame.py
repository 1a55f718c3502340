"""Weights of single frames, as the thesis tuned them by hand: {"12": {"tv_l2": 2e-4, "statistics": 0.1}}."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.inversion.config import Weights

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig

    PerFrame = dict[int, dict[str, float]]

__all__ = ["check_per_frame", "read_per_frame"]


def read_per_frame(file: Path) -> PerFrame:
    """Read the weights of some frames by their numbers, from 0, as frame files are called.

    Raises:
        InputError: The file is missing or is not of that form.
    """
    found = read_json(file)
    if not isinstance(found, dict) or not all(number.isdecimal() for number in found):
        raise InputError(f'{file} must have the form {{"12": {{"tv_l2": 2e-4}}}}, the numbers of frames and weights')
    return {int(number): _weights(file, number, values) for number, values in found.items()}


def check_per_frame(per_frame: PerFrame, config: InversionConfig, count: int) -> None:
    """Raise InputError where single frames cannot have weights of their own, or there is no such frame."""
    if not per_frame:
        return
    if config.coherence != "none" or config.batch != 1:
        raise InputError(
            f"weights per frame need --coherence none and --batch 1, got {config.coherence} and {config.batch}"
        )
    if max(per_frame) >= count:
        raise InputError(f"weights per frame must be for frames 0 to {count - 1}, got {max(per_frame)}")


def _weights(file: Path, number: str, values: Any) -> dict[str, float]:
    known = [one.name for one in fields(Weights)]
    if not isinstance(values, dict) or not all(name in known for name in values):
        raise InputError(f"{file}: frame {number} must have weights out of {', '.join(known)}, got {values}")
    try:
        weights = {name: float(value) for name, value in values.items()}
        Weights(**weights)
    except (ValueError, TypeError) as error:
        raise InputError(f"{file}: frame {number}: {error}") from error
    return weights
