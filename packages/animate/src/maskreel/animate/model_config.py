"""Sizes of the networks: the published ones, and small ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MaskBorder", "ModelConfig", "published", "tiny"]

MaskBorder = Literal["zero", "replicate"]
"""What stands in the outer 3 pixels of a mask, which m cannot see: nothing (as published) or what is beside them."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the networks; the defaults are the published ones."""

    size: int = 256
    """Height and width in pixels of the pictures that the networks were trained on."""
    factor: int = 4
    """How many times smaller masks are than pictures: 2 or 4."""
    mask_width: int = 32
    """Channels of m at full mask size."""
    refiner_width: int = 64
    """Channels of r at full mask size."""
    low_width: int = 256
    """Channels of L's and BGBase's residual blocks."""
    low_blocks: int = 6
    """Residual blocks of L and BGBase."""
    low_dilation: int = 1
    """How much wider each of them looks than the one before."""
    high_width: int = 64
    """Channels of H and BGRefine at full size."""
    widest: int = 1024
    """Most channels anywhere."""
    depth: int = 5
    """Halvings in the hourglasses of m and r."""
    refiner_depth: int | None = None
    """Halvings in that of r; by default the same. To give a driving limb the shape that the source's subject
    would have, r must see both, however far apart they stand."""
    high_depth: int | None = None
    """Halvings in those of H and BGRefine; by default the same."""
    mask_skips: bool = False
    """Whether m and r hand details on by skips, so that thin limbs stay in masks; published ones do not, lest r copies
    the driving subject's shape. To keep that out, r with skips needs twins to learn from, as rendered people have."""
    threshold: float = 60 / 255
    """Mask values up to it are taken for noise before a driving mask is refined, in [0, 1)."""
    train_strength: float = 1.0
    """Strength of P_train, at least 0 and below 4; 1 as published. Less lets r see more of the driving subject."""
    test_strength: float = 1.0
    """Strength of P_test, likewise; at 0 only what is faint is removed from driving masks."""
    border: MaskBorder = "zero"
    """What stands in the outer 3 pixels of a mask."""
    guided: bool = False
    """Whether H and BGRefine correct pictures in which all that is known already stands (the source outside both
    masks; the new foreground and background) and only the rest is L's or BGBase's. Published ones see L's and BGBase's
    pictures as they are, and must learn to copy."""
    swap_masks: Literal["binary", "soft"] = "binary"
    """Whether the networks of the background swap see masks cut at 60/255, as in the reference code, or as they are."""

    def __post_init__(self) -> None:
        for name in (
            "mask_width",
            "refiner_width",
            "low_width",
            "low_blocks",
            "low_dilation",
            "high_width",
            "widest",
            "depth",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("refiner_depth", "high_depth"):
            depth = getattr(self, name)
            if depth is not None and depth < 1:
                raise ValueError(f"{name} must be 1 or more, got {depth}")
        if self.factor not in (2, 4):
            raise ValueError(f"factor must be 2 or 4, got {self.factor}")
        if self.size % self.multiple or self.size < self.multiple:
            raise ValueError(
                f"size must be a multiple of {self.multiple} (factor * 2**depth, factor * 2**refiner_depth, "
                f"2**high_depth), got {self.size}"
            )
        if self.low_width < self.factor:
            raise ValueError(f"low_width must be {self.factor} (factor) or more, got {self.low_width}")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {self.threshold}")
        for name in ("train_strength", "test_strength"):
            if not 0 <= getattr(self, name) < 4:
                raise ValueError(f"{name} must be at least 0 and below 4, got {getattr(self, name)}")
        if self.swap_masks not in ("binary", "soft"):
            raise ValueError(f"swap_masks must be 'binary' or 'soft', got {self.swap_masks!r}")
        if self.border not in ("zero", "replicate"):
            raise ValueError(f"border must be 'zero' or 'replicate', got {self.border!r}")

    @property
    def multiple(self) -> int:
        """Heights and widths of pictures must be multiples of it."""
        deepest = max(self.depth, self.refiner_depth or 0)
        return max(self.factor * 2**deepest, 2 ** (self.high_depth or self.depth))

    @property
    def mask_size(self) -> int:
        """Height and width of masks."""
        return self.size // self.factor


def published(threshold: float = 60 / 255) -> ModelConfig:
    """Everything as published: 60/255 for Tai-Chi-HD and BAIR, 100/255 for VoxCeleb."""
    return ModelConfig(threshold=threshold)


def tiny() -> ModelConfig:
    """Trains on two cores in an hour or two; masks are as fine as the published ones, pictures half as large.

    Perturbed as strongly as published, thin limbs in masks are lost to so small an r (`bench_perturbation.py`).
    """
    return ModelConfig(
        size=128,
        factor=2,
        mask_width=24,
        refiner_width=24,
        low_width=48,
        low_blocks=4,
        low_dilation=2,
        high_width=16,
        widest=256,
        depth=3,
        refiner_depth=5,
        high_depth=4,
        mask_skips=True,
        train_strength=0.5,
        test_strength=0.0,
        border="replicate",
        guided=True,
    )
