"""What a training learns from and adds up, and when each network joins in; every field is a flag."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Literal

__all__ = ["ClipSettings", "LossSettings"]


@dataclass(frozen=True)
class LossSettings:
    """The published training, and what goes beyond it (off unless asked for)."""

    compare: Literal["vgg3", "vgg5", "pyramid", "random-vgg"] = "vgg3"
    """How pictures are compared: by three or five slices of VGG-19 as published; without any weights by colours and
    edges (pyramid) or by VGG-19 with random weights."""
    vgg: Path | None = None
    """Weights of VGG-19: torchvision's vgg19-dcbb9e9d.pth, or what slim_vgg made of it; by default they are downloaded
    once."""
    pictures_from: float = 0.0
    """Epoch, counted from 0, from which on L and H learn, and the swap at the earliest; before it, m learns from true
    masks only, and r, which is much quicker."""
    masks_until: float | None = None
    """Epoch, counted from 0, from which on m stays as it is; by default it always learns. Steps take less time then,
    and r and the pictures are fitted to the masks that they will get."""
    refine_from: float = 1.0
    """Epoch, counted from 0, from which on the mask refiner learns; of few videos, 100 steps count as an epoch."""
    swap_from: float = 2.0
    """Epoch, counted from 0, from which on the networks of the background swap learn."""
    mask_weight: float = 100.0
    """Weight of the mean absolute error of refined masks."""
    truth_weight: float = 0.0
    """Weight of the cross entropy between true masks and those of m and r, where videos have masks beside them, in a
    folder `masks`."""
    crossed: float | None = 0.0
    """Share of steps in which r is given the driving masks of somebody else in the same motion, as in inference, in
    place of perturbed ones of the person itself. Rendered people have such twins, videos do not; and if it is above 0,
    half of their sources are from another motion, as in inference, too. None: 0.8 for rendered people, else 0."""
    redrawn: float = 0.0
    """Share of steps in which L and H draw in the masks that r gave, as they do in inference, in place of m's."""
    consistency_weight: float = 0.0
    """Weight of the mean absolute error between the mask that H draws in and the one that m finds in its picture, so
    that limbs that fade away cost something."""
    pseudo_pairs: float = 0.0
    """Share of steps in which the swap learns whole backgrounds (inference case 2): the background is a frame of
    another video with an empty mask, the target the composite of both."""
    generated: float = 0.0
    """Share of steps in which the swap is shown the animated frame as foreground, as it is in inference, in place of
    the true one."""

    def __post_init__(self) -> None:
        for name in ("pictures_from", "refine_from", "swap_from", "mask_weight", "truth_weight", "consistency_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.masks_until is not None and self.masks_until < 0:
            raise ValueError(f"masks_until must be 0 or more, got {self.masks_until}")
        for name in ("crossed", "redrawn", "pseudo_pairs", "generated"):
            if not 0 <= (getattr(self, name) or 0) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class ClipSettings:
    """How videos are stored as small frames and drawn."""

    cache: Path | None = None
    """Where frames are kept, for other runs too; by default OUTPUT/cache."""
    fit: Literal["crop", "pad", "squash"] = "crop"
    """How frames become squares: the largest in the middle, with borders, or pressed."""
    frames: int | None = None
    """Keep only so many frames of each video, evenly spaced; by default all."""
    id_sampling: bool = False
    """A sample is an identity, the name of a video up to #, of which a video is drawn; else it is a video."""
    repeats: int = 1
    """How often one epoch goes over the videos."""

    def __post_init__(self) -> None:
        if self.frames is not None and self.frames < 2:
            raise ValueError(f"frames must be 2 or more, got {self.frames}")
        if self.repeats < 1:
            raise ValueError(f"repeats must be 1 or more, got {self.repeats}")
