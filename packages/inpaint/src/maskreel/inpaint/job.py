"""The job folder: what is done already, so that a killed run goes on where it stopped.

Every stage has a folder of its own with the settings that it was made with. A stage whose settings changed starts anew;
all others are kept. Files appear only when they are whole, so whatever is there is done.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Job", "identify"]

logger = logging.getLogger(__name__)
_SETTINGS = "settings.json"
_SAMPLE_BYTES = 1 << 20


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
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # Windows has no such lock; there, two runs of one job are the user's risk
            yield
            return
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"{self.folder}: another run is at work in this job folder; wait for it") from None
            yield


def identify(path: Path) -> dict[str, Any]:
    """What tells one source from another without reading hours of video.

    A file by its size and a hash of its first and last megabyte, a folder by the names, sizes and times of its files.

    Raises:
        InputError: if there is neither.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
        return {"name": path.name, "sha256": digest.hexdigest()}
    size = path.stat().st_size
    with path.open("rb") as stream:
        digest.update(stream.read(_SAMPLE_BYTES))
        stream.seek(max(0, size - _SAMPLE_BYTES))
        digest.update(stream.read(_SAMPLE_BYTES))
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}


def _remove(folder: Path) -> None:
    """Remove a stage. The settings go last: a folder without them may be somebody's masks, and is left alone."""
    files = [path for path in folder.iterdir() if path.name != _SETTINGS]
    if not (folder / _SETTINGS).exists() and any(not path.name.startswith(".") for path in files):
        raise InputError(f"{folder} holds files that are not of this job; name another folder for the job")
    for path in files:
        path.unlink()
    shutil.rmtree(folder)


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None
