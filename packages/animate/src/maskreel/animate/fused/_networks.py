"""The networks, built from the plain ones with a kit of layers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused._portable import join
from maskreel.animate.networks._blocks import DownBlock, ResBlock, SameBlock, UpBlock
from maskreel.animate.networks.mask_generator import TEMPERATURE

if TYPE_CHECKING:
    from maskreel.animate.fused._portable import PortableKit
    from maskreel.animate.networks import HighResolution, LowResolution, MaskGenerator, MaskRefiner
    from maskreel.animate.networks._hourglass import Hourglass

__all__ = ["FusedHigh", "FusedLow", "FusedMasks", "FusedRefiner"]

_LARGEST = 2**23 - 2**10
"""Values of the largest tensor of float32 that glibc serves from memory it holds, see `_fast.py`."""


class FusedNetwork(nn.Module):
    """Runs `computed` in a data type and memory format of its own, on few images at a time where that is faster.

    Args:
        kit: of the layers.
        largest: values of the largest tensor for each pixel of the input, as a rule of thumb.
    """

    def __init__(self, kit: PortableKit, largest: int) -> None:
        super().__init__()
        self._fast, self._largest = kit.fast, largest
        self.dtype, self.format = torch.float32, torch.contiguous_format

    def set_format(self, dtype: torch.dtype, memory_format: torch.memory_format) -> None:
        """What features and weights are in."""
        self.dtype, self.format = dtype, memory_format
        self.to(dtype).to(memory_format=memory_format)

    @torch.no_grad()
    def forward(self, *parts: Tensor) -> Tensor:
        """As the plain network's; float32, without gradient."""
        if not self._fast:
            return self._prepared(parts)
        images = max(1, _LARGEST // (self._largest * parts[0].shape[2] * parts[0].shape[3]))
        chunks = zip(*(part.split(images) for part in parts), strict=True)
        return torch.cat([self._prepared(chunk) for chunk in chunks])

    def _prepared(self, parts: tuple[Tensor, ...]) -> Tensor:
        features = join(parts).to(self.dtype).contiguous(memory_format=self.format)
        return torch.sigmoid(self.computed(features)).float().contiguous()

    def computed(self, features: Tensor) -> Tensor:
        """Logits of one part of the batch."""
        raise NotImplementedError


class FusedHourglass(nn.Module):
    """An `Hourglass`; the input that ends up beside the output is a part of its own, so nothing is copied for it.

    It is fastest for inputs of `side` pixels, as are the networks below.
    """

    def __init__(self, plain: Hourglass, kit: PortableKit, side: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            kit.down(cast("DownBlock", block), side // 2**level) for level, block in enumerate(plain.encoder)
        )
        self.decoder = nn.ModuleList(kit.up(cast("UpBlock", block)) for block in plain.decoder)
        self._skips = plain.skips

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """The features and, with skips, the input."""
        passed = [features]
        for down in self.encoder:
            passed.append(down(passed[-1]))
        parts = (passed.pop(),)
        for up in self.decoder:
            parts = (up(*parts), passed.pop()) if self._skips else (up(*parts),)
        return parts


class FusedMasks(FusedNetwork):
    """m."""

    def __init__(self, plain: MaskGenerator, kit: PortableKit, side: int) -> None:
        super().__init__(kit, largest=3)
        self.shrink = copy.deepcopy(plain.shrink)
        self.hourglass = FusedHourglass(plain.hourglass, kit, side)
        self.head = kit.head(plain.head, raw=plain.hourglass.joined)
        self.border = plain.border
        self._margins = (plain.head.kernel_size[0] // 2,) * 4

    def forward(self, *parts: Tensor) -> Tensor:
        inner = super().forward(*parts)
        return F.pad(inner, self._margins) if self.border == "zero" else F.pad(inner, self._margins, mode="replicate")

    def computed(self, features: Tensor) -> Tensor:
        return self.head(*self.hourglass(self.shrink(features))) / TEMPERATURE


class FusedRefiner(FusedNetwork):
    """r."""

    def __init__(self, plain: MaskRefiner, kit: PortableKit, side: int) -> None:
        super().__init__(kit, largest=2 * plain.head.in_channels)
        self.hourglass = FusedHourglass(plain.hourglass, kit, side)
        self.head = kit.head(plain.head, raw=plain.hourglass.joined)

    def computed(self, features: Tensor) -> Tensor:
        return self.head(*self.hourglass(features)) / TEMPERATURE


class FusedLow(FusedNetwork):
    """L or BGBase."""

    def __init__(self, plain: LowResolution, kit: PortableKit) -> None:
        makers = {SameBlock: kit.same, ResBlock: kit.residual, UpBlock: kit.up, nn.Conv2d: kit.head}
        blocks = list(plain)[:-1]
        final = cast("nn.Conv2d", blocks[-1])
        doublings = sum(isinstance(block, UpBlock) for block in blocks)
        super().__init__(kit, largest=final.in_channels * 4**doublings)
        self.layers = nn.Sequential(*(makers[type(block)](block) for block in blocks))

    def computed(self, features: Tensor) -> Tensor:
        return self.layers(features)


class FusedHigh(FusedNetwork):
    """H or BGRefine."""

    def __init__(self, plain: HighResolution, kit: PortableKit, side: int) -> None:
        super().__init__(kit, largest=plain.head.in_channels)
        self.hourglass = FusedHourglass(plain.hourglass, kit, side)
        self.head = kit.head(plain.head, raw=plain.hourglass.joined)

    def computed(self, features: Tensor) -> Tensor:
        return self.head(*self.hourglass(features))
