"""The camera above the table, what it sees of solids, and how both are found from masks."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskreel.common.errors import InputError
from maskreel.common.world import TableScene
from maskreel.vfp.objects import Solid, TableCamera
from maskreel.vfp.objects.fit_camera import fit_camera, fit_solid, sphere_area
from maskreel.vfp.objects.paint import paint
from maskreel.vfp.objects.sightings import Sighting, sightings
from maskreel.vfp.objects.solids import CUBE, CYLINDER, SPHERE, shape_of
from maskreel.vfp.objects.table import Table
from maskreel.vfp.objects.tracks import tracks

CAMERA = TableCamera(257.0, 0.59, 14.7, (160, 240))
SOLIDS = (Solid(CUBE, 0.82, 1.64), Solid(SPHERE, 1.0, 2.0), Solid(CYLINDER, 0.9, 1.62))


@pytest.fixture(scope="module")
def seen() -> list[Sighting]:
    """Of 30 clips of a table whose camera stands still."""
    scene = TableScene(jitter=0.0, frames=17)
    return [one for seed in range(30) for frame in sightings(scene.labels(seed)[::4]) for one in frame]


@pytest.fixture(scope="module")
def table(seen: list[Sighting]) -> Table:
    camera = fit_camera(seen, (160, 240))
    cube, sphere, cylinder = (fit_solid(seen, camera, shape) for shape in (CUBE, SPHERE, CYLINDER))
    return Table(camera, (cube, sphere, cylinder), 0.015, ())


def test_places_come_back_from_the_picture():
    places = np.random.default_rng(0).uniform((-6, 12, 0), (6, 28, 2), (50, 3))
    pixels, depth = CAMERA.project(places)
    np.testing.assert_allclose(CAMERA.to_table(pixels, places[:, 2]), places[:, :2], atol=1e-9)
    np.testing.assert_allclose(CAMERA.depth(places[:, :2], places[:, 2]), depth, atol=1e-9)


def test_projection_by_hand():
    """What lies in the viewing direction is in the middle; a step to the right there moves by focal / depth."""
    level = TableCamera(100.0, np.pi / 4, 10.0, (160, 240))
    pixels, depth = level.project(np.array([[0.0, 10.0, 0.0], [1.0, 10.0, 0.0]]))
    np.testing.assert_allclose(pixels, [[120, 80], [120 + 100 / np.sqrt(200), 80]])
    np.testing.assert_allclose(depth, np.sqrt(200))


def test_above_the_horizon_is_far_away():
    assert CAMERA.to_table(np.array([120.0, -500.0]), 0.0)[1] > 1000


@pytest.mark.parametrize("place", [(0.0, 20.0), (6.0, 14.0), (-5.0, 27.0)])
def test_area_of_a_sphere_is_that_of_its_traced_picture(place: tuple[float, float]):
    """Rays through a fine grid of points, counted where they come nearer to the sphere's middle than its radius."""
    fine = 4
    y, x = (np.mgrid[: 160 * fine, : 240 * fine] + 0.5) / fine
    on_table = CAMERA.to_table(np.stack([x, y], -1), 0.0)
    ray = np.concatenate([on_table, np.full((*x.shape, 1), -CAMERA.height)], -1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    middle = np.array([*place, 1 - CAMERA.height])
    apart = np.sqrt(middle @ middle - (ray @ middle) ** 2)
    assert sphere_area(CAMERA, np.array(place)) == pytest.approx((apart < 1).sum() / fine**2, rel=4e-3)


@pytest.mark.parametrize("solid", SOLIDS, ids=["cube", "sphere", "cylinder"])
def test_outline_is_the_hull_of_what_is_projected(solid: Solid):
    rng = np.random.default_rng(1)
    places, yaw = rng.uniform((-6, 13), (6, 27), (20, 2)), rng.uniform(-0.8, 0.8, 20)
    for place, turn, outline in zip(places, yaw, solid.outline(CAMERA, places, yaw), strict=True):
        points, _ = CAMERA.project(surface(solid, place, turn))
        whole, own = filled(cv2.convexHull(points.astype(np.float32))), filled(outline)
        assert (whole & own).sum() > 0.985 * (whole | own).sum()


def filled(polygon: np.ndarray) -> np.ndarray:
    """bool: the inside of a polygon in a picture of eight times the size."""
    picture = np.zeros((160 * 8, 240 * 8), np.uint8)
    cv2.fillPoly(picture, [np.round(polygon * 8).astype(np.int32)], 1)
    return picture > 0


def surface(solid: Solid, place: np.ndarray, yaw: float) -> np.ndarray:
    """Many points of a solid, (N, 3)."""
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 240), np.linspace(-1, 1, 81))
    cosine, sine = np.cos(turn), np.sin(turn)
    if solid.shape == SPHERE:
        round_ = np.sqrt(1 - rise**2)
        points = np.stack([round_ * cosine, round_ * sine, 1 + rise], -1)
    else:
        far = solid.radius / np.maximum(abs(cosine), abs(sine)) if solid.shape == CUBE else solid.radius
        points = np.stack([far * cosine, far * sine, (1 + rise) / 2 * solid.height], -1)
    turned = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    return points.reshape(-1, 3) @ turned + [*place, 0]


