"""Settings of views, statistics and teachers: plain values, flags of the command line, read without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

import tyro

__all__ = ["AugmentSettings", "MaskRCNNSettings", "StatisticsSettings"]

MAX_TILES = 8


@dataclass(frozen=True)
class AugmentSettings:
    """How views of an image differ from it; by default not at all."""

    jitter: int = 0
    """Largest shift in pixels, down or up and to either side."""
    flip: float = 0.0
    """Chance of a mirror image."""
    brightness: float = 0.0
    """Standard deviation of what is added to all pixels, which are in [0, 1]."""
    contrast: float = 0.0
    """Standard deviation of the relative change of the distances to the mean of the image."""
    noise: float = 0.0
    """Standard deviation of what is added to each value of each pixel."""
    erase: int = 0
    """Rectangles of one colour that hide a part of the image."""
    erase_size: float = 0.25
    """Largest height and width of such a rectangle, as a share of the image's; the smallest is half of it."""

    def __post_init__(self) -> None:
        if self.jitter < 0 or self.erase < 0:
            raise ValueError(f"jitter and erase must be 0 or more, got {self.jitter} and {self.erase}")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip must be a chance in [0, 1], got {self.flip}")
        for name in ("brightness", "contrast", "noise"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        if not 0 < self.erase_size <= 1:
            raise ValueError(f"erase_size must be in (0, 1], got {self.erase_size}")

    def scaled(self, factor: float) -> Self:
        """For images of `factor` times the size: the shift in pixels changes, all else is relative."""
        return replace(self, jitter=round(self.jitter * factor))


@dataclass(frozen=True)
class StatisticsSettings:
    """How far the statistics of images are from those of a network.

    Raises:
        ValueError: A value is out of range, or `first` and `share` are both given.
    """

    form: Annotated[Literal["normalised", "published"], tyro.conf.arg(name="bn-form")] = "normalised"
    """normalised: mean over the layers of a distance without units, near 1 for one real image. published:
    DeepInversion's sum over the layers of ||mean - stored mean|| + ||variance - stored variance||."""
    norm: Annotated[Literal[1, 2], tyro.conf.arg(name="bn-norm")] = 2
    """p of the norm over the channels of a layer."""
    first_multiplier: Annotated[float, tyro.conf.arg(name="bn-first-multiplier")] = 1.0
    """Weight of the first layer; all others have 1. DeepInversion has 10."""
    variance_weight: Annotated[float, tyro.conf.arg(name="bn-variance-weight")] = 1.0
    """Weight of the variances against the means."""
    per_image: Annotated[bool, tyro.conf.arg(name="bn-per-image")] = False
    """Compare every image by itself instead of the whole batch; the loss is then one value per image."""
    first: Annotated[int | None, tyro.conf.arg(name="bn-first")] = None
    """Only the first so many layers."""
    share: Annotated[float, tyro.conf.arg(name="bn-share")] = 1.0
    """Only this share of the layers, from the first on."""
    names: Annotated[tuple[str, ...], tyro.conf.arg(name="bn-layers")] = ()
    """Only layers with these names; * stands for any characters. None given: all."""

    def __post_init__(self) -> None:
        if self.form not in ("normalised", "published"):
            raise ValueError(f"form must be normalised or published, got {self.form!r}")
        if self.norm not in (1, 2):
            raise ValueError(f"norm must be 1 or 2, got {self.norm}")
        for name in ("first_multiplier", "variance_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.first is not None and self.first < 1:
            raise ValueError(f"first must be 1 or more layers, got {self.first}")
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {self.share}")
        if self.first is not None and self.share != 1:
            raise ValueError(f"give first or share, not both, got first = {self.first} and share = {self.share}")


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
    targets: Annotated[Literal["soft", "thresholded"], tyro.conf.arg(name="mask-targets")] = "soft"
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
