"""How frames are made from masks; every field is a flag of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Literal, Self

import tyro

from maskreel.inversion.settings import AugmentSettings, MaskRCNNSettings, StatisticsSettings

__all__ = ["PRESETS", "Coherence", "InversionConfig", "Preset", "Weights"]

Coherence = Literal["layers", "chain", "none"]
Preset = Literal["default", "thesis"]


@dataclass(frozen=True)
class Weights:
    """What each term counts: its share of the gradient at the first noise if weights are balanced, else its factor.

    Raises:
        ValueError: A weight is negative, or that of the mask term is 0.
    """

    mask: Annotated[float, tyro.conf.arg(name="mask-weight")] = 0.3
    """Predicted masks against the given ones; above 0."""
    object_class: Annotated[float, tyro.conf.arg(name="class-weight")] = 0.45
    """The box head names the class of the object (Mask R-CNN)."""
    background: Annotated[float, tyro.conf.arg(name="background-weight")] = 0.7
    """The box head finds nothing where there is nothing (Mask R-CNN); a factor, not a share."""
    objectness: Annotated[float, tyro.conf.arg(name="objectness-weight")] = 0.17
    """The proposal network finds the objects and nothing else (Mask R-CNN)."""
    statistics: Annotated[float, tyro.conf.arg(name="statistics-weight", aliases=["--bn"])] = 0.12
    """Mean and variance of features against those stored in the norm layers."""
    tv_l1: Annotated[float, tyro.conf.arg(name="tv-l1", aliases=["--var-l1"])] = 0.06
    """Mean absolute difference of neighbouring pixels."""
    tv_l2: Annotated[float, tyro.conf.arg(name="tv-l2", aliases=["--var-l2"])] = 0.0
    """Root mean square difference of neighbouring pixels."""
    l2: Annotated[float, tyro.conf.arg(name="l2", aliases=["--l2-norm"])] = 0.0
    """Root mean square distance from grey."""
    colour: Annotated[float, tyro.conf.arg(name="colour-weight")] = 3.0
    """How far an object's colours are from their mean; a factor, not a share. 0 suits things of many colours."""
    temporal: Annotated[float, tyro.conf.arg(name="temporal-weight")] = 20.0
    """Difference of neighbouring frames along the motion of the masks; a factor, not a share."""
    competition: Annotated[float, tyro.conf.arg(name="competition-weight")] = 0.3
    """Agreement with a verifier, if there is one; a factor, not a share."""

    def __post_init__(self) -> None:
        for one in fields(self):
            if not getattr(self, one.name) >= 0:
                raise ValueError(f"{one.name} must be 0 or more, got {getattr(self, one.name)}")
        if not self.mask > 0:
            raise ValueError(f"mask must be above 0, got {self.mask}")


@dataclass(frozen=True)
class InversionConfig:
    """How pixels are optimised.

    Raises:
        ValueError: A value is out of range.
    """

    steps: Annotated[int, tyro.conf.arg(aliases=["--nr-epochs"])] = 240
    """Steps of the optimiser for a group of frames, all sizes together."""
    lr: float = 0.03
    """Learning rate of Adam."""
    betas: tuple[float, float] = (0.5, 0.9)
    """Decay of Adam's means of the gradient and of its square."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Course of the learning rate within each size."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    stages: int = 2
    """Sizes from coarse to fine; each is half the next."""
    levels: int = 5
    """Resolutions that each picture is the sum of; 0: pixels are optimised directly."""
    start: Literal["tinted", "grey", "normal"] = "tinted"
    """Noise to start from: weak around mid-grey, with objects in the colours that the teacher likes best for their
    class; the same without colours; or the thesis's: standard normal in normalised pixels, unbounded."""
    batch: int = 8
    """Frames in one step."""
    coherence: Coherence = "layers"
    """What makes frames a video: a shared background with objects that ride on it; each group of frames starting from
    its neighbour, warped; or nothing."""
    passes: int = 1
    """Times that a chain goes over the video, there and back in turns."""
    background: Literal["shared", "own"] = "shared"
    """Of layers: one for the whole video, or one for each frame, for a moving camera."""
    motion: Literal["affine", "free"] = "affine"
    """How objects move, as their masks tell: stretched and turned, or bent as well."""
    details: float = 0.0
    """Of layers: resolution of what changes on an object from frame to frame, as a share of the frames'; 0: nothing."""
    weights: Weights = field(default_factory=Weights)
    balance: bool = True
    """Find the factor of each term from its gradient at the first noise; otherwise weights are the factors."""
    published_losses: bool = False
    """Variation and norm by DeepInversion's formulas, which depend on size and batch."""
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    augment: AugmentSettings = field(
        default_factory=lambda: AugmentSettings(jitter=4, flip=0.5, brightness=0.08, contrast=0.15, noise=0.02)
    )
    teacher: MaskRCNNSettings = field(default_factory=MaskRCNNSettings)
    checks: int = 10
    """Times within a size that all frames are judged without augmentation; the best of them are kept."""
    patience: int = 0
    """Checks without progress after which a size is done; 0: never."""
    tolerance: float = 0.01
    """Least relative progress."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the teacher's computations."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "stages", "batch", "passes", "checks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("levels", "patience", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.steps < self.stages:
            raise ValueError(f"steps must be {self.stages} or more, one for each size, got {self.steps}")
        if not self.lr > 0:
            raise ValueError(f"lr must be above 0, got {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), got {self.betas}")
        for name in ("warmup", "details"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.start == "normal" and self.levels:
            raise ValueError(f"levels must be 0 for unbounded noise, got {self.levels}")

    @classmethod
    def thesis(cls) -> Self:
        """As in "Binary Masks to Video Frames via DeepInversion": frame by frame from noise, with the published losses.

        Its text gives 2,000 iterations of Adam at 0.1; the scales of its losses were chosen for each frame by hand, and
        stand here as in DeepInversion's code.
        """
        return cls(
            steps=2000,
            lr=0.1,
            betas=(0.9, 0.999),
            schedule="constant",
            warmup=0.0,
            stages=1,
            levels=0,
            start="normal",
            batch=1,
            coherence="none",
            weights=Weights(
                mask=1.0,
                object_class=0.0,
                background=0.0,
                objectness=0.0,
                statistics=0.05,
                tv_l1=0.0,
                tv_l2=1e-4,
                l2=1e-5,
                colour=0.0,
                temporal=0.0,
                competition=0.0,
            ),
            balance=False,
            published_losses=True,
            statistics=StatisticsSettings(form="published"),
            augment=AugmentSettings(),
            teacher=MaskRCNNSettings(class_term=False, background_term=False, objectness_term=False),
        )

    def with_weights(self, **weights: float) -> Self:
        """With some of the weights changed."""
        return replace(self, weights=replace(self.weights, **weights))


PRESETS: dict[Preset, InversionConfig] = {"default": InversionConfig(), "thesis": InversionConfig.thesis()}
