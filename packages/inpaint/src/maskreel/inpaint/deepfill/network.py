"""DeepFill v1: a coarse network, and one that refines its result with contextual attention (Yu et al., CVPR 2018).

The layers and their sizes are those of the copy that Deep Flow-Guided Video Inpainting uses (nbei, DeepFill_Models),
for which weights trained on ImageNet are published.
"""

from __future__ import annotations

import torch
from torch import nn

from maskreel.inpaint.deepfill.attention import contextual_attention
from maskreel.inpaint.deepfill.layers import Convolution, Halving

__all__ = ["DeepFill"]


class DeepFill(nn.Module):
    """Fills the hole of pictures whose sides are multiples of 8.

    Args:
        width: channels of the first layer; 32 as published. The others have up to eight times as many.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.coarse = Coarse(width)
        self.refinement = Refinement(width)

    def forward(self, pictures: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        """Paint everything; only what is painted in the hole is of use.

        Args:
            pictures: float (N, 3, H, W), blue, green, red from -1 to 1.
            holes: float (N, 1, H, W), 1 in the hole, else 0.

        Returns:
            float (N, 3, H, W), from -1 to 1.

        Raises:
            ValueError: a side is no multiple of 8.
        """
        if pictures.shape[-1] % 8 or pictures.shape[-2] % 8:
            raise ValueError(f"pictures must have sides that are multiples of 8, got {tuple(pictures.shape)}")
        known = pictures * (1 - holes)
        painted = self.coarse(_input(known, holes))
        return self.refinement(_input(known + painted * holes, holes), holes)


class Coarse(nn.Module):
    """(N, 5, H, W) -> (N, 3, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            Convolution(5, width, kernel=5),
            Halving(width, 2 * width),
            Convolution(2 * width, 2 * width),
            Halving(2 * width, 4 * width),
            Convolution(4 * width, 4 * width),
            Convolution(4 * width, 4 * width),
        )
        self.dilated = dilated(4 * width)
        self.decoder = Decoder(4 * width, 4 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Paint a first guess."""
        return self.decoder(self.dilated(self.encoder(x)))  # 4 width x H/4 x W/4 in between


class Refinement(nn.Module):
    """(N, 5, H, W), holes (N, 1, H, W) -> (N, 3, H, W). One branch imagines, one looks around; both are decoded."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.imagining = nn.Sequential(
            Convolution(5, width, kernel=5),
            Halving(width, width),
            Convolution(width, 2 * width),
            Halving(2 * width, 2 * width),
            Convolution(2 * width, 4 * width),
            Convolution(4 * width, 4 * width),
        )
        self.dilated = dilated(4 * width)
        self.looking = nn.Sequential(
            Convolution(5, width, kernel=5),
            Halving(width, width),
            Convolution(width, 2 * width),
            Halving(2 * width, 4 * width),
            Convolution(4 * width, 4 * width),
            Convolution(4 * width, 4 * width, activation=nn.ReLU),
        )
        self.after_attention = nn.Sequential(*(Convolution(4 * width, 4 * width) for _ in range(2)))
        self.decoder = Decoder(8 * width, 4 * width)

    def forward(self, x: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        """Paint anew, with the first guess in the hole of `x`."""
        imagined = self.dilated(self.imagining(x))  # 4 width x H/4 x W/4
        # Whether an eighth of the picture belongs to the hole is decided by its first pixel, as published.
        found = contextual_attention(self.looking(x), holes[..., ::8, ::8])
        return self.decoder(torch.cat([imagined, self.after_attention(found)], 1))


class Decoder(nn.Sequential):
    """(N, inputs, h, w) -> (N, 3, 4 h, 4 w), clamped to -1 to 1."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(
            Convolution(inputs, width),
            Convolution(width, width),
            nn.Upsample(scale_factor=2),
            Convolution(width, width // 2),
            Convolution(width // 2, width // 2),
            nn.Upsample(scale_factor=2),
            Convolution(width // 2, width // 4),
            Convolution(width // 4, width // 8),
            Convolution(width // 8, 3, activation=None),
            nn.Hardtanh(),
        )


def dilated(width: int) -> nn.Sequential:
    """Four convolutions that see further and further."""
    return nn.Sequential(*(Convolution(width, width, dilation=d) for d in (2, 4, 8, 16)))


def _input(pictures: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
    """The five channels: a picture, ones that tell the picture's end from the zeros around it, and the hole."""
    return torch.cat([pictures, torch.ones_like(holes), holes], 1)
