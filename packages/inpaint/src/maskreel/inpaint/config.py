"""Every setting of an inpainting job: the one source of the Python API, the flags and the record of a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from maskreel.inpaint._device import Device
from maskreel.inpaint.flow.hole_links import Rule
from maskreel.inpaint.painting.seam import Seam
from maskreel.inpaint.scene.survey import Mode
from maskreel.inpaint.scene.temporal_fill import Reveal

__all__ = ["Completion", "Fill", "Flow", "InpaintConfig", "SegmenterName"]

SegmenterName = Literal["motion", "torchvision-deeplabv3", "torchvision-fcn", "deeplabv3", "fcn"]
Flow = Literal["dis", "raft", "flownet2"]
Completion = Literal["auto", "background", "laplace", "dfc"]
Fill = Literal["patches", "small", "telea", "ns", "deepfill", "lama"]

_WEIGHTS_NEEDED = {"segmenter": ("deeplabv3", "fcn"), "flow": ("flownet2",), "fill": ("deepfill", "lama")}
_WEIGHTS_ALLOWED = {
    "segmenter": ("torchvision-deeplabv3", "torchvision-fcn", "deeplabv3", "fcn"),
    "flow": ("raft", "flownet2"),
    "fill": ("patches", "small", "deepfill", "lama"),
}
_CONFIG_ALLOWED = {"segmenter": ("deeplabv3", "fcn"), "flow": ("flownet2",)}


@dataclass(frozen=True)
class InpaintConfig:
    """Settings of `VideoInpainter`. Lengths are in pixels of the source."""

    mode: Literal["auto", "dfc"] | Mode = "auto"
    """How holes are filled. static: from the same pixel at another moment. registered: the same after frames are laid
    over each other. flow: along optical flow. auto: chosen per shot by looking at the camera and, if that leaves a
    doubt, by trial. dfc: along flow that DFC-Net completes, by the published propagation."""
    segmenter: SegmenterName = "motion"
    """Who marks what shall go, unless masks are given. motion: whatever moves before a static or gently moving camera;
    needs no weights. The others: people, by networks of torchvision, or of OpenMMLab (deeplabv3 and fcn)."""
    segmenter_weights: str | None = None
    """The path of a file with weights for the network. None: for networks of torchvision, those that it publishes;
    deeplabv3 and fcn need a file, a checkpoint of mmsegmentation."""
    segmenter_config: str | None = None
    """deeplabv3, fcn: which network of mmsegmentation the weights are for: the name of a configuration that it brings,
    as deeplabv3_r101-d8_4xb4-40k_voc12aug-512x512, or the path of one, which is read without running it. None: the one
    with ResNet-50 for the 21 classes of Pascal VOC."""
    reveal: Reveal = "auto"
    """Which moment a covered pixel is copied from. auto: past and future fade into each other, and where they differ
    the future shows. future suits boards, past suits scenes that get littered, nearest suits slow changes of light."""
    flow: Flow = "dis"
    """Who measures optical flow: dis (OpenCV, no weights), raft (torchvision) or flownet2 (OpenMMLab)."""
    flow_weights: str | None = None
    """The path of a file with weights for the network. None: for raft, those that torchvision publishes for the large
    network; flownet2 needs a file, a checkpoint of mmflow or NVIDIA's."""
    flow_config: str | None = None
    """flownet2: which network of mmflow the weights are for: flownet2-css, flownet2-cs, flownet2-sd, flownet2-css-sd,
    the name of a configuration that mmflow brings, or the path of one, which is read without running it. None: FlowNet2
    as published."""
    completion: Completion | None = None
    """How flow behind holes is found. background: by the motion of the whole background. laplace: smoothly from the
    border. dfc: by DFC-Net. auto: whichever is right where flow is known. None: auto, and dfc in mode dfc."""
    dfc_weights: tuple[str, ...] = ()
    """One file of train-dfc (cascade.safetensors), or published files for one, two or three stages of DFC-Net, in
    order. None given: the small network that comes with the package."""
    propagation: Rule | None = None
    """Which source a pixel is copied from. ours: at fractions of pixels, seen before painted. published: as Xu et al.
    (2019), nearest in time, whole pixels. None: ours, and published in mode dfc."""
    fill: Fill = "patches"
    """How pixels that no frame shows are painted: small (a network that comes with the package; quick, but blurred),
    patches (small, then everything from patches of the picture that look like it), telea (fast marching), ns
    (Navier-Stokes), deepfill or lama."""
    fill_weights: str | None = None
    """A file with weights for small (and patches), deepfill or lama (TorchScript)."""
    seam: Seam = "feather"
    """What happens at the edge of a hole: feather: a soft edge. gradient: colours of the fill are also shifted smoothly
    to meet the frame, which helps where the light changes."""
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
    """flow, dfc: how often, at most, key frames are painted and carried on to fill what no frame shows; what is left
    then is painted frame by frame."""
    threshold: float = 3.0
    """flow, dfc: pixels by which forward and backward flow may disagree. The published code has 20 to 40, which reaches
    more and hides errors."""
    device: Device = "auto"
    """Where networks work; auto: on CUDA where there is a device."""
    crf: int = 18
    """H.264 quality, 0 (best) to 51."""
    lossless: bool = False
    """Write FFV1 in .mkv: every pixel outside the masks is the decoded source's."""

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_weights()
        self._check_numbers()

    def _check_choices(self) -> None:
        choices = {
            "mode": ("auto", "dfc", *get_args(Mode)),
            "segmenter": get_args(SegmenterName),
            "reveal": get_args(Reveal),
            "flow": get_args(Flow),
            "completion": get_args(Completion),
            "propagation": get_args(Rule),
            "fill": get_args(Fill),
            "seam": get_args(Seam),
            "device": get_args(Device),
        }
        for name, allowed in choices.items():
            value, open_ = getattr(self, name), name in ("completion", "propagation")
            if value not in allowed and not (open_ and value is None):
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")

    def _check_numbers(self) -> None:
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
        if self.seam == "gradient" and self.feather < 1:
            raise ValueError(f"feather must be 1 or more with seam gradient, got {self.feather}")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be 0 to 51, got {self.crf}")

    def _check_weights(self) -> None:
        for name, networks in _WEIGHTS_NEEDED.items():
            if getattr(self, name) in networks and getattr(self, f"{name}_weights") is None:
                raise ValueError(f"{name}_weights must name a file for {getattr(self, name)}, got none")
        for allowed, what in ((_WEIGHTS_ALLOWED, "weights"), (_CONFIG_ALLOWED, "config")):
            for name, networks in allowed.items():
                given = getattr(self, f"{name}_{what}")
                if given is not None and getattr(self, name) not in networks:
                    raise ValueError(
                        f"{name}_{what} is for {', '.join(networks)}, got {given!r} with {name} {getattr(self, name)}"
                    )
        if len(self.dfc_weights) > 3:
            raise ValueError(f"dfc_weights must be one file for each of three stages at most, got {self.dfc_weights}")
        if self.dfc_weights and self.mode != "dfc" and self.completion not in ("auto", "dfc", None):
            raise ValueError(f"dfc_weights is for completion auto or dfc, got completion {self.completion}")
