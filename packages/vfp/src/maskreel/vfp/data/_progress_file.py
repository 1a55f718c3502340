"""How far an unfinished result has come, so that the same command goes on there."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)


class ProgressFile:
    """A .json file beside unfinished work that tells how many of its parts are done.

    Args:
        path: The file.
        job: What must be the same for the work to go on: input, settings, versions; JSON values.
    """

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        self._path = path
        self._job = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()

    def done(self) -> int:
        """Parts that an interrupted run of the same job has left; 0 for another job."""
        try:
            found = read_json(self._path)
            count = int(found["done"]) if found["job"] == self._job else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        if count:
            logger.info("going on after %d that are done", count)
        return count

    def tell(self, done: int) -> None:
        """Note that so many parts are done."""
        write_json(self._path, {"job": self._job, "done": done})

    def remove(self) -> None:
        """When the work is finished."""
        self._path.unlink(missing_ok=True)
