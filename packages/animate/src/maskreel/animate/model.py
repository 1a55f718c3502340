"""`AnimationModel`: the six networks together, and the formulas that they stand in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.model_config import ModelConfig, published, tiny
from maskreel.animate.networks import HighResolution, LowResolution, MaskGenerator, MaskRefiner
from maskreel.animate.perturb import perturb_for_inference

__all__ = ["SWAP_THRESHOLD", "AnimationModel", "ModelConfig", "Source", "published", "tiny"]

SWAP_THRESHOLD = 60 / 255
"""What is above it in a mask is foreground, in the background swap."""


@dataclass(frozen=True)
class Source:
    """What the networks need of the picture that is brought to life; made once for a clip. N may be 1 for any batch."""

    image: Tensor
    """(N, 3, S, S)."""
    mask: Tensor
    """m of it, (N, 1, s, s)."""
    small: Tensor
    """D of it, (N, 3, s, s)."""
    large_mask: Tensor
    """U of its mask, (N, 1, S, S)."""

    def expand(self, count: int) -> Source:
        """The same for each of `count` driving frames, without copies."""
        parts = (self.image, self.mask, self.small, self.large_mask)
        return Source(*(part.expand(count, -1, -1, -1) for part in parts))


class AnimationModel(nn.Module):
    """m, r, L, H, BGBase and BGRefine. Pictures are float (N, 3, S, S) and masks (N, 1, s, s), all in [0, 1], RGB.

    The methods are the formulas of the paper and of the background swap. Gradients do not pass from H to L and the
    masks, nor from r or the swap to anything before them, as in the published training.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        doublings = config.factor.bit_length() - 1
        low = {
            "width": config.low_width,
            "blocks": config.low_blocks,
            "dilation": config.low_dilation,
            "doublings": doublings,
        }
        high = {"width": config.high_width, "widest": config.widest, "depth": config.high_depth or config.depth}
        self.mask_generator = MaskGenerator(
            width=config.mask_width,
            widest=config.widest,
            depth=config.depth,
            factor=config.factor,
            border=config.border,
            skips=config.mask_skips,
        )
        self.mask_refiner = MaskRefiner(
            width=config.refiner_width,
            widest=config.widest,
            depth=config.refiner_depth or config.depth,
            skips=config.mask_skips,
        )
        self.low_resolution = LowResolution(5, **low)
        self.high_resolution = HighResolution(8, **high)
        self.bg_base = LowResolution(8, **low)
        self.bg_refine = HighResolution(11, **high)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def shrink(self, images: Tensor) -> Tensor:
        """D: bilinear, to the size of masks, without a filter against aliasing."""
        return F.interpolate(images, scale_factor=1 / self.config.factor, mode="bilinear", align_corners=False)

    def enlarge(self, masks: Tensor) -> Tensor:
        """U: bilinear, to the size of pictures."""
        return F.interpolate(masks, scale_factor=float(self.config.factor), mode="bilinear", align_corners=False)

    def masks(self, images: Tensor) -> Tensor:
        """m: soft masks of the subjects of images, (N, 1, s, s)."""
        return self.mask_generator(images)

    def source(self, images: Tensor, masks: Tensor | None = None) -> Source:
        """What the other methods need of source images; `masks` in place of m's, if given."""
        mask = self.masks(images) if masks is None else masks
        return Source(images, mask, self.shrink(images), self.enlarge(mask))

    def refined(self, source: Source, masks: Tensor, *, perturbed: bool = False) -> Tensor:
        """r(D(s), m(s), P_test(m(d))): masks of the source's subject in the pose of driving masks, (N, 1, s, s).

        `perturbed` says that `masks` went through a perturbation already.
        """
        if not perturbed:
            config = self.config
            masks = perturb_for_inference(masks, threshold=config.threshold, strength=config.test_strength)
        source = source.expand(masks.shape[0])
        return self.mask_refiner(source.small, source.mask.detach(), masks.detach())

    def pictures(self, source: Source, masks: Tensor) -> tuple[Tensor, Tensor]:
        """L(D(s), m(s), mask) and H(s, U(m(s)), L, U(mask)): first and final pictures, (N, 3, S, S) each."""
        source = source.expand(masks.shape[0])
        low = self.low_resolution(source.small, source.mask, masks)
        if self.config.guided:
            changed = self._cover(torch.maximum(source.mask, masks).detach())
            low = changed * low + (1 - changed) * source.image
        seen, driving = low.detach(), self.enlarge(masks).detach()
        return low, self._corrected(seen, self.high_resolution(source.image, source.large_mask.detach(), seen, driving))

    def swapped(
        self, foreground: Tensor, masks: Tensor, backdrop: Tensor, backdrop_masks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The subject of `foreground` before the background of `backdrop`: BGBase's and BGRefine's pictures.

        Args:
            foreground: Y, (N, 3, S, S); only what its mask holds is looked at.
            masks: of the subject in it, (N, 1, s, s).
            backdrop: X, (N or 1, 3, S, S); only what its mask leaves is looked at.
            backdrop_masks: of its own subject, (N or 1, 1, s, s); zeros where there is none.
        """
        count = foreground.shape[0]
        backdrop, backdrop_masks = (part.expand(count, -1, -1, -1) for part in (backdrop, backdrop_masks))
        foreground, masks, backdrop, backdrop_masks = (
            part.detach() for part in (foreground, masks, backdrop, backdrop_masks)
        )
        theirs, ours = self._swap_mask(backdrop_masks), self._swap_mask(masks)
        base = self.bg_base(theirs, ours, self.shrink(foreground) * ours, self.shrink(backdrop) * (1 - theirs))
        theirs, ours = (self._swap_mask(self.enlarge(part)) for part in (backdrop_masks, masks))
        front, back = foreground * ours, backdrop * (1 - theirs)
        if self.config.guided:
            base = front + (1 - ours) * (back + theirs * base)
        seen = base.detach()
        return base, self._corrected(seen, self.bg_refine(seen, theirs, ours, front, back))

    def _cover(self, masks: Tensor) -> Tensor:
        """In full size, and a little wider."""
        return self.enlarge(F.max_pool2d(masks, 5, stride=1, padding=2))

    def _corrected(self, seen: Tensor, made: Tensor) -> Tensor:
        """What H or BGRefine says, as a picture: by itself, or as changes of up to 1 to either side."""
        return (seen + 2 * made - 1).clamp(0, 1) if self.config.guided else made

    def _swap_mask(self, masks: Tensor) -> Tensor:
        return (masks > SWAP_THRESHOLD).to(masks.dtype) if self.config.swap_masks == "binary" else masks
