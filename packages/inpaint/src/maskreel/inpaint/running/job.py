"""The job folder: what is done already, so that a killed run goes on where it stopped.

Every stage has a folder of its own with the settings that it was made with. A stage whose settings changed starts anew;
all others are kept. Files appear only when they are whole, so whatever is there is done.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Job"]

logger = logging.getLogger(__name__)
_SETTINGS = "settings.json"


class Job:
    """A folder that holds the stages of one job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, name: str, settings: dict[str, Any]) -> Path:
        """The folder of stage `name`: as it was left if it was made with the same settings, else empty.

        Raises:
            InputError: if there is such a folder, but not of a job.
        """
        folder = self.folder / name
        wanted = json.loads(json.dumps(settings, default=str))
        if folder.exists() and _read(folder / _SETTINGS) != wanted:
            logger.info("%s was made with other settings and is done anew", folder)
            _remove(folder)
        if not folder.exists():
            write_json(folder / _SETTINGS, wanted)
        for scratch in folder.glob(".*.part*"):  # what a killed run was writing
            scratch.unlink()
        return folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            InputError: if another process works in it.
        """
        with locked(self.folder):
            yield


def _remove(folder: Path) -> None:
    """Remove a stage. The settings go last: a folder without them may be somebody's masks, and is left alone."""
    files = [path for path in folder.iterdir() if path.name != _SETTINGS]
    if not (folder / _SETTINGS).exists() and any(not path.name.startswith(".") for path in files):
        raise InputError(f"{folder} holds files that are not of this job; name another folder for the job")
    for path in files:
        path.unlink()
    shutil.rmtree(folder)


def _read(path: Path) -> Any:
    return read_json(path) if path.exists() else None
