"""A shot's frames laid over each other, so that one place of the scene has one address over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inpaint.scene.survey import canvas_box

if TYPE_CHECKING:
    from maskreel.inpaint.scene.survey import Shot

__all__ = ["Canvas", "Laid"]

_KERNEL = 2  # pixels that cubic interpolation reaches to each side


@dataclass(frozen=True)
class Laid:
    """Consecutive frames on the canvas."""

    frames: np.ndarray
    """uint8 (T, h, w, 3) RGB; undefined where not `known`."""
    known: np.ndarray
    """bool (T, h, w): inside the frame, and not influenced by a covered pixel."""
    wanted: np.ndarray
    """bool (T, h, w): needed for the covered pixels of the frame."""


class Canvas:
    """The canvas of one shot: the frame itself if the camera stands still, else the area that the camera sweeps.

    Args:
        shot: the shot; its mode decides whether frames are re-sampled.
        size: (height, width) of the frames.
    """

    def __init__(self, shot: Shot, size: tuple[int, int]) -> None:
        self._shot = shot
        self._frame_size = size
        self._static = shot.mode == "static"
        left, top, right, bottom = (0, 0, size[1], size[0]) if self._static else canvas_box(shot.matrices, size)
        self._origin = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
        self.size = (bottom - top, right - left)

    def lay(self, frames: np.ndarray, holes: np.ndarray, start: int) -> Laid:
        """Lay frames on the canvas.

        Args:
            frames: uint8 (T, H, W, 3) RGB.
            holes: bool (T, H, W), the covered pixels.
            start: index, in the video, of the first frame.
        """
        if self._static:
            return Laid(frames, ~holes, holes)
        laid = np.empty((len(frames), *self.size, 3), np.uint8)
        known = np.empty((len(frames), *self.size), bool)
        wanted = np.empty_like(known)
        for i, (frame, hole) in enumerate(zip(frames, holes, strict=True)):
            matrix = self._matrix(start + i)
            laid[i] = cv2.warpPerspective(frame, matrix, self.size[::-1], flags=cv2.INTER_CUBIC)
            known[i], wanted[i] = self._lay_hole(hole, matrix)
        return Laid(laid, known, wanted)

    def covered(self, masks: np.ndarray, start: int) -> np.ndarray:
        """Where masks, bool (T, H, W), of frames from index `start` on lie on the canvas: bool (T, h, w)."""
        if self._static:
            return masks
        matrices = [self._matrix(start + i) for i in range(len(masks))]
        return np.stack([self._warped(mask, matrix) > 0 for mask, matrix in zip(masks, matrices, strict=True)])

    def lift(self, canvas: np.ndarray, index: int) -> np.ndarray:
        """What the camera of frame `index` sees of a uint8 (h, w, 3) canvas: uint8 (H, W, 3)."""
        if self._static:
            return canvas
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        size = self._frame_size[::-1]
        return cv2.warpPerspective(canvas, self._matrix(index), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def lift_values(self, canvas: np.ndarray, index: int) -> np.ndarray:
        """Like `lift` for a float32 (h, w) map, nearest neighbour."""
        if self._static:
            return canvas
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(canvas, self._matrix(index), self._frame_size[::-1], flags=flags)

    def _matrix(self, index: int) -> np.ndarray:
        return self._origin @ self._shot.matrix(index)

    def _warped(self, mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """uint8 (h, w): 255 on the mask, less at its edge."""
        return cv2.warpPerspective(mask.view(np.uint8) * 255, matrix, self.size[::-1])

    def _lay_hole(self, hole: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shown, inside = self._warped(~hole, matrix), self._warped(np.ones_like(hole), matrix)
        kernel = np.ones((2 * _KERNEL + 1, 2 * _KERNEL + 1), np.uint8)
        known = cv2.erode((shown == 255).astype(np.uint8), kernel)
        near_hole = cv2.dilate(((inside > 0) & (shown < 255)).astype(np.uint8), kernel)
        return known == 1, (near_hole == 1) & (known == 0)
