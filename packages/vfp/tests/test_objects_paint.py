"""Objects drawn into label maps, and futures of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from maskreel.vfp.objects import Doubt, Motion, Solid, Table, TableCamera
from maskreel.vfp.objects.futures import draw_futures
from maskreel.vfp.objects.paint import occupancy, paint
from maskreel.vfp.objects.roll_out import Bodies, simulate
from maskreel.vfp.objects.scene import Scene
from maskreel.vfp.objects.state import State

CAMERA = TableCamera(257.0, 0.59, 14.7, (160, 240))
SOLIDS = (Solid(0, 0.82, 1.64), Solid(1, 1.0, 2.0), Solid(2, 0.9, 1.62))
TABLE = Table(CAMERA, SOLIDS, 0.015, ())
MOTION = Motion((0.034, 0.01, 0.034), 0.65, 0.3, (-0.8, 0.7))
CERTAIN = Doubt(state=0, friction=0, yaw=0, tilt=0, restitution=0)


def inside(outline: np.ndarray) -> np.ndarray:
    """bool (160, 240): pixels whose centres are in the convex hull, by half-planes."""
    hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
    y, x = np.mgrid[:160, :240] + 0.5
    sides = [
        (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for a, b in zip(hull, np.roll(hull, -1, 0), strict=True)
    ]
    return np.min(sides, 0) >= 0 if np.min(sides, 0).max() > 0 else np.max(sides, 0) <= 0


@pytest.mark.parametrize("label", [3, 20, 40])
def test_painting_fills_the_pixels_whose_centres_are_inside(label: int):
    rng = np.random.default_rng(label)
    places, yaw = rng.uniform((-5, 14), (5, 27), (30, 1, 2)), rng.uniform(-0.8, 0.8, (30, 1))
    planes = paint(TABLE, [label], places, yaw)
    shares, areas = [], []
    for plane, place, turn in zip(planes, places[:, 0], yaw[:, 0], strict=True):
        truth = inside(TABLE.solid(label).outline(CAMERA, place, turn))
        assert set(np.unique(plane)) == {0, label}
        shares.append((truth & (plane > 0)).sum() / (truth | (plane > 0)).sum())
        areas.append((plane > 0).sum() / truth.sum())
    assert np.mean(shares) > 0.96
    assert min(shares) > 0.9
    assert np.mean(areas) == pytest.approx(1, abs=0.015)


def test_the_nearer_is_painted_over_the_farther():
    places = np.array([[[0.0, 22.0], [0.3, 20.5]], [[0.0, 19.0], [0.3, 20.5]]])
    planes = paint(TABLE, [20, 40], places, np.zeros((2, 2)))
    alone = [paint(TABLE, [label], places[:, [n]], np.zeros((2, 1))) > 0 for n, label in enumerate((20, 40))]
    both = alone[0] & alone[1]
    assert (planes[0][both[0]] == 40).all()
    assert (planes[1][both[1]] == 20).all()
    assert both.any((1, 2)).all()
    np.testing.assert_array_equal(planes > 0, alone[0] | alone[1])


def test_what_is_out_of_the_picture_or_behind_the_camera_is_not_painted():
    places = np.array([[[500.0, 20.0], [0.0, -40.0], [0.0, 1e9], [0.0, 20.0]]])
    planes = paint(TABLE, [1, 2, 3, 20], places, np.zeros((1, 4)))
    assert set(np.unique(planes)) == {0, 20}


def test_no_objects_to_paint():
    assert not paint(TABLE, [], np.zeros((3, 0, 2)), np.zeros((3, 0))).any()
    empty = occupancy(np.zeros((3, 160, 240), np.uint8), ())
    assert (empty.classes, tuple(empty.probability.shape)) == ((), (0, 160, 240))
    assert not empty.likeliest().any()


@pytest.mark.parametrize("count", [3, 300])
def test_occupancy_counts_label_maps(count: int):
    planes = np.random.default_rng(0).choice(np.array([0, 0, 5, 9], np.uint8), (count, 6, 7))
    found = occupancy(planes, (9, 5, 7))
    for n, label in enumerate((9, 5, 7)):
        np.testing.assert_allclose(found.probability[n], (planes == label).sum(0) / count, rtol=1e-6)


def scene(*objects: tuple[int, tuple[float, float], tuple[float, float]], spread: float = 0.01) -> Scene:
    """Labels, places and velocities."""
    labels = tuple(label for label, *_ in objects)
    solids = tuple(TABLE.solid(label) for label in labels)
    states = tuple(
        State(np.array(place), np.array(velocity), spread * np.eye(2), np.any(velocity).item(), 1.0, 11)
        for _, place, velocity in objects
    )
    friction = np.array([MOTION.friction[(label - 1) // 16] for label in labels])
    return Scene(labels, states, np.full(len(labels), 0.2), friction, np.array([one.reach for one in solids]), solids)


MEETING = scene((3, (-4.0, 20.0), (0.8, 0.0)), (20, (0.0, 20.3), (0.0, 0.0)), (40, (5.0, 25.0), (0.2, -0.3)))


def test_the_first_future_is_the_roll_out():
    drawn = draw_futures([MEETING], [MOTION], [5], np.random.default_rng(0))
    bodies = Bodies(MEETING.places[None], MEETING.velocities[None], MEETING.friction, MEETING.sizes, MEETING.inertias,
                    square=MEETING.squares, yaw=MEETING.yaw)  # fmt: skip
    course = simulate(bodies, restitution=0.65, grip=0.3, frames=11)
    assert course.pushed[0].tolist() == [True, True, False]
    np.testing.assert_allclose(drawn.places[0], course.places[-1, 0])
    np.testing.assert_allclose(drawn.yaw[0], course.yaw[0])
    assert abs(drawn.places[1:] - drawn.places[0]).min() > 0


def test_the_same_seed_gives_the_same_futures():
    one, two, three = (draw_futures([MEETING], [MOTION], [4], np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.places, two.places)
    assert (one.places[1:] != three.places[1:]).all()


def test_without_doubt_all_futures_are_equal():
    drawn = draw_futures([MEETING], [MOTION], [6], np.random.default_rng(0), doubt=CERTAIN)
    np.testing.assert_array_equal(drawn.places, np.broadcast_to(drawn.places[:1], drawn.places.shape))
    np.testing.assert_array_equal(drawn.yaw, np.broadcast_to(drawn.yaw[:1], drawn.yaw.shape))


@pytest.mark.parametrize("name", ["state", "friction", "yaw", "tilt", "restitution"])
def test_every_doubt_widens_the_futures(name: str):
    rng = np.random.default_rng(0)
    drawn = draw_futures([MEETING], [MOTION], [6], rng, doubt=replace(CERTAIN, **{name: 0.3}))
    assert np.ptp(drawn.places, axis=0).max() > 0.01


def test_places_are_drawn_as_wide_as_they_are_doubted():
    """One frame later, of what moves undisturbed: variance of place + velocity, for two independent ones 2 * .01."""
    alone = scene((20, (0.0, 20.0), (0.5, 0.0)))
    drawn = draw_futures(
        [alone], [MOTION], [4000], np.random.default_rng(0), doubt=replace(CERTAIN, state=1.0), frames=1
    )
    assert drawn.places[:, 0].std(0) == pytest.approx([0.02**0.5] * 2, rel=0.05)
    resting = draw_futures([scene((20, (0.0, 20.0), (0.0, 0.0)))], [MOTION], [4000], np.random.default_rng(0), frames=1)
    assert resting.places[:, 0].std(0) == pytest.approx([0.1] * 2, rel=0.05)


def test_several_motions_give_their_shares():
    slow, fast = replace(MOTION, friction=(0.0, 0.0, 0.0)), MOTION
    scenes = [replace(MEETING, friction=np.zeros(3)), MEETING]
    drawn = draw_futures(scenes, [slow, fast], [2, 3], np.random.default_rng(0), doubt=CERTAIN)
    assert drawn.places.shape == (5, 3, 2)
    np.testing.assert_array_equal(drawn.places[0], drawn.places[1])
    np.testing.assert_array_equal(drawn.places[2], drawn.places[4])
    np.testing.assert_allclose(drawn.places[0, 2], np.array([5.0, 25.0]) + 11 * np.array([0.2, -0.3]))
    assert abs(drawn.places[0] - drawn.places[2]).max() > 0.5
    none = draw_futures(scenes, [slow, fast], [0, 3], np.random.default_rng(0), doubt=CERTAIN)
    np.testing.assert_array_equal(none.places, drawn.places[2:])


def test_likeliest_future_of_a_still_life_is_the_still_life():
    still = scene((3, (-3.0, 20.0), (0.0, 0.0)), (20, (2.0, 18.0), (0.0, 0.0)), spread=1e-6)
    drawn = draw_futures([still], [MOTION], [16], np.random.default_rng(0))
    forecast = occupancy(paint(TABLE, still.labels, drawn.places, drawn.yaw), still.labels).likeliest()
    now = torch.from_numpy(paint(TABLE, still.labels, still.places[None], still.yaw[None])[0])
    assert ((forecast == now) & (now > 0)).sum() > 0.93 * (now > 0).sum()
