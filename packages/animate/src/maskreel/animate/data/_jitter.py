"""Random changes of colour, the same for all pictures of a call."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["jittered"]

_LUMA = (0.299, 0.587, 0.114)


def jittered(images: Tensor, strength: float = 0.1) -> Tensor:
    """Brightness, contrast, saturation and hue changed by up to `strength`, in random order, as torchvision does it.

    The draws come from torch's global generator: four factors and an order for each call.

    Args:
        images: float (N, 3, H, W) in [0, 1], RGB.
        strength: brightness, contrast and saturation are multiplied by 1 - strength to 1 + strength; hue is turned by
            up to `strength` of a circle to either side.

    Returns:
        float (N, 3, H, W) in [0, 1].
    """
    brightness, contrast, saturation = (1 + strength * (2 * torch.rand(3) - 1)).tolist()
    turn = (strength * (2 * torch.rand(()) - 1)).item()
    steps = [
        lambda pictures: pictures * brightness,
        lambda pictures: _blend(pictures, _grey(pictures).mean(dim=(-1, -2), keepdim=True), contrast),
        lambda pictures: _blend(pictures, _grey(pictures), saturation),
        lambda pictures: _turned(pictures, turn),
    ]
    for number in torch.randperm(4).tolist():
        images = steps[number](images).clamp(0, 1)
    return images


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(_LUMA, dtype=images.dtype, device=images.device)
    return (images * weights[:, None, None]).sum(dim=-3, keepdim=True)


def _blend(images: Tensor, other: Tensor, share: float) -> Tensor:
    return share * images + (1 - share) * other


def _turned(images: Tensor, turn: float) -> Tensor:
    """Hue turned by a share of a circle, in HSV."""
    high, low = images.amax(dim=-3, keepdim=True), images.amin(dim=-3, keepdim=True)
    spread = high - low
    red, green, blue = images.split(1, dim=-3)
    safe = torch.where(spread > 0, spread, 1)
    hue = torch.where(
        high == red,
        (green - blue) / safe % 6,
        torch.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = hue + 6 * turn
    offsets = torch.tensor([5.0, 3.0, 1.0], device=images.device)[:, None, None]
    place = (offsets + hue) % 6
    return high - spread * torch.minimum(place, 4 - place).clamp(0, 1)
