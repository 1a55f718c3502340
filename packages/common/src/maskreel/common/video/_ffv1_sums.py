"""Checksums of FFV1 (RFC 9043): FFmpeg sees that they are wrong, conceals the damage, and does not tell.

From version 3 on, a packet is a row of slices. Each ends with its own length (3 bytes) and, if the encoder wrote
checksums, one byte for known errors and a CRC-32 that makes the remainder of the whole slice zero (sections 4.9.1 and
4.9.3; polynomial 0x04C11DB7, highest bit first, beginning with zero).
"""

from __future__ import annotations

import zlib

__all__ = ["is_intact"]

_FOOTER = 8
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""zlib takes the lowest bit first; on mirrored bytes it is the checksum of FFV1."""
_ZERO = 0xFFFFFFFF
"""zlib turns the register over before and after, so this is an empty register at either end."""


def is_intact(packet: bytes) -> bool:
    """Whether all checksums are there and right; False as well for packets without any."""
    end = len(packet)
    while end > 0:
        if end < _FOOTER:
            return False
        begin = end - _FOOTER - int.from_bytes(packet[end - _FOOTER : end - _FOOTER + 3], "big")
        if begin < 0 or zlib.crc32(packet[begin:end].translate(_MIRRORED), _ZERO) != _ZERO:
            return False
        end = begin
    return bool(packet)
