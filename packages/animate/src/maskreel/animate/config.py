"""Every setting of an animation: the one source of the Python API, the flags and the record of a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["AnimateConfig", "FramingChoice", "Kind", "Motion", "Swap"]

FramingChoice = Literal["auto", "whole", "subject"]
Motion = Literal["auto", "absolute", "relative"]
Kind = Literal["auto", "same", "other"]
Swap = Literal["network", "composite"]


@dataclass(frozen=True)
class AnimateConfig:
    """Settings of `ImageAnimator`."""

    weights: str | None = None
    """What `maskreel animate train` wrote (.safetensors). None: the small network that comes with the package."""
    source_framing: FramingChoice = "auto"
    """The square of the source that the networks see. whole: all of it. subject: the subject that the mask network
    finds, with a margin. auto: whole for pictures that are nearly square, else subject."""
    driving_framing: FramingChoice = "auto"
    """The same for the driving video: one square that holds the subject in all of it."""
    motion: Motion = "auto"
    """absolute: the subject takes place and size of the driving subject in its square. relative: at the starting frame
    it stands where it is in the source and is as large, and moves from there as the driving subject does. auto:
    relative where a framing went close to a subject, since then the squares differ in scale; else absolute."""
    start: Literal["auto"] | int = "auto"
    """For relative motion only: the driving frame, counted from 0, whose pose the source is taken to have. auto: the
    one whose mask is nearest to the source's in shape, from a look at the whole driving video first."""
    smoothing: float = 0.0
    """How much edges of driving masks that tremble are held still, 0 (not at all) to below 1; edges that really move
    are followed at once."""
    kind: Kind = "auto"
    """Whether a new background that is a picture or video shows a subject of its own, to be left out. same: yes, of the
    kind that the networks know. other: no. auto: by the mask that the network finds in it."""
    swap: Swap = "composite"
    """Who puts the subject before a new background. composite: plain blending by the mask, which needs no training and
    never shows the old background. network: BGBase and BGRefine, as published; with the small weights of the package
    they are not better yet."""
    lock_background: bool = False
    """Change nothing but the subject. Without a new background: outside the subject as it was and as it now is, a
    little widened, every pixel is the source's. With swap network: outside the subject, a little widened, every pixel
    is the new background's; swap composite does so anyway. H.264 and GIF change all pixels a little: to have the very
    ones in the file, ask for lossless."""
    paste_back: bool = True
    """Give frames of the source's size, with what the networks made in its place. False: the square that they made
    alone, as large as they made it."""
    mask_border: Literal["model", "zero", "replicate"] = "model"
    """What stands in the outer 3 pixels of masks, which the mask network cannot see. zero: nothing, as published.
    replicate: what is beside them, for subjects that reach the edge. model: as the networks were trained."""
    batch: int = 8
    """Driving frames that go through the networks together. The result does not depend on it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks work; auto: on CUDA where there is a device."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Numbers that the picture networks compute with (masks are always fp32). bf16 is faster where the hardware has
    instructions for it and differs by a grey level or two; it needs the fused graph."""
    fused: bool = True
    """Run an equal but faster graph, with normalisation folded into the convolutions."""
    crf: int = 18
    """H.264 quality, 0 (best) to 51."""
    lossless: bool = False
    """Write every pixel as it was made: FFV1 in .mkv, or a folder of PNG images, which is the only one of the two that
    holds transparency; for a driving image .png."""

    def __post_init__(self) -> None:
        self._check_choices()
        if isinstance(self.start, bool) or not (self.start == "auto" or isinstance(self.start, int)):
            raise ValueError(f"start must be auto or the number of a frame, got {self.start!r}")
        if isinstance(self.start, int) and self.start < 0:
            raise ValueError(f"start must be auto or a frame counted from 0, got {self.start}")
        if self.start != "auto" and self.motion == "absolute":
            raise ValueError(f"start is where relative motion counts from, got start {self.start} with motion absolute")
        if not (math.isfinite(self.smoothing) and 0 <= self.smoothing < 1):
            raise ValueError(f"smoothing must be at least 0 and below 1, got {self.smoothing}")
        if self.precision == "bf16" and not self.fused:
            raise ValueError("precision bf16 needs the fused graph, got fused False")
        if self.batch < 1:
            raise ValueError(f"batch must be 1 or more, got {self.batch}")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be 0 to 51, got {self.crf}")

    def _check_choices(self) -> None:
        choices = {
            "source_framing": get_args(FramingChoice),
            "driving_framing": get_args(FramingChoice),
            "motion": get_args(Motion),
            "kind": get_args(Kind),
            "swap": get_args(Swap),
            "mask_border": ("model", "zero", "replicate"),
            "device": ("auto", "cpu", "cuda"),
            "precision": ("fp32", "bf16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
