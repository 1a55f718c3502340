"""Damage to files: blind, and with the checksums around it set right so that it is not noticed too early."""

from __future__ import annotations

import io
import pickletools
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["mutated"]

_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 10**5, 10**6, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62)
_WORDS = (b"-1", b"0", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'"x"', b"9" * 30, b"9" * 5000, b"[" * 3000,
          b"\x00", b"\x1b[31m", b"../../../tmp/x", b"/etc/passwd", b"1000000", b"100000000000", b"'",
          b"__import__('os')", b"0.5", b"-0.0", b"\xff\xfe", b"\xe2\x80\xae", b",", b"\n")  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One to four damages; `others` are files of which pieces are taken."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        inside = _inside_of(data)
        if inside is not None and random.random() < 0.6:
            data = inside(data, others, random)
        else:
            data = random.choice(_DAMAGES)(data, others, random)
    return data


def _inside_of(data: bytes):
    if data.startswith(_PNG):
        return _png
    if data.startswith(b"PK"):
        return _archive
    if data[:1] in (b"{", b"[") or data[:40].isascii():
        return _text
    return None


def _flip(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(data)
    for _again in range(random.choice((1, 2, 8, 40))):
        if changed:
            changed[_place(changed, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _number(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    form = random.choice("<>") + random.choice("BHIQ")
    size = struct.calcsize(form)
    value = random.choice(_EDGES) & ((1 << 8 * size) - 1)
    place = _place(data, random)
    return data[:place] + struct.pack(form, value) + data[place + size :]


def _cut(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + data[place + random.choice((1, 4, 64, 1000)) :]


def _repeat(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    place, length = _place(data, random), random.choice((1, 8, 100, 4000))
    return data[:place] + data[place : place + length] * random.choice((2, 3, 50)) + data[place + length :]


def _splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _fill(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    place, length = _place(data, random), random.choice((1, 16, 300))
    return data[:place] + bytes([random.choice((0, 255, 65))]) * length + data[place + length :]


_DAMAGES = (_flip, _number, _cut, _remove, _repeat, _splice, _fill)


def _place(data: bytes | bytearray, random: Random) -> int:
    """Anywhere; half of the time in the head, where files say what they are."""
    return random.randrange(min(len(data), 256) or 1) if random.random() < 0.5 else random.randrange(len(data) or 1)


def _text(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """A number or a word becomes another one."""
    tokens = list(re.finditer(rb"[-+.\w]+|\"[^\"]*\"", data[:100_000]))
    if not tokens:
        return _flip(data, others, random)
    token = random.choice(tokens)
    return data[: token.start()] + random.choice(_WORDS) + data[token.end() :]


def _png(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Damage in one chunk, whose checksum is right again; the pixels are unpacked before and packed after."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return _flip(data, others, random)
    chosen = random.randrange(len(chunks))
    kind, content = chunks[chosen]
    if kind == b"IDAT" and random.random() < 0.7:
        try:
            pixels = _flip(zlib.decompress(content), others, random)
            content = zlib.compress(pixels * random.choice((1, 1, 2000) if len(pixels) < 10**5 else (1,)))
        except zlib.error:
            content = _flip(content, others, random)
    else:
        content = random.choice((_flip, _number, _cut, _fill))(content, others, random)
    chunks[chosen] = (kind, content)
    parts = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    return _PNG + b"".join(parts)


def _archive(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Damage in one entry of a zip archive, or in its name; sometimes packed, sometimes far larger than it was."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # it was damaged before
        return _flip(data, others, random)
    if not entries:
        return data
    chosen = random.randrange(len(entries))
    name, content = entries[chosen]
    if random.random() < 0.1:
        name = random.choice(("../x", "/x", name + "\n", "archive/data.pkl", ""))
    elif random.random() < 0.1:
        content = (content + bytes(30_000_000))[:30_000_000]
    elif name.endswith("pkl") and random.random() < 0.5:
        content = _pickle(content, others, random)
    else:
        content = random.choice((*_DAMAGES, _text))(content, others, random)
    entries[chosen] = (name, content)
    packed = random.random() < 0.3
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if packed or len(content) > 10**7 else 0) as archive:
        for name, content in dict(entries).items():
            archive.writestr(zipfile.ZipInfo(name or "x"), content, archive.compression)
    return made.getvalue()


def _pickle(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One step of a pickle is left out, taken twice, put in the place of another, or gets another number."""
    try:
        places = [place or 0 for _, _, place in pickletools.genops(data)]
    except Exception:  # it was damaged before
        return _flip(data, others, random)
    steps = [data[start:end] for start, end in zip(places, [*places[1:], len(data)], strict=True)]
    here, there = random.randrange(len(steps)), random.randrange(len(steps))
    numbers = [index for index, step in enumerate(steps) if step[:1] in b"KMJqrhj"]
    if numbers and random.random() < 0.4:
        here = random.choice(numbers)
        size = len(steps[here]) - 1
        steps[here] = steps[here][:1] + (random.choice(_EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    else:
        steps[here] = random.choice((b"", steps[here] * 2, steps[there]))
    return b"".join(steps)
