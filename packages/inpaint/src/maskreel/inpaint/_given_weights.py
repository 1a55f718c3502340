"""Weights that somebody gives in place of published ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["given_weights"]


def given_weights(path: str | os.PathLike[str]) -> Path:
    """The file; InputError where there is none."""
    if not (path := Path(path)).is_file():
        raise InputError(f"{path}: there is no such weights file; leave it out to use the published weights")
    return path
