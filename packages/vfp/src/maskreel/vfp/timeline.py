"""The task in numbers: 11 frames are given, the mask of frame 22 is asked for."""

from __future__ import annotations

__all__ = ["CLASSES", "FRAMES", "OBSERVED", "SIZE", "TARGET"]

FRAMES = 22
"""Frames of a clip."""
OBSERVED = 11
"""Frames that a forecaster is given: 0 to 10."""
TARGET = 21
"""The frame, counted from 0, whose mask is asked for and scored."""
CLASSES = 49
"""Class ids: 0 is the background, 1 to 48 are those of `maskreel.common.world.OBJECT_CLASSES`."""
SIZE = (160, 240)
"""Height and width of the data set's frames, and of everything that comes with this package."""
