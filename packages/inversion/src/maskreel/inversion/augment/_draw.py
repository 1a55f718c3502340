"""Draw how each image of a batch is seen."""

from __future__ import annotations

import torch

from maskreel.inversion.augment._augmentation import Augmentation
from maskreel.inversion.settings import AugmentSettings  # noqa: TC001

__all__ = ["draw"]


def draw(settings: AugmentSettings, size: tuple[int, int], batch: int, generator: torch.Generator) -> Augmentation:
    """Draw a view for each of `batch` images; what is switched off draws nothing from the generator.

    Args:
        settings: What may be drawn.
        size: (height, width) of the images in pixels.
        batch: Number of images.
        generator: Decides everything. One on the CPU gives the same views for images on every device.

    Raises:
        ValueError: `batch` is below 1, or the jitter is not below half the height and width, so that too little of
            an image could be left.
    """
    if batch < 1:
        raise ValueError(f"batch must be 1 or more, got {batch}")
    if 2 * settings.jitter >= min(size):
        raise ValueError(f"jitter must be below half of the size {size}, got {settings.jitter}")
    return Augmentation(
        size=size,
        shift=_shift(settings.jitter, batch, generator),
        flip=_flip(settings.flip, batch, generator),
        brightness=_normal(settings.brightness, batch, generator),
        contrast=(1 + _normal(settings.contrast, batch, generator)).clamp(min=0),
        noise=_noise(settings.noise, (batch, 3, *size), generator),
        erased=_rectangles(settings, size, batch, generator),
        colours=_colours(settings.erase, batch, generator),
    )


def _shift(jitter: int, batch: int, generator: torch.Generator) -> torch.Tensor:
    if not jitter:
        return torch.zeros(batch, 2, dtype=torch.int64)
    return torch.randint(-jitter, jitter + 1, (batch, 2), generator=generator, device=generator.device).cpu()


def _flip(chance: float, batch: int, generator: torch.Generator) -> torch.Tensor:
    if not chance:
        return torch.zeros(batch, dtype=torch.bool)
    return _uniform((batch,), generator) < chance


def _normal(deviation: float, batch: int, generator: torch.Generator) -> torch.Tensor:
    if not deviation:
        return torch.zeros(batch)
    return deviation * torch.randn(batch, generator=generator, device=generator.device).cpu()


def _noise(deviation: float, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor | None:
    if not deviation:
        return None
    return deviation * torch.randn(shape, generator=generator, device=generator.device).cpu()


def _rectangles(
    settings: AugmentSettings, size: tuple[int, int], batch: int, generator: torch.Generator
) -> torch.Tensor:
    """Half-open x0, y0, x1, y1, int64 (batch, erase, 4), all of them within the image."""
    if not settings.erase:
        return torch.zeros(batch, 0, 4, dtype=torch.int64)
    height, width = size
    whole = torch.tensor([width, height])
    lengths = settings.erase_size * (0.5 + 0.5 * _uniform((batch, settings.erase, 2), generator))
    sides = (lengths * whole).round().long().clamp(min=1)
    corners = (_uniform((batch, settings.erase, 2), generator) * (whole - sides + 1)).long().clamp(max=whole - sides)
    return torch.cat([corners, corners + sides], dim=-1)


def _colours(count: int, batch: int, generator: torch.Generator) -> torch.Tensor:
    return _uniform((batch, count, 3), generator) if count else torch.zeros(batch, 0, 3)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=generator, device=generator.device).cpu()
