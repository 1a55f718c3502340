"""How long a file's own headers say it is, to recognise one that was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}
_EBML = bytes.fromhex("1a45dfa3")
_MATROSKA_SEGMENT = bytes.fromhex("18538067")


def promised_bytes(path: Path) -> int | None:
    """Bytes that the outermost boxes of an MP4, MOV, MKV, WebM or AVI file claim; None where nothing is claimed.

    A demuxer takes the missing end of a Matroska file for its regular end, so the file itself has to be asked.
    """
    with path.open("rb") as file:
        magic = file.read(12)
        file.seek(0)
        if magic[4:8] in _ISO_BOXES:
            return _iso_end(file, path.stat().st_size)
        if magic[:4] == b"RIFF":
            return _riff_end(file)
        if magic[:4] == _EBML:
            return _matroska_end(file)
    return None


def _iso_end(file: BinaryIO, actual: int) -> int:
    """ISO/IEC 14496-12, 4.2: a box is its size, its type, its content; size 1 means a 64-bit size follows."""
    end = 0
    while end < actual:
        file.seek(end)
        header = file.read(16)
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < 8:  # 0 means "until the end of the file"; anything else is padding
            return actual
        end += size
    return end


def _riff_end(file: BinaryIO) -> int | None:
    end = 0
    while (header := file.read(8))[:4] == b"RIFF":
        size = int.from_bytes(header[4:8], "little")
        if size in (0, 0xFFFFFFFF):  # written live, never completed
            return None
        end += 8 + size
        file.seek(end)
    return end


def _matroska_end(file: BinaryIO) -> int | None:
    """RFC 8794: an element is an id, a size of variable length, its content; a size of all ones is unknown."""
    file.seek(4)
    header_size = _ebml_size(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if file.read(4) != _MATROSKA_SEGMENT:
        return None
    size = _ebml_size(file)
    return None if size is None else file.tell() + size


def _ebml_size(file: BinaryIO) -> int | None:
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big") & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value
