"""`TableScene`: what a table clip is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from maskreel.common.world._table.clip import TableClip

__all__ = ["TableScene"]


@dataclass(frozen=True)
class TableScene:
    """Cubes, spheres and cylinders that roll, slide and collide on a table: a stand-in for CLEVRER (Yi et al. 2020).

    One unit of length is a little more than the width of an object. Velocities grow with `speed` and decelerations with
    its square, so paths and stopping distances stay as they are: it is a time-lapse factor, entry times excepted.
    """

    size: tuple[int, int] = (160, 240)
    """Height and width of the frames in pixels, each 16 or more."""
    frames: int = 22
    """Frames of a clip."""
    frame_seconds: float = 5 / 25.6
    """Time between two frames; the default takes every fifth frame of CLEVRER's 25.6 per second."""
    speed: float = 0.9
    """Factor of all velocities."""
    objects: tuple[int, int] = (4, 6)
    """Least and most objects of a clip, each of another kind; at most 10."""
    resting: tuple[int, int] = (1, 3)
    """Least and most objects that are there from the start, at rest; the others enter."""
    entry_seconds: tuple[float, float] = (-1.2, 2.6)
    """Earliest and latest moment at which an object sets off towards the table, against the first frame."""
    velocity: tuple[float, float] = (1.6, 3.6)
    """Least and most units per second with which objects set off, times `speed`."""
    roll_friction: float = 0.12
    """Deceleration of spheres in units per second squared, times the square of `speed`."""
    slide_friction: float = 0.42
    """The same for cubes and cylinders."""
    restitution: float = 0.65
    """Speed after a head-on collision over the speed before, 0 to 1."""
    contact_friction: float = 0.3
    """Coulomb's friction coefficient between colliding objects."""
    radius: float = 0.38
    """Radius of the spheres; cubes and cylinders are of nearly the same size."""
    jitter: float = 1.0
    """How much camera and lights differ from clip to clip; 0 keeps them where they are."""

    def __post_init__(self) -> None:
        if min(self.size) < 16:
            raise ValueError(f"size must be (height, width) of 16 or more, got {self.size}")
        if self.frames < 1:
            raise ValueError(f"frames must be 1 or more, got {self.frames}")
        if not 0 < self.radius <= 0.6:
            raise ValueError(f"radius must be above 0 and at most 0.6, got {self.radius}")
        if not 0 <= self.restitution <= 1:
            raise ValueError(f"restitution must be 0 to 1, got {self.restitution}")
        for name in ("frame_seconds", "speed"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("roll_friction", "slide_friction", "contact_friction", "jitter"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name in ("objects", "resting", "entry_seconds", "velocity"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be (least, most), got {(low, high)}")
        if self.objects[0] < 0 or self.objects[1] > 10:
            raise ValueError(f"objects must be 0 to 10, got {self.objects}")
        if self.resting[0] < 0:
            raise ValueError(f"resting must be 0 or more, got {self.resting}")
        if self.velocity[0] <= 0:
            raise ValueError(f"velocity must be above 0, got {self.velocity}")

    @classmethod
    def preset(cls, difficulty: Literal["easy", "medium", "hard"], *, size: tuple[int, int] = (160, 240)) -> TableScene:
        """A scene whose objects are slow, of medium speed (the default scene), or fast and often more.

        They are told apart by how well the mask of frame 11 fits frame 22; the README has the measured statistics.
        """
        if difficulty == "easy":
            return cls(size=size, speed=0.5)
        if difficulty == "medium":
            return cls(size=size)
        if difficulty == "hard":
            return cls(size=size, speed=1.2, objects=(5, 6))
        raise ValueError(f"difficulty must be easy, medium or hard, got {difficulty!r}")

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        return Fraction(1 / self.frame_seconds).limit_denominator(1001)

    def render(self, seed: int) -> TableClip:
        """The clip of a seed with its whole truth; `frames_and_labels` and `labels` are quicker where they suffice."""
        from maskreel.common.world._table.clip import table_clip

        return table_clip(self, seed)

    def frames_and_labels(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (T, H, W, 3) RGB frames and uint8 (T, H, W) class ids, as in `render`."""
        from maskreel.common.world._table.picture import frames_and_labels

        return frames_and_labels(self, seed)

    def labels(self, seed: int) -> np.ndarray:
        """uint8 (T, H, W) class ids of a seed, as in `render`."""
        from maskreel.common.world._table.picture import labels

        return labels(self, seed)
