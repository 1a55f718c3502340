"""Things that slide, collide and come to rest on a table, many clips or futures at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.contacts import Footprints, touch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows and columns of arrays (B, N)

__all__ = ["Bodies", "Course", "roll_out", "simulate"]

STEPS = 8
"""Per frame."""


@dataclass(frozen=True)
class Bodies:
    """N objects of equal mass in each of B clips; all arrays are of shape (B, N), or broadcast to it."""

    places: np.ndarray
    """float64 (B, N, 2)."""
    velocities: np.ndarray
    """float64 (B, N, 2), per frame."""
    friction: np.ndarray
    """Decelerations, per frame squared."""
    size: np.ndarray
    """Radius, or half the side of a square."""
    inertia: np.ndarray
    """Moments of inertia about the upright axis, for mass 1."""
    square: np.ndarray | bool = False
    """Whether it is a square on the table; the others are discs."""
    yaw: np.ndarray | float = 0.0
    """Radians by which squares are turned."""
    present: np.ndarray | bool = True
    """The others are not there."""


@dataclass(frozen=True)
class Course:
    """What happens to N objects of B clips in some frames."""

    places: np.ndarray
    """float64 (frames, B, N, 2): after each frame."""
    yaw: np.ndarray
    """float64 (B, N): in the end, in radians."""
    pushed: np.ndarray
    """bool (B, N): whether anything collided with it."""


def roll_out(
    places: np.ndarray,
    velocities: np.ndarray,
    *,
    friction: np.ndarray,
    reach: np.ndarray,
    restitution: np.ndarray | float,
    grip: np.ndarray | float,
    frames: int,
    present: np.ndarray | None = None,
    tilt: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Where discs are after each of some frames, float64 (frames, B, N, 2); see `simulate`.

    Args:
        places: float64 (B, N, 2).
        velocities: float64 (B, N, 2), per frame.
        friction: Decelerations, broadcast to (B, N).
        reach: Radii, broadcast to (B, N).
        restitution: 0 to 1, broadcast to (B, 1, 1).
        grip: Friction coefficient between objects, broadcast to (B, 1, 1).
        frames: How long.
        present: bool (B, N): the others are not there.
        tilt: Radians by which the line between two middles is turned, (B, N, N) and symmetric in the objects, or a
            number: for things that are not quite discs.
    """
    there = True if present is None else present
    bodies = Bodies(places, velocities, friction, reach, np.asarray(reach) ** 2 / 2, present=there)
    return simulate(bodies, restitution=restitution, grip=grip, frames=frames, tilt=tilt).places


def simulate(
    bodies: Bodies,
    *,
    restitution: np.ndarray | float,
    grip: np.ndarray | float,
    frames: int,
    tilt: np.ndarray | float = 0.0,
    steps: int = STEPS,
) -> Course:
    """Let things move for some frames.

    Friction with the table slows everything evenly; those that overlap part and exchange an impulse along the line
    across which they overlap least, with restitution, and one across it with Coulomb friction, which makes them spin
    (Baraff 1997, "An Introduction to Physically Based Modeling", part II).

    Args:
        bodies: What moves.
        restitution: 0 to 1, broadcast to (B, 1, 1).
        grip: Friction coefficient between objects, broadcast to (B, 1, 1).
        frames: How long.
        tilt: Radians by which the lines of pushes are turned, broadcast to (B, N, N), symmetric in the objects.
        steps: Per frame.
    """
    crowd = _Crowd(bodies, restitution, grip, tilt, steps)
    path = np.empty((frames, *bodies.places.shape))
    for frame in range(frames):
        for _ in range(steps):
            crowd.slide()
            crowd.collide()
        path[frame, ..., 0], path[frame, ..., 1] = crowd.places.real, crowd.places.imag
    return Course(path, np.angle(crowd.heading), crowd.pushed)