def test_camera_is_found(table: Table):
    """The scene's: 35 mm lens before a sensor of 32 mm, eye (0, -8.2, 5.6), target (0, .3, 0), radius .38."""
    assert table.camera.focal == pytest.approx(35 / 32 * 240, rel=0.06)
    assert table.camera.pitch == pytest.approx(np.arctan2(5.6, 8.5), abs=0.03)
    assert table.camera.height == pytest.approx(5.6 / 0.38, rel=0.02)


def test_sizes_are_found(table: Table):
    cube, sphere, cylinder = table.solids
    assert (sphere.radius, sphere.height) == (1.0, 2.0)
    assert (cube.radius, cube.height) == pytest.approx((0.82, 1.64), abs=0.03)
    assert (cylinder.radius, cylinder.height) == pytest.approx((0.9, 1.62), abs=0.03)


def test_outlines_fill_the_masks_of_clips_that_were_not_fitted(table: Table):
    found: dict[int, list[float]] = {CUBE: [], SPHERE: [], CYLINDER: []}
    for seed in range(100, 106):
        clip = TableScene(jitter=0.0, frames=8).labels(seed)[::7]
        for track in tracks(table, clip):
            for n in np.flatnonzero(track.whole & np.isfinite(track.turns)):
                drawn = paint(table, [track.label], track.places[n][None, None], track.turns[n][None, None])[0] > 0
                mask = clip[track.frames[n]] == track.label
                if mask.sum() > 60:
                    found[shape_of(track.label)].append((drawn & mask).sum() / (drawn | mask).sum())
    assert all(len(ious) >= 5 for ious in found.values())
    assert {shape: np.mean(ious) >= 0.95 for shape, ious in found.items()} == dict.fromkeys(found, True)


def test_yaw_of_cubes_is_found(table: Table):
    """Cubes painted with a known turn, each a quarter turn at most."""
    yaws = np.linspace(-0.75, 0.75, 9)
    places = np.stack([np.linspace(-5, 5, 9), np.linspace(26, 14, 9)], -1)
    turned = zip(places, yaws, strict=True)
    clip = np.concatenate([paint(table, [3], place[None, None], yaw[None, None]) for place, yaw in turned])
    (track,) = tracks(table, clip)
    off = (track.turns - yaws + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert abs(off).max() < 0.12
    np.testing.assert_allclose(track.places, places, atol=0.06)


def test_a_larger_picture_of_the_same_scene_is_the_same_camera(seen: list[Sighting], table: Table):
    larger = replace(table.camera, focal=2 * table.camera.focal, size=(320, 480))
    places = np.array([[1.0, 20.0], [-4.0, 15.0]])
    small, large = (table.solids[CUBE].outline(camera, places, 0.3) for camera in (table.camera, larger))
    np.testing.assert_allclose(large, 2 * small)


def test_too_little_to_see():
    with pytest.raises(InputError, match="0 spheres are seen whole in the training masks, but 100 or more are needed"):
        fit_camera([], (160, 240))
    with pytest.raises(InputError, match="0 cubes are seen whole"):
        fit_solid([], CAMERA, CUBE)
