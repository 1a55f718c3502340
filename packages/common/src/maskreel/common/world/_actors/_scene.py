"""`ActorsScene`: articulated figures over painted places; identity, pose and background are independent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from maskreel.common.world._actors._clip import ActorsClip


@dataclass(frozen=True, kw_only=True)
class ActorsScene:
    """People who walk, wave, turn and dance, with exact truth; the same options and seeds give the same bytes.

    Who is seen, what they do and where they do it come from three seeds, so that animation (another pose) and a change
    of background have exact targets:

        scene = ActorsScene()
        source = scene.compose(1, 7, 4)     # identity 1, pose 7, background 4
        driving = scene.compose(2, 8, 4)
        target = scene.compose(1, 8, 4)     # what animating `source` by `driving` should give
        swapped = scene.compose(1, 7, 5)    # the same masks over another background
    """

    size: tuple[int, int] = (256, 256)
    """Height and width in pixels, 32 or more."""
    frames: int = 32
    """Length of a clip in frames."""
    fps: Fraction = Fraction(16)
    """Frames per second."""
    actors: int = 1
    """Number of people."""
    person_height: float | None = None
    """Height of somebody of average build in the first row, as a share of the picture's height, 0.2 to 0.85. None: each
    motion draws one, 0.70 to 0.84; then no picture tells how tall its person is in another motion."""
    camera: Literal["static", "moving"] = "static"
    """A moving camera shifts by about 2 % of the height, turns by half a degree and zooms by 1 %, smoothly."""
    shadow: bool = True
    """Whether people cast soft shadows on the floor."""
    noise: float = 0.0
    """Standard deviation of the sensor noise, grey levels, independent for every pixel, channel and frame."""

    def __post_init__(self) -> None:
        if min(self.size) < 32:
            raise ValueError(f"size must be (height, width) of 32 or more each, got {self.size}")
        if self.frames < 1:
            raise ValueError(f"frames must be 1 or more, got {self.frames}")
        if not isinstance(self.fps, Fraction):
            raise TypeError(f"fps must be a fractions.Fraction, got {self.fps!r}; 29.97 is Fraction(30000, 1001)")
        if self.fps <= 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        if not 1 <= self.actors <= 8:
            raise ValueError(f"actors must be 1 to 8, got {self.actors}")
        if self.person_height is not None and not 0.2 <= self.person_height <= 0.85:
            raise ValueError(f"person_height must be None or in [0.2, 0.85], got {self.person_height}")
        if self.camera not in ("static", "moving"):
            raise ValueError(f"camera must be 'static' or 'moving', got {self.camera!r}")
        if self.noise < 0:
            raise ValueError(f"noise must be 0 or more grey levels, got {self.noise}")

    def compose(self, identity_seed: int, pose_seed: int, background_seed: int) -> ActorsClip:
        """The clip of who does what where.

        Args:
            identity_seed: build, face, hair and clothes.
            pose_seed: moves, places on the stage, and the camera.
            background_seed: the place; with the other two it also makes the sensor noise.

        Raises:
            ValueError: a seed is negative.
        """
        from maskreel.common.world._actors._clip import make_clip

        seeds = identity_seed, pose_seed, background_seed
        if min(seeds) < 0:
            raise ValueError(f"seeds must be 0 or more, got {seeds}")
        return make_clip(self, *seeds)

    def render(self, seed: int) -> ActorsClip:
        """The clip of a seed, which gives the three of `compose`.

        Raises:
            ValueError: `seed` is negative.
        """
        import numpy as np

        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        identity, pose, background = np.random.SeedSequence([seed, 1]).generate_state(3).tolist()
        return self.compose(identity, pose, background)
