"""From decoded frames to upright RGB pixels."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import VideoReformatter

if TYPE_CHECKING:
    import av

_BILINEAR, _FULL_CHROMA, _ACCURATE = 0x2, 0x2000, 0x40000  # SWS_*, see libswscale/swscale.h
_BT709, _BT601 = 1, 5  # SWS_CS_*
_SCALER_MATRIX = {1: _BT709, 4: 4, 5: _BT601, 6: _BT601, 7: 7, 9: 9, 10: 9}
_LIMITED, _FULL = 1, 2


def is_hd(size: tuple[int, int]) -> bool:
    """True from 1280x720 on, lying or upright, letterboxed or not."""
    return max(size) >= 1280 or min(size) >= 720


def scaler_matrix(tag: int, size: tuple[int, int]) -> int:
    """FFmpeg's number of the matrix for a tag; untagged frames count as BT.709 from HD on, as most players do."""
    return _SCALER_MATRIX.get(tag, _BT709 if is_hd(size) else _BT601)


def other_matrix(matrix: int) -> int:
    """A matrix that differs.

    RGB has no matrix, but PyAV 15 skips the whole colour conversion if it is told the same one for both ends.
    """
    return _BT601 if matrix == _BT709 else _BT709


class RgbConverter:
    """Turns decoded frames into upright uint8 (H, W, 3) RGB arrays."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """A view of the converted frame, exact to half a level.

        swscale's default flags are three times as fast, but darken every frame by one level.
        """
        plane = self._to_rgb24(frame).planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[arg-type]
        pixels = rows[:, : 3 * plane.width].reshape(plane.height, plane.width, 3)
        return turn_upright(pixels, display_matrix(frame))

    def _to_rgb24(self, frame: av.VideoFrame) -> av.VideoFrame:
        flags = _BILINEAR | _FULL_CHROMA | _ACCURATE
        if frame.format.is_rgb or len(frame.format.components) < 3:
            return self._scaler.reformat(frame, format="rgb24", interpolation=flags)
        matrix = scaler_matrix(frame.colorspace, (frame.height, frame.width))
        full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
        return self._scaler.reformat(
            frame,
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=other_matrix(matrix),
            src_color_range=_FULL if full else _LIMITED,
            dst_color_range=_FULL,
            interpolation=flags,
        )


def display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """(a, b, c, d), each -1, 0 or 1: a stored pixel (x, y) is shown at (a x + c y, b x + d y), up to a shift."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    upright = abs(a) + abs(d) >= abs(b) + abs(c)
    return (_sign(a), 0, 0, _sign(d)) if upright else (0, _sign(b), _sign(c), 0)


def _sign(value: int) -> int:
    return int(math.copysign(1, value))


def rotation_of(matrix: tuple[int, int, int, int]) -> int:
    """Degrees clockwise, after the left-right flip if there is one."""
    _, _, c, d = matrix
    return round(math.degrees(math.atan2(-c, d))) % 360


def turn_upright(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """A view of (H, W, 3) pixels as the display matrix shows them."""
    a, b, c, d = matrix
    if a == 0:
        pixels, horizontal, vertical = pixels.swapaxes(0, 1), c, b
    else:
        horizontal, vertical = a, d
    return pixels[::vertical, ::horizontal]
