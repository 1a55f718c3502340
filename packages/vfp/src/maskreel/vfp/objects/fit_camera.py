"""Camera and solids of a table, from what masks show of things that are seen whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from maskreel.common.errors import InputError
from maskreel.vfp.objects.camera import TableCamera
from maskreel.vfp.objects.places import yaws_of
from maskreel.vfp.objects.solids import CUBE, SHAPES, SPHERE, Solid, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.sightings import Sighting

__all__ = ["MIN_SEEN", "fit_camera", "fit_solid"]

MIN_SEEN = 100
"""Things seen whole that a fit needs."""
_MIN_AREA = 60
_MOST = 2000
_ROUNDS = 3
"""Of finding how cubes are turned and how large they are."""


def fit_camera(seen: Sequence[Sighting], size: tuple[int, int]) -> TableCamera:
    """Focal length, pitch and height for which spheres of radius 1 have the areas that they are seen with.

    The area of a sphere's picture falls with its distance and grows with its angle from the axis, so areas all over the
    picture tell the three numbers; see `sphere_area`.

    Args:
        seen: Of all shapes; only whole spheres count.
        size: Height and width of the masks.

    Raises:
        InputError: There are too few spheres.
    """
    spheres = _chosen(seen, SPHERE)
    middles, areas = np.array([one.centroid for one in spheres]), np.array([one.area for one in spheres])

    def miss(values: np.ndarray) -> np.ndarray:
        camera = _camera(values, size)
        return np.log(sphere_area(camera, camera.to_table(middles, 1.0))) - np.log(areas)

    first = np.array([1.1 * size[1], 0.6, 0.06 * size[1]])
    found = least_squares(miss, first, x_scale=first / 4, loss="soft_l1", f_scale=0.03)
    return _camera(found.x, size)


def _camera(values: np.ndarray, size: tuple[int, int]) -> TableCamera:
    focal, pitch, height = values.tolist()
    return TableCamera(focal, pitch, height, size)


def sphere_area(camera: TableCamera, places: np.ndarray) -> np.ndarray:
    """Pixels (...) of the ellipse that a sphere of radius 1 on the table at places (..., 2) is seen as."""
    depth = np.maximum(camera.depth(places, 1.0), 1.01)
    distance = (places**2).sum(-1) + (camera.height - 1) ** 2
    return np.pi * camera.focal**2 * np.sqrt(np.maximum(distance - 1, 0.01) / (depth**2 - 1) ** 3)


def fit_solid(seen: Sequence[Sighting], camera: TableCamera, shape: int) -> Solid:
    """Radius and height for which cubes or cylinders fill the boxes that they are seen in; spheres are the unit.

    Raises:
        InputError: Too few of them are seen.
    """
    if shape == SPHERE:
        return Solid(shape, 1.0, 2.0)
    chosen = _chosen(seen, shape)
    middles, boxes = np.array([one.centroid for one in chosen]), np.array([one.box for one in chosen], float)
    solid, yaws = Solid(shape, 1.0, 2.0), np.zeros(len(chosen))
    for _ in range(_ROUNDS if shape == CUBE else 1):
        if shape == CUBE:
            yaws = yaws_of(camera, solid, chosen, camera.to_table(middles, solid.height / 2))
        solid = _filling(solid, camera, middles, boxes, yaws)
    return solid


def _filling(guess: Solid, camera: TableCamera, middles: np.ndarray, boxes: np.ndarray, yaws: np.ndarray) -> Solid:
    """The solid whose outlines fill boxes (S, 4) best if it is turned by `yaws` (S,)."""

    def miss(values: np.ndarray) -> np.ndarray:
        solid = Solid(guess.shape, *values.tolist())
        outline = solid.outline(camera, camera.to_table(middles, solid.height / 2), yaws)
        return (np.concatenate([outline.min(1), outline.max(1)], -1) - boxes).ravel()

    first = [guess.radius, guess.height]
    found = least_squares(miss, first, loss="soft_l1", bounds=(0.2, 5.0)).x
    return Solid(guess.shape, *found.tolist())


def _chosen(seen: Sequence[Sighting], shape: int) -> list[Sighting]:
    found = [one for one in seen if shape_of(one.label) == shape and one.whole and one.area >= _MIN_AREA]
    if len(found) < MIN_SEEN:
        raise InputError(
            f"{len(found)} {SHAPES[shape]}s are seen whole in the training masks, but {MIN_SEEN} or more are needed"
        )
    return found[:: -(-len(found) // _MOST)]
