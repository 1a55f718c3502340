"""Opening pictures that anyone may have made: known formats only, none too large, one sentence for every fault."""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from maskreel.common.errors import InputError
from maskreel.common.limits import check_pixels

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import IO

__all__ = ["IMAGE_FORMATS", "UnknownImageError", "open_image"]

IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM", "GIF")
"""What is tried where a caller names no formats. Pillow knows more, and hands some, such as EPS, to other programs."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, OverflowError,
           struct.error, zlib.error)  # fmt: skip
"""What Pillow raises for damaged files; its SyntaxError tells of broken PNG chunks."""


class UnknownImageError(InputError):
    """The file is of none of the formats asked for."""


@contextmanager
def open_image(
    path: str | os.PathLike[str],
    *,
    formats: Sequence[str] = IMAGE_FORMATS,
    kind: str = "a picture",
    stream: IO[bytes] | None = None,
) -> Iterator[Image.Image]:
    """Open a picture whose pixels are decoded inside the block; what goes wrong there is told as an InputError, too.

    Args:
        path: The file; names it in errors if there is a `stream`.
        formats: Pillow's names of those that are tried, whatever the name of the file ends in.
        kind: What errors call it.
        stream: Read from here instead.

    Raises:
        UnknownImageError: The file is of another format.
        InputError: The file is missing or damaged, or has more than `MAX_PIXELS` pixels.
    """
    try:
        with _opened(path if stream is None else stream, formats) as image:
            check_pixels(path, image.height, image.width)
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except UnidentifiedImageError as error:
        raise UnknownImageError(f"{path} cannot be read as {kind}, it is none of {', '.join(formats)}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has too many pixels to be read: {error}") from error
    except (*_BROKEN, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path} cannot be read as {kind}: {error}") from error


def _opened(source: str | os.PathLike[str] | IO[bytes], formats: Sequence[str]) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # ours is the lower limit, checked at once
        return Image.open(source, formats=list(formats))
