"""Several futures of a clip: what is not known for sure about its objects is drawn, and each draw is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maskreel.vfp.objects.roll_out import Bodies, simulate
from maskreel.vfp.objects.scene import NOW, Scene
from maskreel.vfp.timeline import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.table import Motion

__all__ = ["Doubt", "Futures", "draw_futures"]


@dataclass(frozen=True)
class Doubt:
    """How wide futures are drawn."""

    state: float = 1.0
    """Factor of the standard deviations of places and velocities."""
    friction: float = 0.05
    """Standard deviation of the logarithm of decelerations."""
    yaw: float = 0.05
    """Standard deviation in radians of how cubes are turned."""
    tilt: float = 0.02
    """Standard deviation in radians of the line of a push."""
    restitution: float = 0.02
    """Standard deviation."""


@dataclass(frozen=True)
class Futures:
    """K futures of N objects at the target frame."""

    places: np.ndarray
    """float64 (K, N, 2)."""
    yaw: np.ndarray
    """float64 (K, N)."""


def draw_futures(
    scenes: Sequence[Scene],
    motions: Sequence[Motion],
    counts: Sequence[int],
    rng: np.random.Generator,
    *,
    doubt: Doubt = Doubt(),
    frames: int = TARGET - NOW,
) -> Futures:
    """Draw and simulate futures, `frames` frames long.

    Args:
        scenes: The same objects, in the states that they are in with each of the motions.
        motions: Ways of moving.
        counts: How many futures of each; the first of each is drawn without doubt.
        rng: Draws.
        doubt: How wide.
        frames: How long.
    """
    parts = [_draw(*part, rng, doubt) for part in zip(scenes, motions, counts, strict=True)]
    drawn = _Draws(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    bodies = Bodies(
        drawn.places,
        drawn.velocities,
        drawn.friction,
        scenes[0].sizes,
        scenes[0].inertias,
        square=scenes[0].squares,
        yaw=drawn.yaw,
    )
    course = simulate(bodies, restitution=drawn.restitution, grip=drawn.grip, frames=frames, tilt=drawn.tilt)
    return Futures(course.places[-1], course.yaw)


class _Draws(NamedTuple):
    """What the simulation of K futures of N objects starts from."""

    places: np.ndarray
    velocities: np.ndarray
    friction: np.ndarray
    yaw: np.ndarray
    restitution: np.ndarray
    grip: np.ndarray
    tilt: np.ndarray


def _draw(scene: Scene, motion: Motion, count: int, rng: np.random.Generator, doubt: Doubt) -> _Draws:
    n, doubted = len(scene), np.arange(count) > 0

    def noise(*size: int) -> np.ndarray:
        return rng.standard_normal((count, *size)) * doubted.reshape(-1, *[1] * len(size))

    places, velocities = _starts(scene, doubt.state * noise(n, 2, 2))
    return _Draws(
        places,
        velocities,
        scene.friction * np.exp(doubt.friction * noise(n)),
        scene.yaw + doubt.yaw * noise(n),
        np.clip(motion.restitution + doubt.restitution * noise(1, 1), 0, 1),
        np.full((count, 1, 1), motion.grip),
        _symmetric(doubt.tilt * noise(n, n)),
    )


def _starts(scene: Scene, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and velocities (K, N, 2) from standard normal numbers (K, N, 2, 2), x and y first."""
    roots = np.array([_root(state.spread) for state in scene.states]).reshape(-1, 2, 2)
    moving = np.array([state.moving for state in scene.states], bool)
    off = np.einsum("nij,kndj->kndi", roots, noise)
    return scene.places + off[..., 0], scene.velocities + off[..., 1] * moving[:, None]


def _root(spread: np.ndarray) -> np.ndarray:
    """A matrix whose product with itself, transposed, is a covariance, which may be singular."""
    values, vectors = np.linalg.eigh(spread)
    return vectors * np.sqrt(np.maximum(values, 0))


def _symmetric(noise: np.ndarray) -> np.ndarray:
    upper = np.triu(noise, 1)
    return upper + upper.swapaxes(1, 2)
