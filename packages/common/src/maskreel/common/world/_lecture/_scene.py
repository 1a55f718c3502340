"""`LectureScene`: somebody walks, talks and writes before a board that fills."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from maskreel.common.world._lecture._clip import LectureClip
    from maskreel.common.world._lecture._take import LectureTake


@dataclass(frozen=True, kw_only=True)
class LectureScene:
    """A lecture with exact truth; the same options and seed give the same bytes.

    A stroke is in the plate from the moment the pen draws it. The pen runs along the leading edge of the lecturer's
    outline and his arm and body follow, so most strokes are hidden by him when they first exist and are seen only after
    he has walked on: the past of a hidden pixel shows an older board than the truth, its future a true one.
    Every pixel of the board is seen after it was last written on (for 4.8 s or more in lectures of 20 and 50 s,
    measured for seeds 0 to 5), unless `never_seen`.

        clip = LectureScene(camera="handheld").render(3)    # some frames with all truth, in memory
        take = LectureScene(seconds=600).open(3)            # frame by frame, in bounded memory
        for t in range(take.frame_count):
            shot = take.render(t)                           # shot.frame, shot.plate, shot.mask
    """

    size: tuple[int, int] = (360, 640)
    """Height and width in pixels; width / height between 1.3 and 2.4, height of 64 or more."""
    seconds: float = 50.0
    """Length of the whole lecture; 4 or more. About 45 s fill the board, then he walks and talks on."""
    fps: Fraction = Fraction(10)
    """Frames per second."""
    frames: int | None = 32
    """Length of a rendered clip in frames: a part of the lecture, at a place that the seed chooses. None: all of it."""
    camera: Literal["static", "handheld"] = "static"
    """A hand-held camera moves smoothly within 4 px (at 360 px height), 0.3 degrees and 0.5 % of zoom."""
    board: Literal["white", "green"] = "white"
    """White board with markers or green board with chalk."""
    noise: float = 2.0
    """Standard deviation of the sensor noise, grey levels, independent for every pixel, channel and frame."""
    exposure_drift: float = 0.0
    """Largest slow change of brightness, as a fraction; it is in the plate too."""
    shadow: bool = False
    """Whether the lecturer casts a soft shadow on the wall and the board."""
    never_seen: bool = False
    """Whether he stays at one place, so that a part of the board is never seen."""

    def __post_init__(self) -> None:
        height, width = self.size
        if height < 64 or not 1.3 <= width / height <= 2.4:
            raise ValueError(
                f"size must be (height, width) with height >= 64 and width/height 1.3 to 2.4, got {self.size}"
            )
        if self.seconds < 4:
            raise ValueError(f"seconds must be 4 or more, got {self.seconds}")
        if not isinstance(self.fps, Fraction):
            raise TypeError(f"fps must be a fractions.Fraction, got {self.fps!r}; 29.97 is Fraction(30000, 1001)")
        if self.fps <= 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        if self.frames is not None and not 1 <= self.frames <= self.frame_count:
            raise ValueError(
                f"frames must be None or 1 to {self.frame_count} (seconds * fps) for a lecture of {self.seconds} s, "
                f"got {self.frames}"
            )
        if self.camera not in ("static", "handheld"):
            raise ValueError(f"camera must be 'static' or 'handheld', got {self.camera!r}")
        if self.board not in ("white", "green"):
            raise ValueError(f"board must be 'white' or 'green', got {self.board!r}")
        if self.noise < 0 or not 0 <= self.exposure_drift < 1:
            raise ValueError(
                f"noise must be >= 0 and exposure_drift in [0, 1), got {self.noise}, {self.exposure_drift}"
            )

    @property
    def frame_count(self) -> int:
        """Number of frames of the whole lecture."""
        return round(self.seconds * float(self.fps))

    def open(self, seed: int) -> LectureTake:
        """The lecture of a seed, to be asked for single frames in any order.

        Raises:
            ValueError: `seed` is negative.
        """
        from maskreel.common.world._lecture._take import LectureTake  # brings OpenCV

        return LectureTake(self, seed)

    def render(self, seed: int) -> LectureClip:
        """`frames` frames of the lecture of a seed, with all truth.

        Raises:
            ValueError: `seed` is negative.
        """
        take = self.open(seed)
        return take.clip(*take.choose(self.frames))
