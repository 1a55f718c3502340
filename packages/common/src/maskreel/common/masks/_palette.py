"""The 256 colours in which DAVIS and Pascal VOC show label maps."""

from __future__ import annotations


def _colour(label: int) -> tuple[int, int, int]:
    """Spread the bits of a label over red, green and blue: bits 0, 3, 6 to red, from its highest bit downwards."""
    red = green = blue = 0
    for place in range(8):
        bits = label >> (3 * place)
        red |= (bits & 1) << (7 - place)
        green |= (bits >> 1 & 1) << (7 - place)
        blue |= (bits >> 2 & 1) << (7 - place)
    return red, green, blue


DAVIS_PALETTE: tuple[tuple[int, int, int], ...] = tuple(_colour(label) for label in range(256))
"""RGB of every label, 0 to 255: 0 is black, 1 dark red, 255 (void) ivory."""
