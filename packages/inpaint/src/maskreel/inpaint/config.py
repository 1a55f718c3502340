"""Every setting of an inpainting job: the one source of the Python API, the flags and the record of a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from maskreel.inpaint.hole_fill import FillMethod
from maskreel.inpaint.survey import Mode
from maskreel.inpaint.temporal_fill import Reveal

__all__ = ["InpaintConfig", "SegmenterName"]

SegmenterName = Literal["motion", "torchvision-deeplabv3", "torchvision-fcn"]


@dataclass(frozen=True)
class InpaintConfig:
    """Settings of `VideoInpainter`. Lengths are in pixels of the source."""

    mode: Literal["auto"] | Mode = "auto"
    """How holes are filled. static: from the same pixel at another moment. registered: the same after frames are laid
    over each other. flow: along optical flow. auto: chosen per shot by looking at the camera."""
    segmenter: SegmenterName = "motion"
    """Who marks what shall go, unless masks are given. motion: whatever moves before a static or gently moving camera;
    needs no weights. The others: people, by torchvision's networks."""
    reveal: Reveal = "auto"
    """Which moment a covered pixel is copied from. auto: past and future fade into each other, and where they differ
    the future shows. future suits boards, past suits scenes that get littered, nearest suits slow changes of light."""
    fill: FillMethod = "telea"
    """How pixels that no frame shows are painted: telea (fast marching) or ns (Navier-Stokes)."""
    analysis_fps: float | None = None
    """Segment this many frames per second and take the union of neighbours between; the rate of the output stays. None:
    every frame for motion, 5 for the networks."""
    dilation: float | None = None
    """Pixels that masks grow by. None: 1 % of the height, 0.5 % for given masks."""
    shadow_margin: float | None = None
    """Pixels that masks grow by further down and sideways. None: 0.5 % of the height, 0 for given masks."""
    temporal_union: int | None = None
    """Frames before and after whose masks are added. None: 1, 0 for given masks."""
    min_size: float = 0.015
    """Smallest thing that counts as moving, as a fraction of the height: things of less than its square are left
    alone."""
    sensitivity: float = 1.0
    """Above 1, motion is marked at smaller differences from the background; below 1, at larger ones."""
    feather: float = 2.0
    """Width of the soft edge outside the mask. Beyond it, pixels stay bit-identical."""
    keep: tuple[str, ...] = ()
    """Regions never to touch: rectangles x0,y0,x1,y1 or mask images."""
    remove: tuple[str, ...] = ()
    """Regions to remove in every frame, for example a logo: rectangles x0,y0,x1,y1 or mask images."""
    iterations: int = 10
    """flow: how many key frames at most are painted to fill what no frame shows."""
    threshold: float = 3.0
    """flow: pixels by which forward and backward flow may disagree."""
    crf: int = 18
    """H.264 quality, 0 (best) to 51."""
    lossless: bool = False
    """Write FFV1 in .mkv: every pixel outside the masks is the decoded source's."""

    def __post_init__(self) -> None:
        choices = {
            "mode": ("auto", *get_args(Mode)),
            "segmenter": get_args(SegmenterName),
            "reveal": get_args(Reveal),
            "fill": get_args(FillMethod),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
        for name in ("dilation", "shadow_margin", "temporal_union", "min_size", "feather", "iterations"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        for name in ("analysis_fps", "sensitivity", "threshold"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be 0 to 51, got {self.crf}")
