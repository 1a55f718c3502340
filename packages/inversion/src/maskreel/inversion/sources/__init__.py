"""Masks in: from DAVIS, PNG files, mask videos, COCO, arrays and the vfp data set, all as `MaskSequence`."""

from maskreel.inversion.sources._classes import ClassWords, coco_class, read_classes
from maskreel.inversion.sources._coco import NO_CLASS, CocoSequence
from maskreel.inversion.sources._davis import Resolution, Year, davis_sequences
from maskreel.inversion.sources._open import open_masks
from maskreel.inversion.sources._sequence import MaskFrame, MaskSequence

__all__ = [
    "NO_CLASS",
    "ClassWords",
    "CocoSequence",
    "MaskFrame",
    "MaskSequence",
    "Resolution",
    "Year",
    "coco_class",
    "davis_sequences",
    "open_masks",
    "read_classes",
]
