"""A folder that appears when it is whole, and whose making can go on after it was stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import torch

    from maskreel.inversion.exports._sequence import ExportSequence

_MARK = ".export"


@contextmanager
def new_folder(folder: str | os.PathLike[str], sequences: Sequence[ExportSequence], options: object) -> Iterator[Path]:
    """Yield a scratch folder beside `folder` that becomes it when the block ends well.

    If the block is stopped, the scratch folder stays, and the next export of the same finds its files; what belongs to
    other frames or options is deleted. Files in it must appear when they are whole.

    Raises:
        InputError: `folder` exists and is not empty.
        ValueError: There is no sequence, or two have one name.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already, expected the name of a new or empty folder")
    names = [sequence.name for sequence in sequences]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"sequences must be one or more of different names, got {', '.join(names) or 'none'}")
    scratch, mark = _scratch(folder), _mark(sequences, options)
    if mark is None or not _is_marked(scratch, mark):
        shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / _MARK).write_text(mark or "")
    yield scratch
    (scratch / _MARK).unlink()
    if folder.exists():
        folder.rmdir()
    scratch.replace(folder)


def save_png(path: Path, picture: torch.Tensor) -> None:
    """Write uint8 (3, H, W), unless the file is there."""
    _save(path, picture, format="PNG", compress_level=3)


def save_jpeg(path: Path, picture: torch.Tensor) -> None:
    """Write uint8 (3, H, W) with full colour resolution, unless the file is there."""
    _save(path, picture, format="JPEG", quality=95, subsampling=0)


def _save(path: Path, picture: torch.Tensor, *, format: str, **options: int) -> None:  # noqa: A002
    if path.exists():
        return
    image = Image.fromarray(picture.permute(1, 2, 0).contiguous().cpu().numpy())
    with atomic_path(path) as scratch:
        image.save(scratch, format=format, **options)


def _scratch(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.part")


def _mark(sequences: Sequence[ExportSequence], options: object) -> str | None:
    fingerprints = [sequence.fingerprint for sequence in sequences]
    if None in fingerprints:
        return None
    facts = [(one.name, str(one.fps), one.fingerprint) for one in sequences]
    return hashlib.sha256(json.dumps([facts, repr(options)]).encode()).hexdigest()


def _is_marked(scratch: Path, mark: str) -> bool:
    return (scratch / _MARK).is_file() and (scratch / _MARK).read_text() == mark
