"""The classes of the table scene and of the vfp data set as names: background and 48 kinds of object."""

from __future__ import annotations

from maskreel.common.world import OBJECT_CLASSES

SHAPES_CLASS_NAMES = ("background", *map(str, OBJECT_CLASSES))
"""Position = class id: 0 the background, then shape * 16 + material * 8 + colour + 1."""
