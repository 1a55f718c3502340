"""Rigid bodies that slide, roll and collide on the floor, seen from above.

Time goes in small steps. In each, friction with the floor slows every body, bodies move, and those that overlap push
each other: an impulse along the contact's normal with restitution, and one across it with Coulomb friction, which also
makes them spin (Baraff 1997, "An Introduction to Physically Based Modeling", part II). Both are equal and opposite, so
momentum is kept, and neither adds energy. Python floats and only +, -, *, / and square roots: the same bits everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from maskreel.common.world._table.contacts import Contact, Footprint, Point, touch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Body", "advance"]

_SOLVER_ROUNDS = 6


@dataclass
class Body:
    """A body of mass 1, and how it moves."""

    x: float
    y: float
    vx: float
    vy: float
    size: float
    """Radius of its disc, or half the side of its square."""
    reach: float
    """Radius of the disc around it."""
    inertia: float
    deceleration: float
    """By friction with the floor, units per second squared."""
    heading: tuple[float, float] | None = None
    """Direction of one side, of length 1; None for a disc, whose turning cannot be seen."""
    spin: float = 0.0
    """Radians per second, counter-clockwise from above."""

    @property
    def footprint(self) -> Footprint:
        return Footprint(self.x, self.y, self.size, self.heading)

    @property
    def energy(self) -> float:
        return (self.vx * self.vx + self.vy * self.vy + self.inertia * self.spin * self.spin) / 2


def advance(bodies: list[Body], seconds: float, *, restitution: float, friction: float) -> set[tuple[int, int]]:
    """Move `bodies` on by one small step, in place, and return the pairs that pushed each other.

    Args:
        bodies: All that are on the table.
        seconds: Length of the step; nobody may move more than a small part of his size in it.
        restitution: Speed after a head-on collision over speed before it, 0 to 1.
        friction: Coulomb's coefficient between two bodies.
    """
    for body in bodies:
        _slide(body, seconds)
    pushed: set[tuple[int, int]] = set()
    for _ in range(_SOLVER_ROUNDS):
        found = [
            (i, j, contact)
            for i, j, contact in _contacts(bodies)
            if _push(bodies[i], bodies[j], contact, restitution, friction)
        ]
        if not found:
            break
        pushed |= {(i, j) for i, j, _ in found}
    return pushed


def _slide(body: Body, seconds: float) -> None:
    speed = (body.vx * body.vx + body.vy * body.vy) ** 0.5
    left = max(speed - body.deceleration * seconds, 0.0)
    scale = left / speed if speed else 0.0
    body.vx, body.vy = body.vx * scale, body.vy * scale
    body.x, body.y = body.x + body.vx * seconds, body.y + body.vy * seconds
    # A disc that spins on its base: torque 2/3 of friction times radius.
    slower = 2 / 3 * body.deceleration * body.reach / body.inertia * seconds
    body.spin = max(abs(body.spin) - slower, 0.0) * (1 if body.spin > 0 else -1)
    if body.heading is not None and body.spin:
        body.heading = _turn(body.heading, body.spin * seconds)


def _turn(heading: tuple[float, float], angle: float) -> tuple[float, float]:
    """For small angles, and without a sine: those differ from machine to machine in the last bit."""
    cosine, sine = heading[0] - angle * heading[1], heading[1] + angle * heading[0]
    length = (cosine * cosine + sine * sine) ** 0.5
    return cosine / length, sine / length


def _contacts(bodies: list[Body]) -> Iterator[tuple[int, int, Contact]]:
    for i, j in combinations(range(len(bodies)), 2):
        a, b = bodies[i], bodies[j]
        dx, dy, reach = b.x - a.x, b.y - a.y, a.reach + b.reach
        if dx * dx + dy * dy < reach * reach and (contact := touch(a.footprint, b.footprint)) is not None:
            yield i, j, contact


def _push(a: Body, b: Body, contact: Contact, restitution: float, friction: float) -> bool:
    """Part two bodies and exchange impulses if they approach; whether there was anything to do."""
    (nx, ny), share = contact.normal, contact.depth / 2
    a.x, a.y, b.x, b.y = a.x - nx * share, a.y - ny * share, b.x + nx * share, b.y + ny * share
    normal, across = _Exchange(a, b, contact, (nx, ny)), _Exchange(a, b, contact, (-ny, nx))
    approach = normal.speed()
    if approach >= 0:
        return contact.depth > 1e-9
    impulse = -(1 + restitution) * approach / normal.response
    normal.apply(impulse)
    # After the normal impulse, which changes this speed too: each of the two by itself can only take energy.
    stop = -across.speed() / across.response
    across.apply(min(max(stop, -friction * impulse), friction * impulse))
    return True


class _Exchange:
    """Impulses between two bodies at a contact, along one axis."""

    def __init__(self, a: Body, b: Body, contact: Contact, axis: Point) -> None:
        self._a, self._b, self._axis = a, b, axis
        self._turn_a, self._turn_b = (
            (contact.point[0] - body.x) * axis[1] - (contact.point[1] - body.y) * axis[0] for body in (a, b)
        )
        self.response = 2 + self._turn_a * self._turn_a / a.inertia + self._turn_b * self._turn_b / b.inertia
        """Change of `speed` for an impulse of 1."""

    def speed(self) -> float:
        """Velocity of b's side of the contact against a's."""
        a, b, (x, y) = self._a, self._b, self._axis
        return (b.vx - a.vx) * x + (b.vy - a.vy) * y + b.spin * self._turn_b - a.spin * self._turn_a

    def apply(self, impulse: float) -> None:
        """On b, and its opposite on a."""
        for body, turn, push in ((self._a, self._turn_a, -impulse), (self._b, self._turn_b, impulse)):
            body.vx, body.vy = body.vx + push * self._axis[0], body.vy + push * self._axis[1]
            body.spin += push * turn / body.inertia
