"""`Clip`: the value that travels between files and pipelines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, repr=False)
class Clip:
    """Consecutive frames of one video, in memory.

    Indexing with a slice gives a Clip of those frames, with the right start time.
    """

    frames: torch.Tensor
    """uint8 (T, 3, H, W), RGB, values 0 to 255."""
    fps: Fraction
    """Frames per second; the average where the rate varies."""
    start: Fraction = Fraction(0)
    """Seconds from the start of the video to the first frame."""
    timestamps: tuple[Fraction, ...] | None = None
    """Seconds of every frame where the frame rate varies; None means `start + i / fps`."""

    def __post_init__(self) -> None:
        got = self.frames.dtype if isinstance(self.frames, torch.Tensor) else type(self.frames).__name__
        if got != torch.uint8:
            raise TypeError(f"frames must be a torch.uint8 tensor, got {got}")
        if self.frames.ndim != 4 or self.frames.shape[1] != 3 or 0 in self.frames.shape[2:]:
            raise ValueError(f"frames must have shape (T, 3, H, W), got {tuple(self.frames.shape)}")
        if not isinstance(self.fps, Fraction):
            raise TypeError(f"fps must be a fractions.Fraction, got {self.fps!r}; 29.97 is Fraction(30000, 1001)")
        if self.fps <= 0:
            raise ValueError(f"fps must be positive, got {self.fps}")
        if self.timestamps is not None and len(self.timestamps) != len(self.frames):
            raise ValueError(f"timestamps must name {len(self.frames)} frames, got {len(self.timestamps)}")

    @classmethod
    def from_numpy(
        cls,
        frames: np.ndarray,
        fps: Fraction,
        start: Fraction = Fraction(0),
        timestamps: tuple[Fraction, ...] | None = None,
    ) -> Clip:
        """Wrap uint8 (T, H, W, 3) RGB without a copy."""
        return cls(torch.from_numpy(frames).permute(0, 3, 1, 2), fps, start, timestamps)

    def numpy(self) -> np.ndarray:
        """The frames as uint8 (T, H, W, 3) RGB; shares memory with clips that came from a file."""
        return self.frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.frames.shape[2], self.frames.shape[3]

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Seconds of every frame."""
        return self.timestamps or tuple(self.start + i / self.fps for i in range(len(self)))

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last, taken to last 1 / fps."""
        return self.times[-1] - self.times[0] + 1 / self.fps if len(self) else Fraction(0)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: slice) -> Clip:
        if not isinstance(index, slice):
            raise TypeError(f"index a Clip with a slice, or its .frames with a number; got {index!r}")
        if index.step not in (None, 1):
            raise ValueError(f"a Clip holds consecutive frames, so the step must be 1, got {index.step}")
        times = self.times[index]
        return replace(
            self,
            frames=self.frames[index],
            start=times[0] if times else self.start,
            timestamps=times if self.timestamps is not None else None,
        )

    def __repr__(self) -> str:
        height, width = self.size
        return f"Clip({len(self)} frames of {height}x{width}, {self.fps} fps, from {float(self.start):.3f} s)"
