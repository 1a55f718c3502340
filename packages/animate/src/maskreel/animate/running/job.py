"""The folder of unfinished work: finished segments, so that a killed run goes on where it stopped.

It belongs to one set of inputs and settings and starts anew when they change. Files appear only when they are whole,
so whatever is there is done.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

__all__ = ["Job", "fingerprint"]

logger = logging.getLogger(__name__)

_SETTINGS = "settings.json"


class Job:
    """A folder that is there as long as the work is unfinished."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self, settings: dict[str, Any]) -> Iterator[None]:
        """Hold the folder; what other settings left in it is removed first, and all of it after good work.

        Raises:
            InputError: it is not a job's folder, its settings are damaged, or another process works in it.
        """
        self.check()
        with locked(self.folder):
            self._begin(json.loads(json.dumps(settings, default=str)))
            try:
                yield
            except BaseException:
                if not any(self.folder.glob("*.nut")):  # nothing to go on with
                    self._remove()
                raise
            self._remove()

    def check(self) -> None:
        """Raise InputError if it is not a job's folder."""
        if self.folder.exists() and not (self.folder / _SETTINGS).exists() and self._foreign():
            raise InputError(f"{self.folder} holds files that are not of this job; name another folder with --job")

    def _remove(self) -> None:
        """The settings go last: a run that is killed here must leave a folder that is known as a job's."""
        for path in self.folder.iterdir():
            if path.name not in (_SETTINGS, ".lock"):
                path.unlink()
        shutil.rmtree(self.folder)

    def _foreign(self) -> bool:
        return any(not path.name.startswith(".") for path in self.folder.iterdir())

    def segment(self, number: int) -> Path:
        """Where a segment stands when it is finished."""
        return self.folder / f"{number:06d}.nut"

    def _begin(self, settings: dict[str, Any]) -> None:
        record = self.folder / _SETTINGS
        left = read_json(record) if record.exists() else None
        if left is not None and left != settings:
            logger.info("%s was begun with other settings and is done anew", self.folder)
        for path in self.folder.iterdir():
            broken = ".part" in path.name and path.name.startswith(".")  # what a killed run was writing
            if path.name not in (_SETTINGS, ".lock") and (broken or left != settings):
                path.unlink()
        write_json(record, settings)


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of all weights."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
