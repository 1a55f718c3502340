"""Image and animation files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.atomic import atomic_path
from maskreel.common.show._check import check_image

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from fractions import Fraction

    import torch
    from PIL.Image import Image

    from maskreel.common.video import Clip

__all__ = ["save_animation", "save_image"]

IMAGE_OPTIONS = {
    ".png": {"optimize": True},
    ".jpg": {"quality": 92, "subsampling": 0},
    ".jpeg": {"quality": 92, "subsampling": 0},
    ".webp": {"quality": 90},
}
PALETTE_FRAMES = 16
"""Frames, spread over the clip, from which the colours of a GIF are chosen."""
SHORTEST_GIF_DELAY = 20
"""Milliseconds; browsers slow shorter delays down to 100."""


def save_image(path: str | os.PathLike[str], image: torch.Tensor) -> None:
    """Write uint8 (3, H, W) RGB as PNG, JPEG or WebP, by the suffix; the file appears only when it is whole.

    Raises:
        ValueError: The suffix is another, or the image is misshapen.
        TypeError: The image is not uint8.
    """
    options = IMAGE_OPTIONS.get(Path(path).suffix.lower())
    if options is None:
        raise ValueError(f"path must end in one of {', '.join(IMAGE_OPTIONS)}, got {path}")
    picture = to_pillow(image)
    with atomic_path(path) as scratch:
        picture.save(scratch, **options)


def save_animation(path: str | os.PathLike[str], clip: Clip, *, max_width: int | None = None) -> None:
    """Write a clip as an endless GIF or WebP, by the suffix, at the clip's speed.

    A GIF has one palette of 256 colours, so that still regions do not flicker, and drops frames above 50 per second.

    Args:
        path: The file; it appears only when it is whole.
        clip: What to show.
        max_width: Wider clips are scaled down to this many pixels.

    Raises:
        ValueError: The suffix is another, the clip is empty, or `max_width` is below 1.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".gif", ".webp"):
        raise ValueError(f"path must end in .gif or .webp, got {path}")
    if len(clip) == 0:
        raise ValueError("clip must have at least one frame")
    if max_width is not None and max_width < 1:
        raise ValueError(f"max_width must be 1 or more, got {max_width}")
    kept, delays = _timing(clip, grid=10, shortest=SHORTEST_GIF_DELAY) if suffix == ".gif" else _timing(clip)
    pictures = [_narrowed(to_pillow(clip.frames[index]), max_width) for index in kept]
    with atomic_path(path) as scratch:
        if suffix == ".gif":
            first, *rest = _one_palette(pictures)
            first.save(scratch, save_all=True, append_images=rest, duration=delays, loop=0, optimize=False)
        else:
            first, *rest = pictures
            first.save(scratch, save_all=True, append_images=rest, duration=delays, loop=0, quality=80, method=4)


def to_pillow(image: torch.Tensor) -> Image:
    """uint8 (3, H, W) RGB as a Pillow image."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(check_image(image).permute(1, 2, 0).cpu().numpy()))


def _timing(clip: Clip, *, grid: int = 1, shortest: int = 1) -> tuple[list[int], list[int]]:
    """Frames to keep and how long each stays, in milliseconds, multiples of `grid`, with no drift over the clip."""
    first = clip.times[0]
    starts = [_on_grid(time - first, grid) for time in clip.times]
    kept: list[int] = []
    for index, start in enumerate(starts):
        if not kept or start - starts[kept[-1]] >= shortest:
            kept.append(index)
    shown = [starts[index] for index in kept]
    end = max(_on_grid(clip.duration, grid), shown[-1] + shortest)
    return kept, [until - start for start, until in zip(shown, [*shown[1:], end], strict=True)]


def _on_grid(seconds: Fraction, grid: int) -> int:
    return round(seconds * 1000 / grid) * grid


def _narrowed(picture: Image, max_width: int | None) -> Image:
    from PIL import Image

    if max_width is None or picture.width <= max_width:
        return picture
    height = max(1, round(picture.height * max_width / picture.width))
    return picture.resize((max_width, height), Image.Resampling.LANCZOS)


def _one_palette(pictures: list[Image]) -> Iterable[Image]:
    from PIL import Image

    chosen = pictures[:: -(-len(pictures) // PALETTE_FRAMES)]
    mosaic = np.concatenate([np.asarray(picture) for picture in chosen])
    palette = Image.fromarray(mosaic).quantize(256, method=Image.Quantize.MEDIANCUT)
    return [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
