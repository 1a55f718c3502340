"""What a Mask R-CNN is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_TILES = 8


@dataclass(frozen=True)
class MaskRCNNSettings:
    """The terms of a Mask R-CNN and how its mask targets are made.

    Raises:
        ValueError: A number is out of range, or no mask supervision is left.
    """

    coarse: bool = True
    """Compare the masks of whole objects with what the mask head says in their boxes, at its 14x14 or 28x28 pixels."""
    tiles: int = 1
    """Also cut the boxes of objects larger than the head's mask into this many overlapping parts per axis, each with a
    mask of its own; 1: no parts. A perfect 14x14 or 28x28 mask has an IoU of 0.82 or 0.92 with real outlines."""
    targets: Literal["soft", "thresholded"] = "soft"
    """The head's target: the share of each of its pixels that is covered, or, as detectron2 trains, whether it is half
    or more."""
    class_agnostic: bool = False
    """Take every object for the class that the box head finds likeliest at its box, whatever its label."""
    class_term: bool = True
    """Ask the box head for the class at the objects' boxes."""
    background_term: bool = True
    """Ask the box head for the background at random boxes without objects."""
    objectness_term: bool = True
    """Ask the proposal network for the objects and for nothing else."""
    background_boxes: int = 4
    """Random boxes per image, at most."""

    def __post_init__(self) -> None:
        if not 1 <= self.tiles <= MAX_TILES:
            raise ValueError(f"tiles must be 1 to {MAX_TILES}, got {self.tiles}")
        if not self.coarse and self.tiles == 1:
            raise ValueError("tiles must be 2 or more without coarse masks, got 1")
        if self.targets not in ("soft", "thresholded"):
            raise ValueError(f"targets must be soft or thresholded, got {self.targets!r}")
        if self.background_boxes < 1:
            raise ValueError(f"background_boxes must be 1 or more, got {self.background_boxes}")
