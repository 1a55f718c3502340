"""The folder of an output that is made at one go."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from maskreel.common.atomic import remove_scratch
from maskreel.common.job_folder import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["held"]


@contextmanager
def held(output: Path | None) -> Iterator[None]:
    """Keep other runs out of a folder, if there is one, and delete what a killed run was writing there.

    Raises:
        InputError: Another process works in it.
    """
    if output is None:
        yield
        return
    with locked(output):
        remove_scratch(output)
        yield
