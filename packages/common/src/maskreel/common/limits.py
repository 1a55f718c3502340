"""How large a picture may be, so that a few bytes of a file cannot ask for all memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["MAX_PIXELS", "check_pixels"]

MAX_PIXELS = 8192 * 8192
"""Of one picture or frame: twice 8K video; 200 MB as RGB."""


def check_pixels(path: str | os.PathLike[str], height: int, width: int) -> None:
    """Refuse a picture by its header, before anything of its size is made.

    Raises:
        InputError: It has more than `MAX_PIXELS` pixels.
    """
    if height * width > MAX_PIXELS:
        raise InputError(
            f"{path} says that it is {width}x{height} pixels, but {MAX_PIXELS / 1e6:.0f} million are the most that are "
            "read; make it smaller"
        )
