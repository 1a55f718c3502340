"""How large the demo is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FULL", "QUICK", "Scale", "claim"]


@dataclass(frozen=True)
class Scale:
    """Numbers that decide how long the parts take."""

    inversion_frames: int = 22
    inversion_steps: int = 240
    forecast_clips: int = 24
    """Measured on."""
    forecast_shown: int = 3
    dance_frames: int = 48
    dance_world: int = 8
    """Rendered people to measure on."""
    lecture_seconds: float = 50.0
    """Of the clip that stands in for the real one."""
    looked_at: int = 40
    """Frames of the filled video that are compared with the truth."""


FULL = Scale()
QUICK = Scale(
    inversion_frames=2,
    inversion_steps=3,
    forecast_clips=2,
    forecast_shown=1,
    dance_frames=6,
    dance_world=2,
    lecture_seconds=4.0,
    looked_at=4,
)


FORMAT = 1
"""Of what the parts keep in the folder; another number makes older folders be refused."""


def claim(folder: Path, scale: Scale) -> None:
    """Make the folder that of a demo of this size.

    Raises:
        InputError: it holds one of another size or version.
    """
    record, wanted = folder / "scale.json", {"format": FORMAT, **asdict(scale)}
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(record, wanted)
    elif json.loads(record.read_text()) != wanted:
        raise InputError(
            f"{folder} holds a demo of another size or version: delete it, or choose another folder with --out"
        )
