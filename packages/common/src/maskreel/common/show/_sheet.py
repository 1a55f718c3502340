"""Several images on one: contact sheets and side-by-side comparisons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from maskreel.common.show._check import check_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.ImageFont import FreeTypeFont

__all__ = ["contact_sheet", "side_by_side"]

PAPER = 248
INK = (40, 40, 40)
MARGIN = 4
"""Pixels between a title and the edges of its cell."""


def contact_sheet(
    images: Sequence[torch.Tensor], *, columns: int, titles: Sequence[str] | None = None, gap: int = 8
) -> torch.Tensor:
    """Lay images out in rows on light paper, each with its title above it.

    Args:
        images: uint8 (3, H, W) each; smaller ones stand in the middle of cells of the largest height and width.
        columns: Images in a row.
        titles: One line for each image, cut off with an ellipsis where it is wider than the image.
        gap: Pixels between images and around them.

    Returns:
        uint8 (3, height, width), RGB.

    Raises:
        TypeError: An image is not uint8.
        ValueError: There is no image, one is misshapen, `columns` or `gap` is too small, or the titles are not as many.
    """
    _check(images, columns, titles, gap)
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    font = _font(height)
    head = 0 if titles is None else sum(font.getmetrics()) + 2 * MARGIN
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    size = (rows * (head + height + gap) + gap, columns * (width + gap) + gap)
    sheet = torch.full((3, *size), PAPER, dtype=torch.uint8)
    for index, image in enumerate(images):
        top = gap + index // columns * (head + height + gap)
        left = gap + index % columns * (width + gap)
        if titles is not None:
            sheet[:, top : top + head, left : left + width] = _title(titles[index], font, (head, width))
        _place(sheet[:, top + head : top + head + height, left : left + width], image)
    return sheet


def side_by_side(*images: torch.Tensor, titles: Sequence[str] | None = None, gap: int = 8) -> torch.Tensor:
    """One row of a `contact_sheet`."""
    return contact_sheet(images, columns=max(1, len(images)), titles=titles, gap=gap)


def _place(cell: torch.Tensor, image: torch.Tensor) -> None:
    top, left = (cell.shape[1] - image.shape[1]) // 2, (cell.shape[2] - image.shape[2]) // 2
    cell[:, top : top + image.shape[1], left : left + image.shape[2]] = image


def _font(height: int) -> FreeTypeFont:
    from PIL import ImageFont
    from PIL.ImageFont import FreeTypeFont

    font = ImageFont.load_default(size=min(28, max(12, height // 18)))
    assert isinstance(font, FreeTypeFont)
    return font


def _title(text: str, font: FreeTypeFont, size: tuple[int, int]) -> torch.Tensor:
    import numpy as np
    from PIL import Image, ImageDraw

    height, width = size
    label = Image.new("RGB", (width, height), (PAPER,) * 3)
    ImageDraw.Draw(label).text((0, MARGIN), _shortened(text, font, width), fill=INK, font=font)
    return torch.from_numpy(np.array(label)).permute(2, 0, 1)


def _shortened(text: str, font: FreeTypeFont, width: int) -> str:
    line = " ".join(text.split())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


def _check(images: Sequence[torch.Tensor], columns: int, titles: Sequence[str] | None, gap: int) -> None:
    if not images:
        raise ValueError("images must hold at least one image")
    for index, image in enumerate(images):
        check_image(image, f"images[{index}]")
    if columns < 1 or gap < 0:
        raise ValueError(f"columns must be 1 or more and gap 0 or more, got {columns} and {gap}")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles must be as many as the {len(images)} images, got {len(titles)}")
