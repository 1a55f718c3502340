"""One published weights file: where it comes from, what it is, and its copy in the cache."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 20


def cache_folder() -> Path:
    """Where downloads are kept: $MASKREEL_CACHE, else $XDG_CACHE_HOME/maskreel, else ~/.cache/maskreel."""
    if chosen := os.environ.get("MASKREEL_CACHE"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maskreel"


@dataclass(frozen=True)
class WeightsEntry:
    """What there is to know about one weights file, and the way to get it."""

    name: str
    """File name in the cache; its suffix tells the format (.safetensors, else a PyTorch checkpoint)."""
    url: str
    """Where it is downloaded from: https, http or file."""
    sha256: str
    """Hash in hex digits; the first 8 or more of them where the publisher gives no more, as torchvision does."""
    size: int
    """Bytes."""
    licence: str
    """Licence of the weights, as an SPDX name where there is one."""
    origin: str
    """Who trained them, on what, and how."""
    preprocessing: str
    """What the network expects as input, in words."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Published quality, for example {"COCO box AP": 37.0}."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{8,64}", self.sha256):
            raise ValueError(f"sha256 must be 8 to 64 lower-case hex digits, got {self.sha256!r}")
        if self.name in ("", ".", "..") or Path(self.name).name != self.name:
            raise ValueError(f"name must be a file name without folders, got {self.name!r}")
        if not self.url.startswith(("https://", "http://", "file://")):
            raise ValueError(f"url must start with https://, http:// or file://, got {self.url!r}")

    def fetch(self, *, offline: bool | None = None, cache: str | os.PathLike[str] | None = None) -> Path:
        """Return the path of the checked file, downloading it on first use.

        Args:
            offline: Never use the network; None means what the environment variable MASKREEL_OFFLINE says.
            cache: Folder to keep the file in; None means `cache_folder() / "weights"`.

        Raises:
            InputError: The file is not there and cannot be had, or its content is not what was published; a file
                with wrong content is removed.
        """
        path = (cache_folder() / "weights" if cache is None else Path(cache)) / self.name
        if path.exists():
            return self._checked(path)
        if offline if offline is not None else os.environ.get("MASKREEL_OFFLINE", "0") not in ("", "0"):
            raise InputError(self._by_hand(path, "is not here and downloads are switched off"))
        logger.info("downloading %s (%.1f MB) from %s", self.name, self.size / 1e6, self.url)
        with atomic_path(path) as scratch:
            self._download(path, scratch)
            self._checked(scratch)
        return path

    def _download(self, path: Path, scratch: Path) -> None:
        with scratch.open("wb") as file:
            try:
                with urllib.request.urlopen(self.url, timeout=TIMEOUT_SECONDS) as response:
                    while chunk := response.read(CHUNK_BYTES):
                        file.write(chunk)
            # A full disk is an OSError too, and must not be told as a network fault; URLError covers the rest.
            except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
                raise InputError(self._by_hand(path, f"could not be downloaded ({_reason(error)})")) from error

    def _checked(self, path: Path) -> Path:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest.startswith(self.sha256):
            return path
        size = path.stat().st_size
        path.unlink()
        raise InputError(
            f"{self.name} from {self.url} is not the published file and was removed: "
            f"its sha256 is {digest} ({size} bytes), expected {self.sha256} ({self.size} bytes)"
        )

    def _by_hand(self, path: Path, fault: str) -> str:
        return f"{self.name} {fault}; get it from {self.url} on any machine and put it at {path}"


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it is an open response as well
        return str(error)
    return str(getattr(error, "reason", error))
