"""Where footprints on the table touch: discs and turned squares, many pairs at a time.

x and y are the real and the imaginary part of complex numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Contacts", "Footprints", "touch"]


@dataclass(frozen=True)
class Footprints:
    """K discs and squares."""

    size: np.ndarray
    """float64 (K,): radius of a disc, half the side of a square."""
    square: np.ndarray
    """bool (K,): the others are discs."""
    heading: NDArray[np.complex128]
    """complex128 (K,): direction of one side, of length 1."""

    def at(self, index: np.ndarray) -> Footprints:
        """Some of them."""
        return Footprints(self.size[index], self.square[index], self.heading[index])


@dataclass(frozen=True)
class Contacts:
    """K pairs of footprints, the second of each seen from the first."""

    normal: NDArray[np.complex128]
    """complex128 (K,): of length 1, from the first to the second, along which they overlap least."""
    depth: np.ndarray
    """float64 (K,): how far they overlap along it; 0 or less where they are apart."""
    point: NDArray[np.complex128]
    """complex128 (K,): where, from the middle of the first."""


def touch(first: Footprints, second: Footprints, apart: NDArray[np.complex128]) -> Contacts:
    """The contacts of K pairs whose second is at `apart`, complex128 (K,), from the first."""
    normal, depth, point = np.zeros(len(apart), complex), np.zeros(len(apart)), np.zeros(len(apart), complex)
    kinds = (
        (~first.square & ~second.square, _discs),
        (first.square & ~second.square, _square_and_disc),
        (~first.square & second.square, _disc_and_square),
        (first.square & second.square, _squares),
    )
    for chosen, rule in kinds:
        if chosen.any():
            found = rule(first.at(chosen), second.at(chosen), apart[chosen])
            normal[chosen], depth[chosen], point[chosen] = found.normal, found.depth, found.point
    return Contacts(normal, depth, point)


def _discs(first: Footprints, second: Footprints, apart: NDArray[np.complex128]) -> Contacts:
    distance = np.maximum(abs(apart), 1e-9)
    normal = apart / distance
    depth = first.size + second.size - distance
    return Contacts(normal, depth, normal * (first.size - depth / 2))


def _square_and_disc(square: Footprints, disc: Footprints, apart: NDArray[np.complex128]) -> Contacts:
    """By the point of the square that is nearest to the disc's middle."""
    size, local = square.size, apart * square.heading.conj()
    near = np.clip(local.real, -size, size) + 1j * np.clip(local.imag, -size, size)
    off = local - near
    distance = abs(off)
    outside = distance > 1e-9
    sideways = abs(local.real) > abs(local.imag)
    way_out = np.where(sideways, np.where(local.real < 0, -1, 1), np.where(local.imag < 0, -1j, 1j))
    inner = size - np.maximum(abs(local.real), abs(local.imag))
    normal = np.where(outside, off / np.maximum(distance, 1e-9), way_out)
    depth = disc.size + np.where(outside, -distance, inner)
    return Contacts(normal * square.heading, depth, near * square.heading)


def _disc_and_square(disc: Footprints, square: Footprints, apart: NDArray[np.complex128]) -> Contacts:
    found = _square_and_disc(square, disc, -apart)
    return Contacts(-found.normal, found.depth, found.point + apart)


def _squares(first: Footprints, second: Footprints, apart: NDArray[np.complex128]) -> Contacts:
    """By the separating axes, which are the directions of the sides."""
    axes = np.stack([first.heading, 1j * first.heading, second.heading, 1j * second.heading])
    along = (apart * axes.conj()).real
    extents = _extent(first, axes) + _extent(second, axes)
    least = (extents - abs(along)).argmin(0), np.arange(len(apart))
    normal = axes[least] * np.where(along[least] < 0, -1, 1)
    return Contacts(normal, (extents - abs(along))[least], _middle(first, second, apart))


def _extent(square: Footprints, axes: NDArray[np.complex128]) -> np.ndarray:
    turned = axes * square.heading.conj()
    return square.size * (abs(turned.real) + abs(turned.imag))


def _middle(first: Footprints, second: Footprints, apart: NDArray[np.complex128]) -> np.ndarray:
    """Mean of the corners of one that lie in the other; half-way between the middles if there are none."""
    corners = np.array([[1 + 1j], [1 - 1j], [-1 + 1j], [-1 - 1j]])
    one = corners * first.size * first.heading
    other = corners * second.size * second.heading + apart
    points = np.concatenate([one, other])
    inside = np.concatenate([_contains(second, one - apart), _contains(first, other)])
    count = inside.sum(0)
    return np.where(count > 0, (points * inside).sum(0) / np.maximum(count, 1), apart / 2)


def _contains(square: Footprints, points: NDArray[np.complex128]) -> np.ndarray:
    local = points * square.heading.conj()
    return np.maximum(abs(local.real), abs(local.imag)) <= square.size + 1e-9
