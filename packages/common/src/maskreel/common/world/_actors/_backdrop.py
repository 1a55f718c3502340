"""The painted place behind the actors, and what a camera sees of it."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._actors import _indoors, _outdoors
from maskreel.common.world._actors._site import Site, tone
from maskreel.common.world._actors._texels import between
from maskreel.common.world._part_motion import inverse_affine

_PLACES = (
    _indoors.room,
    _indoors.room,
    _indoors.bricks,
    _indoors.stage,
    _outdoors.park,
    _outdoors.street,
    _outdoors.beach,
)
_DENSITY = 1.25  # samples for a pixel where the camera moves: the picture is then sampled between them
_BAND = 16  # rows sampled at a time: what that needs stays in the processor's cache
_MARGIN = 0.08  # picture heights around the view


class Backdrop:
    """A place of a seed."""

    def __init__(self, size: tuple[int, int], *, moving: bool, seed: int) -> None:
        rng = np.random.default_rng([seed, 3])
        self._size, self._density = size, _DENSITY if moving else 1.0
        height, width = size
        self._margin = round(_MARGIN * height * self._density) if moving else 0
        shape = tuple(round(side * self._density) + 2 * self._margin for side in size)
        site = Site(width / height, height * self._density, self._margin, (shape[0], shape[1]))
        _PLACES[int(rng.integers(len(_PLACES)))](site, rng)
        tone(rng, site)
        self._picture = np.zeros((*shape, 4), np.float32)
        self._picture[..., :3] = np.clip(site.colour, 0, 255) + np.float32(0.5)
        self._still = None if moving else self._picture[..., :3].astype(np.uint8)

    def seen_by(self, camera: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3): the place from a camera that maps pixels of the still view by `camera`, float64 (3, 3)."""
        if self._still is not None:
            return self._still
        height, width = self._size
        (a, b, c), (d, e, f) = inverse_affine(camera)[:2].tolist()
        x = np.arange(width, dtype=np.float64)
        seen = np.empty((height, width, 3), np.uint8)
        for first in range(0, height, _BAND):
            y = np.arange(first, min(first + _BAND, height), dtype=np.float64)[:, None]
            column = (a * x + (b * y + c) + 0.5) * self._density - 0.5 + self._margin
            row = (d * x + (e * y + f) + 0.5) * self._density - 0.5 + self._margin
            band = between(self._picture, column.ravel(), row.ravel())
            seen[first : first + _BAND] = band[:, :3].reshape(-1, width, 3)
        return seen
