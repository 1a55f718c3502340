"""The table's mechanics against hand-computed collisions and the laws that they must keep."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from maskreel.common.world import TableScene
from maskreel.common.world._table.contacts import Footprint, touch
from maskreel.common.world._table.motion import Motion, simulate
from maskreel.common.world._table.physics import Body, advance


def disc(x: float, y: float, vx: float = 0.0, vy: float = 0.0, *, spin: float = 0.0, friction: float = 0.0) -> Body:
    return Body(x, y, vx, vy, size=0.4, reach=0.4, inertia=0.08, deceleration=friction, spin=spin)


def square(x: float, y: float, vx: float = 0.0, vy: float = 0.0, *, degrees: float = 0.0) -> Body:
    heading = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    inertia = 0.3**2 * 2 / 3
    return Body(x, y, vx, vy, size=0.3, reach=0.3 * 2**0.5, inertia=inertia, deceleration=0.0, heading=heading)


def momentum(bodies: list[Body]) -> tuple[float, float, float]:
    """Linear, and angular about the origin."""
    turning = sum(b.x * b.vy - b.y * b.vx + b.inertia * b.spin for b in bodies)
    return sum(b.vx for b in bodies), sum(b.vy for b in bodies), turning


def footprint(motion: Motion, t: int, n: int) -> Footprint:
    solid, (x, y), heading = motion.things[n].solid, motion.position[t, n], motion.heading[t, n]
    return Footprint(x, y, solid.footprint, tuple(heading) if solid.turns else None)


def random_crowd(rng: np.random.Generator) -> list[Body]:
    """Bodies on a grid, so that none overlap, which fly at each other."""
    bodies = []
    for x in (-1.5, 0.0, 1.5):
        for y in (-1.0, 1.0):
            velocity = rng.uniform(-3, 3, 2)
            vx, vy = (float(value) for value in velocity)
            bodies.append(disc(x, y, vx, vy) if rng.random() < 0.5 else square(x, y, vx, vy))
    return bodies


def test_discs_touch_between_their_middles() -> None:
    contact = touch(Footprint(0, 0, 0.4), Footprint(0.6, 0, 0.3))
    assert contact is not None
    assert contact.normal == pytest.approx((1, 0))
    assert contact.depth == pytest.approx(0.1)
    assert contact.point == pytest.approx((0.35, 0))
    assert touch(Footprint(0, 0, 0.4), Footprint(0.7, 0, 0.3)) is None


def test_a_disc_meets_the_corner_of_a_turned_square() -> None:
    turned = Footprint(0, 0, 0.5, (math.sqrt(0.5), math.sqrt(0.5)))  # its corners are at distance 0.7071 on the axes
    contact = touch(turned, Footprint(1.0, 0, 0.4))
    assert contact is not None
    assert contact.normal == pytest.approx((1, 0))
    assert contact.depth == pytest.approx(0.4 - (1 - 0.5**0.5))
    other = touch(Footprint(1.0, 0, 0.4), turned)
    assert other is not None
    assert other.normal == pytest.approx((-1, 0))


def test_a_disc_inside_a_square_leaves_by_the_nearest_side() -> None:
    contact = touch(Footprint(0, 0, 1.0, (1.0, 0.0)), Footprint(0.2, -0.7, 0.1))
    assert contact is not None
    assert contact.normal == pytest.approx((0, -1))
    assert contact.depth == pytest.approx(0.4)


def test_squares_touch_along_the_axis_of_least_overlap() -> None:
    upright = Footprint(0, 0, 0.5, (1.0, 0.0))
    contact = touch(upright, Footprint(0.9, 0.2, 0.5, (1.0, 0.0)))
    assert contact is not None
    assert contact.normal == pytest.approx((1, 0))
    assert contact.depth == pytest.approx(0.1)
    assert contact.point == pytest.approx((0.45, 0.1))  # middle of the common rectangle
    corner_first = Footprint(1.1, 0, 0.5, (math.sqrt(0.5), math.sqrt(0.5)))
    contact = touch(upright, corner_first)
    assert contact is not None
    assert contact.depth == pytest.approx(0.5 + 0.5**0.5 - 1.1)
    assert touch(upright, Footprint(1.25, 0, 0.5, (math.sqrt(0.5), math.sqrt(0.5)))) is None


@pytest.mark.parametrize(("restitution", "expected"), [(1.0, (0.0, 2.0)), (0.0, (1.0, 1.0)), (0.5, (0.5, 1.5))])
def test_head_on_collision(restitution: float, expected: tuple[float, float]) -> None:
    pair = [disc(0, 0, 2.0), disc(0.7999, 0)]
    advance(pair, 1e-3, restitution=restitution, friction=0.3)
    assert (pair[0].vx, pair[1].vx) == pytest.approx(expected)
    assert (pair[0].vy, pair[1].vy, pair[0].spin, pair[1].spin) == pytest.approx((0, 0, 0, 0))


def test_a_square_hit_off_centre_turns() -> None:
    pair = [square(0, 0), disc(0.15, -0.699, vy=2.0)]  # from below, right of the middle
    advance(pair, 1e-6, restitution=1.0, friction=0.0)
    normal = 2 * 2.0 / (2 + 0.15**2 / (0.09 * 2 / 3))  # the impulse: (1 + e) v / (1/m + 1/m + r^2 / I)
    assert pair[0].vy == pytest.approx(normal, rel=1e-3)
    assert pair[0].spin == pytest.approx(0.15 * normal / 0.06, rel=1e-3)


def test_friction_stops_a_body_where_the_formula_says() -> None:
    body = disc(0, 0, 2.0, friction=0.5)
    for _ in range(5000):
        advance([body], 1e-3, restitution=1, friction=0)
    assert body.vx == 0
    assert body.x == pytest.approx(2.0**2 / (2 * 0.5), rel=1e-3)


def test_collisions_keep_momentum_and_never_add_energy() -> None:
    rng = np.random.default_rng(0)
    touched = 0
    for _ in range(40):
        bodies = random_crowd(rng)
        before, energy = momentum(bodies), sum(body.energy for body in bodies)
        for _ in range(400):
            touched += len(advance(bodies, 2e-3, restitution=0.8, friction=0.4))
            now = sum(body.energy for body in bodies)
            assert now <= energy * (1 + 1e-12)
            energy = now
        after = momentum(bodies)
        assert after[:2] == pytest.approx(before[:2], abs=1e-9)
        assert after[2] == pytest.approx(before[2], abs=0.02)  # parting overlaps moves bodies a little
    assert touched > 40


def test_nothing_overlaps_in_a_clip() -> None:
    collisions = 0
    for seed in range(12):
        motion = simulate(TableScene.preset("hard"), seed)
        collisions += len(motion.collisions)
        for t in range(len(motion.position)):
            footprints = [footprint(motion, t, int(n)) for n in np.flatnonzero(motion.present[t])]
            contacts = [touch(a, b) for a, b in combinations(footprints, 2)]
            assert max((contact.depth for contact in contacts if contact), default=0.0) < 0.01
    assert collisions > 20


def test_energy_falls_through_a_clip_once_everybody_is_there() -> None:
    for seed in range(8):
        motion = simulate(TableScene(entry_seconds=(-1.2, -1.0)), seed)
        energy = (motion.velocity**2).sum((1, 2))
        assert energy[0] > 0
        assert (np.diff(energy) <= 1e-12).all()  # turning cubes could only lose it too


def test_collisions_are_told_with_their_frame() -> None:
    motion = simulate(TableScene(), 3)
    assert motion.collisions
    for collision in motion.collisions:
        a, b = (motion.things[n].solid.reach for n in collision.pair)
        gap = motion.position[collision.frame, collision.pair[0]] - motion.position[collision.frame, collision.pair[1]]
        travelled = motion.velocity.max() * TableScene().frame_seconds * 2
        assert np.hypot(*gap) < a + b + travelled