class _Crowd:
    """Bodies on their way; x and y are the real and the imaginary part of complex numbers."""

    def __init__(
        self,
        bodies: Bodies,
        restitution: np.ndarray | float,
        grip: np.ndarray | float,
        tilt: np.ndarray | float,
        steps: int,
    ) -> None:
        shape = bodies.places.shape[:2]
        self.places: NDArray[np.complex128] = bodies.places[..., 0] + 1j * bodies.places[..., 1]
        self.heading: NDArray[np.complex128] = np.exp(1j * np.broadcast_to(bodies.yaw, shape))
        self.pushed = np.zeros(shape, bool)
        self._velocity: NDArray[np.complex128] = bodies.velocities[..., 0] + 1j * bodies.velocities[..., 1]
        self._spin = np.zeros(shape)
        self._spins = False
        self._size, self._inertia = np.broadcast_to(bodies.size, shape), np.broadcast_to(bodies.inertia, shape)
        self._square = np.broadcast_to(bodies.square, shape)
        self._slower = np.broadcast_to(np.asarray(bodies.friction, float) / steps, shape)
        self._seconds = 1 / steps
        reach = np.where(self._square, self._size * 2**0.5, self._size)
        # Torque of a disc that spins on its base: 2/3 of friction times radius.
        self._spin_slower = 2 / 3 * self._slower * reach / self._inertia
        self._first, self._second = np.triu_indices(shape[1], 1)
        there = np.broadcast_to(bodies.present, shape)
        both = there[:, self._first] & there[:, self._second]
        self._near = np.where(both, (reach[:, self._first] + reach[:, self._second]) ** 2, -1.0)
        pairs = (shape[0], shape[1], shape[1])
        self._restitution, self._grip = np.broadcast_to(restitution, pairs), np.broadcast_to(grip, pairs)
        self._tilt = None if np.isscalar(tilt) and not tilt else np.broadcast_to(tilt, pairs)

    def slide(self) -> None:
        speed = abs(self._velocity)
        self._velocity *= np.maximum(speed - self._slower, 0) / np.maximum(speed, 1e-12)
        self.places += self._velocity * self._seconds
        if self._spins:
            left = np.maximum(abs(self._spin) - self._spin_slower, 0)
            self._spin = np.copysign(left, self._spin)
            self.heading *= np.exp(1j * self._seconds * self._spin)

    def collide(self) -> None:
        apart = self.places[:, self._second] - self.places[:, self._first]
        row, pair = np.nonzero(apart.real**2 + apart.imag**2 < self._near)
        if len(row):
            self._push((row, self._first[pair]), (row, self._second[pair]), apart[row, pair])

    def _push(self, one: Pairs, other: Pairs, apart: NDArray[np.complex128]) -> None:
        found = touch(self._footprints(one), self._footprints(other), apart)
        meet = np.flatnonzero(found.depth > 0)
        if not len(meet):
            return
        one, other = (one[0][meet], one[1][meet]), (other[0][meet], other[1][meet])
        self.pushed[one] = self.pushed[other] = True
        normal, arm = found.normal[meet], found.point[meet]
        pair = (one[0], one[1], other[1])
        if self._tilt is not None:
            normal = normal * np.exp(1j * self._tilt[pair])
        share = normal * found.depth[meet] / 2
        np.add.at(self.places, one, -share)
        np.add.at(self.places, other, share)
        self._exchange(one, other, normal, arm, arm - apart[meet], self._restitution[pair], self._grip[pair])

    def _exchange(
        self,
        one: Pairs,
        other: Pairs,
        normal: NDArray[np.complex128],
        arm: NDArray[np.complex128],
        other_arm: NDArray[np.complex128],
        restitution: np.ndarray,
        grip: np.ndarray,
    ) -> None:
        """Impulses between pairs that approach, at points that are `arm` and `other_arm` from their middles."""
        relative = self._velocity[other] - self._velocity[one]
        relative += 1j * (self._spin[other] * other_arm - self._spin[one] * arm)
        inertia, other_inertia = self._inertia[one], self._inertia[other]
        approach = np.minimum(_dot(relative, normal), 0)
        lever, other_lever = _cross(arm, normal), _cross(other_arm, normal)
        impulse = -(1 + restitution) * approach / (2 + lever**2 / inertia + other_lever**2 / other_inertia)
        # The second impulse goes by the speeds after the first: each by itself can only take energy.
        push = impulse * normal
        relative += 2 * push + 1j * impulse * (other_lever / other_inertia * other_arm + lever / inertia * arm)
        across = 1j * normal
        twist, other_twist = _cross(arm, across), _cross(other_arm, across)
        stop = -_dot(relative, across) / (2 + twist**2 / inertia + other_twist**2 / other_inertia)
        drag = np.clip(stop, -grip * impulse, grip * impulse)
        push = push + drag * across
        np.add.at(self._velocity, one, -push)
        np.add.at(self._velocity, other, push)
        np.add.at(self._spin, one, -(lever * impulse + twist * drag) / inertia)
        np.add.at(self._spin, other, (other_lever * impulse + other_twist * drag) / other_inertia)
        self._spins = True

    def _footprints(self, who: Pairs) -> Footprints:
        return Footprints(self._size[who], self._square[who], self.heading[who])


def _dot(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> np.ndarray:
    return a.real * b.real + a.imag * b.imag


def _cross(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> np.ndarray:
    return a.real * b.imag - a.imag * b.real
