"""`MaskWindowConfig`: how clips become training samples."""

from __future__ import annotations

from dataclasses import dataclass

from maskreel.vfp.timeline import FRAMES, OBSERVED

__all__ = ["MaskWindowConfig"]


@dataclass(frozen=True)
class MaskWindowConfig:
    """How clips are cut into windows, and how these are varied. The faults are made in the observed frames only."""

    ahead: int = FRAMES - OBSERVED
    """Frames of a window after the 11 observed ones."""
    strides: tuple[int, ...] = (1,)
    """Frames from one of a window to the next; of several that fit into the clip, one is drawn."""
    mirror: bool = True
    """Exchange left and right half of the times."""
    drop: float = 0.02
    """Chance that an object is missing in a frame."""
    ragged: float = 0.3
    """Chance that an object in a frame is displaced by a pixel, as by uncertain edges."""
    confuse: float = 0.005
    """Chance that an object in a frame is taken for one of another class."""

    def __post_init__(self) -> None:
        if self.ahead < 1:
            raise ValueError(f"ahead must be 1 or more, got {self.ahead}")
        if not self.strides or min(self.strides) < 1:
            raise ValueError(f"strides must be numbers of 1 or more, got {self.strides}")
        for name in ("drop", "ragged", "confuse"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a probability from 0 to 1, got {getattr(self, name)}")
