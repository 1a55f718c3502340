"""The network: a small U-Net that corrects a first guess of what is in the hole."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["STRIDE", "FillNetwork"]

STRIDE = 8
_WIDTHS = (24, 48, 96)
_BODY = (1, 2, 0, 4, 8, 0, 2, 1)
"""Blocks at an eighth of the size: dilations of convolutions, and 0 for attention."""
_HEADS = 4
_LEAST_KNOWN = 1e-2


class FillNetwork(nn.Module):
    """Corrects a guess of what is in a hole; fully convolutional, with attention over the picture at an eighth.

    The U-Net keeps edges sharp, dilated convolutions carry lines on, and attention, whose keys are mostly outside the
    hole, lets far things (the next line of text, the other side of a window) be repeated. An untrained network answers
    with the guess.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.stem = nn.Conv2d(5 * 4, fine, 3, padding=1)
        self.down_middle = nn.Conv2d(4 * fine, middle, 1)
        self.encode_middle = _Block(middle)
        self.down_coarse = nn.Conv2d(4 * middle, coarse, 1)
        self.body = nn.ModuleList(_Attention(coarse) if step == 0 else _Dilated(coarse, step) for step in _BODY)
        self.up_middle = nn.Conv2d(coarse, 4 * middle, 1)
        self.decode_middle = _Block(middle)
        self.up_fine = nn.Conv2d(middle, 4 * fine, 1)
        self.decode_fine = _Block(fine)
        self.head = nn.Conv2d(fine, 3 * 4, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From `network_input`, float32 (N, 5, H, W) with H and W multiples of 8, to pictures (N, 3, H, W) around
        [0, 1], equal to the input outside the hole.

        Raises:
            ValueError: H or W is not a multiple of 8.
        """
        if x.ndim != 4 or x.shape[1] != 5 or x.shape[2] % STRIDE or x.shape[3] % STRIDE:
            raise ValueError(f"x must be (N, 5, H, W) with H and W multiples of {STRIDE}, got {tuple(x.shape)}")
        guess, hole, refine = x[:, :3], x[:, 3:4], x[:, 4:5]
        known = functional.avg_pool2d(1 - hole * (1 - refine), STRIDE).flatten(1)
        fine = self.stem(functional.pixel_unshuffle(torch.cat([guess - 0.5, x[:, 3:]], 1), 2))
        middle = self.encode_middle(self.down_middle(functional.pixel_unshuffle(fine, 2)))
        coarse = self.down_coarse(functional.pixel_unshuffle(middle, 2))
        bias = (known + _LEAST_KNOWN).log()
        for block in self.body:
            coarse = block(coarse, bias) if isinstance(block, _Attention) else block(coarse)
        middle = self.decode_middle(middle + functional.pixel_shuffle(self.up_middle(coarse), 2))
        fine = self.decode_fine(fine + functional.pixel_shuffle(self.up_fine(middle), 2))
        return guess + hole * functional.pixel_shuffle(self.head(functional.leaky_relu(fine, 0.1)), 2)


class _Block(nn.Module):
    """A residual convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, channels, 3, padding=1)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.mix.weight.data.mul_(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mix(functional.leaky_relu(self.spread(functional.leaky_relu(x, 0.1)), 0.1))


class _Dilated(nn.Module):
    """A residual convolution with a dilation, after a norm over the channels of each pixel."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = _PixelNorm(channels)
        self.spread = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.mix.weight.data.mul_(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mix(functional.leaky_relu(self.spread(self.norm(x)), 0.1))


class _Attention(nn.Module):
    """Self-attention over all pixels with rotary positions along both axes (Su et al., RoFormer, 2021)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _PixelNorm(channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.mix.weight.data.mul_(0.3)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`bias` (N, H * W) is added to the logits of every key."""
        n, channels, height, width = x.shape
        parts = self.ask(self.norm(x)).view(n, 3, _HEADS, channels // _HEADS, height * width).transpose(-1, -2)
        turn = _turns(height, width, channels // _HEADS, x)
        query, key, value = _turned(parts[:, 0], turn), _turned(parts[:, 1], turn), parts[:, 2]
        mask = bias[:, None, None].expand(n, 1, height * width, -1)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return x + self.mix(found.transpose(-1, -2).reshape(n, channels, height, width))


class _PixelNorm(nn.Module):
    """Channels of each pixel to a root mean square of 1, times a learned gain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-5).rsqrt() * self.gain


def _turns(height: int, width: int, depth: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (H * W, depth / 2): the first half turns with the row, the second with the column."""
    speed = 32.0 ** -torch.linspace(0, 1, depth // 4, device=like.device)
    rows = torch.arange(height, device=like.device, dtype=speed.dtype)[:, None, None].expand(-1, width, 1) * speed
    columns = torch.arange(width, device=like.device, dtype=speed.dtype)[None, :, None].expand(height, -1, 1) * speed
    angle = torch.cat([rows, columns], -1).flatten(0, 1)
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def _turned(x: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    (cosine, sine), (a, b) = turn, x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)
