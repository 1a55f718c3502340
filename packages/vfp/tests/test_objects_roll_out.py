"""Things that slide and collide, against collisions computed by hand, the laws of mechanics and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maskreel.common.world._table.contacts import Footprint
from maskreel.common.world._table.contacts import touch as touch_of_the_world
from maskreel.common.world._table.physics import Body, advance
from maskreel.vfp.objects.contacts import Footprints, touch
from maskreel.vfp.objects.roll_out import Bodies, Course, roll_out, simulate


def bodies(places: Any, velocities: Any, *, friction: float = 0.0, square: Any = False, yaw: Any = 0.0) -> Bodies:
    """Of size 1, one clip."""
    places, velocities = np.array(places, float)[None], np.array(velocities, float)[None]
    inertia = np.where(square, 2 / 3, 1 / 2)
    one = np.array(1.0)
    return Bodies(places, velocities, np.array(friction), one, inertia, square=np.asarray(square), yaw=np.asarray(yaw))


def crowd(rows: int, count: int, *, seed: int = 0) -> Bodies:
    """Discs and squares that hurry to the middle."""
    rng = np.random.default_rng(seed)
    turn = 2 * np.pi * (np.arange(count) + rng.uniform(0, 0.4, (rows, count))) / count
    away = np.stack([np.cos(turn), np.sin(turn)], -1)
    square = rng.random((rows, count)) < 0.5
    size = rng.uniform(0.7, 1.1, (rows, count))
    return Bodies(
        places=away * rng.uniform(3, 5, (rows, count, 1)),
        velocities=-away * rng.uniform(0.5, 1.0, (rows, count, 1)) + rng.normal(0, 0.1, (rows, count, 2)),
        friction=np.array(0.0),
        size=size,
        inertia=size**2 * np.where(square, 2 / 3, 1 / 2),
        square=square,
        yaw=rng.uniform(-0.7, 0.7, (rows, count)),
    )


def last_velocities(course: Course) -> np.ndarray:
    return course.places[-1] - course.places[-2]


def test_head_on_collision_by_hand():
    """e = .5, equal masses: the first keeps (1 - e) / 2 of its speed, the second gets (1 + e) / 2."""
    path = roll_out(
        np.array([[[0.0, 0.0], [3.0, 0.0]]]),
        np.array([[[1.0, 0.0], [0.0, 0.0]]]),
        friction=np.array(0.0),
        reach=np.array(1.0),
        restitution=0.5,
        grip=0.3,
        frames=6,
    )
    assert path.shape == (6, 1, 2, 2)
    np.testing.assert_allclose(path[-1, 0] - path[-2, 0], [[0.25, 0], [0.75, 0]], atol=1e-12)
    np.testing.assert_allclose(path[0, 0], [[1, 0], [3, 0]], atol=1e-12)  # they touch then


def test_oblique_collision_without_grip_by_hand():
    """Elastic, at 45 degrees: the one at rest leaves along the line between the middles, the other at right angles."""
    start = bodies([[0.0, 0.0], [3.0, 2**0.5]], [[1.0, 0.0], [0.0, 0.0]])
    course = simulate(start, restitution=1.0, grip=0.0, frames=6, steps=200)
    np.testing.assert_allclose(last_velocities(course)[0], [[0.5, -0.5], [0.5, 0.5]], atol=0.01)
    assert course.pushed.all()


def test_grip_makes_discs_spin_and_share_the_sideways_speed_by_hand():
    """Two discs side by side, one passing with a tiny approach: without slip a sixth of its speed is exchanged."""
    start = bodies([[0.0, 0.0], [0.0, 1.999]], [[1.0, 1e-3], [0.0, 0.0]])
    course = simulate(start, restitution=0.0, grip=1e6, frames=1, steps=1000)
    np.testing.assert_allclose(course.places[-1, 0, 1, 0], 1 / 6, atol=5e-3)


@pytest.mark.parametrize(("speed", "friction"), [(0.5, 0.05), (1.0, 0.06)])
def test_stopping_distance(speed: float, friction: float):
    start = bodies([[0.0, 0.0]], [[0.6 * speed, 0.8 * speed]], friction=friction)
    course = simulate(start, restitution=0.6, grip=0.3, frames=40)
    way = speed**2 / (2 * friction)
    np.testing.assert_allclose(course.places[-1, 0, 0], [0.6 * way, 0.8 * way], rtol=0.015)
    np.testing.assert_array_equal(course.places[-1], course.places[-2])
    assert not course.pushed.any()


def test_a_square_pushed_off_its_middle_turns_towards_the_push():
    start = bodies([[0.0, 0.0], [3.0, -0.5]], [[0.8, 0.0], [0.0, 0.0]], square=[False, True])
    course = simulate(start, restitution=0.6, grip=0.0, frames=3, steps=50)
    assert course.yaw[0, 1] < -0.05  # hit above its middle from the left: clockwise
    middle = simulate(bodies([[0.0, 0.0], [3.0, 0.0]], [[0.8, 0.0], [0.0, 0.0]], square=[False, True]),
                      restitution=0.6, grip=0.0, frames=3)  # fmt: skip
    assert middle.yaw[0, 1] == pytest.approx(0.0, abs=1e-12)


def test_momentum_is_kept_and_energy_never_grows():
    start = crowd(200, 2)
    course = simulate(start, restitution=0.7, grip=0.3, frames=14)
    before, after = start.velocities, last_velocities(course)
    assert course.pushed.any(1).mean() > 0.9
    np.testing.assert_allclose(after.sum(1), before.sum(1), atol=1e-9)
    energy = (before**2).sum((1, 2)) - (after**2).sum((1, 2))
    assert (energy >= -1e-9).all()
    assert (energy[course.pushed.any(1)] > 1e-3).all()


def test_elastic_collisions_of_smooth_discs_keep_the_energy():
    start = crowd(50, 2, seed=1)
    start = Bodies(start.places, start.velocities, start.friction, start.size, start.inertia)
    after = last_velocities(simulate(start, restitution=1.0, grip=0.0, frames=14))
    np.testing.assert_allclose((after**2).sum((1, 2)), (start.velocities**2).sum((1, 2)), rtol=1e-9)


def test_the_order_of_objects_does_not_matter():
    start = crowd(20, 4, seed=2)
    order = [2, 0, 3, 1]
    other = Bodies(start.places[:, order], start.velocities[:, order], start.friction, start.size[:, order],
                   start.inertia[:, order], square=start.square[:, order], yaw=start.yaw[:, order])  # type: ignore[index]  # fmt: skip
    one, two = (simulate(some, restitution=0.6, grip=0.3, frames=8) for some in (start, other))
    np.testing.assert_allclose(two.places, one.places[:, :, order], atol=1e-6)
    np.testing.assert_array_equal(two.pushed, one.pushed[:, order])


def test_the_mirror_image_of_a_clip_goes_on_as_the_mirror_image():
    start, mirror = crowd(20, 4, seed=3), np.array([-1.0, 1.0])
    other = Bodies(start.places * mirror, start.velocities * mirror, start.friction, start.size, start.inertia,
                   square=start.square, yaw=-start.yaw)  # fmt: skip
    one, two = (simulate(some, restitution=0.6, grip=0.3, frames=8) for some in (start, other))
    np.testing.assert_allclose(two.places, one.places * mirror, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * two.yaw), np.exp(-1j * one.yaw), atol=1e-6)


def test_what_is_not_there_pushes_nobody():
    start = crowd(10, 3, seed=4)
    there = np.array([True, True, False])
    ghost = Bodies(
        start.places, start.velocities, start.friction, start.size, start.inertia, start.square, start.yaw, there
    )
    kept = (np.asarray(value)[:, :2] for value in (start.size, start.inertia, start.square, start.yaw))
    two = Bodies(start.places[:, :2], start.velocities[:, :2], start.friction, *kept)
    one, other = (simulate(some, restitution=0.6, grip=0.3, frames=8) for some in (ghost, two))
    np.testing.assert_array_equal(one.places[:, :, :2], other.places)
    assert not one.pushed[:, 2].any()


def test_a_tilted_push_goes_that_way():
    start = bodies([[0.0, 0.0], [3.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]])
    tilt = np.array([[[0.0, 0.3], [0.3, 0.0]]])
    after = last_velocities(simulate(start, restitution=0.6, grip=0.0, frames=6, tilt=tilt))[0]
    assert np.arctan2(after[1, 1], after[1, 0]) == pytest.approx(0.3, abs=1e-6)
    np.testing.assert_allclose(after.sum(0), [1, 0], atol=1e-12)


def test_nothing_of_the_caller_is_changed():
    start = crowd(3, 3, seed=5)
    places, velocities = start.places.copy(), start.velocities.copy()
    simulate(start, restitution=0.6, grip=0.3, frames=8)
    np.testing.assert_array_equal(start.places, places)
    np.testing.assert_array_equal(start.velocities, velocities)


def pairs(count: int) -> tuple[Footprints, Footprints, np.ndarray]:
    rng = np.random.default_rng(6)
    first, second = (
        Footprints(rng.uniform(0.6, 1.1, count), rng.random(count) < 0.6, np.exp(1j * rng.uniform(-3, 3, count)))
        for _ in range(2)
    )
    return first, second, rng.uniform(0.1, 2.2, count) * np.exp(1j * rng.uniform(-3, 3, count))


def test_contacts_are_those_of_the_world():
    first, second, apart = pairs(400)
    found = touch(first, second, apart)
    touching = 0
    for n in range(400):
        one, two = (
            Footprint(place.real, place.imag, float(some.size[n]), (some.heading[n].real, some.heading[n].imag))
            if some.square[n]
            else Footprint(place.real, place.imag, float(some.size[n]))
            for some, place in ((first, 0j), (second, apart[n]))
        )
        truth = touch_of_the_world(one, two)
        assert (truth is not None) == (found.depth[n] > 0)
        if truth is not None:
            touching += 1
            assert found.depth[n] == pytest.approx(truth.depth, abs=1e-9)
            assert complex(found.normal[n]) == pytest.approx(complex(*truth.normal), abs=1e-9)
            assert complex(found.point[n]) == pytest.approx(complex(*truth.point), abs=1e-9)
    assert 100 < touching < 350


def test_footprints_touch_if_and_only_if_they_share_a_point():
    """Points of a fine grid; pairs that touch by less than it shows are left out."""
    first, second, apart = pairs(150)
    depth = touch(first, second, apart).depth
    x = np.linspace(-1.7, 1.7, 171)
    grid = x[:, None] + 1j * x
    for n in np.flatnonzero(abs(depth) > 0.03).tolist():
        assert (contains(first, n, grid) & contains(second, n, grid - apart[n])).any() == (depth[n] > 0)


def contains(some: Footprints, n: int, points: np.ndarray) -> np.ndarray:
    local = points * some.heading[n].conjugate()
    if some.square[n]:
        return np.maximum(abs(local.real), abs(local.imag)) <= some.size[n]
    return abs(points) <= some.size[n]


def test_small_steps_agree_with_one_body_at_a_time():
    """The world's solver, which pushes pair after pair in very small steps."""
    start = crowd(25, 2, seed=7)
    course = simulate(start, restitution=0.65, grip=0.3, frames=8, steps=40)
    off = []
    for row in range(25):
        table = [
            Body(
                *start.places[row, n],
                *start.velocities[row, n],
                size=start.size[row, n],
                reach=start.size[row, n] * (2**0.5 if start.square[row, n] else 1),  # type: ignore[index]
                inertia=start.inertia[row, n],
                deceleration=0.0,
                heading=(np.cos(start.yaw[row, n]), np.sin(start.yaw[row, n])) if start.square[row, n] else None,  # type: ignore[index]
            )
            for n in range(2)
        ]
        for _ in range(8 * 100):
            advance(table, 0.01, restitution=0.65, friction=0.3)
        off.append(np.hypot(*(course.places[-1, row] - [(body.x, body.y) for body in table]).T).max())
    assert np.median(off) < 0.02
    assert np.quantile(off, 0.8) < 0.15
