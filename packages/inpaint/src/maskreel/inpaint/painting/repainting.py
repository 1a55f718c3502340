"""What is painted once must follow what changes around it: people pass beside a logo, the light goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inpaint.painting.box import box_around
from maskreel.inpaint.painting.harmonic import harmonic_fill

if TYPE_CHECKING:
    from maskreel.inpaint.painting.image_inpainter import ImageInpainter

__all__ = ["Repainter"]

_MARGIN = 16  # pixels around a painting that it is carried on from, and around known ones where copies do not count
_SAME, _OTHER = 8.0, 32.0  # grey levels up to which a place looks as on the plate, and beyond which it does not


class Repainter:
    """Adapts the painted parts of a plate to single frames.

    Near surroundings that look about as they do on the plate, a painting changes as they do, by the membrane (harmonic
    function) that meets their change: it is as steady as the light is. Near others, the frame is painted anew, so that
    what happened to stand beside the painting when the plate was made is not shown for good.

    Args:
        plate: uint8 (h, w, 3), completed.
        painter: paints single frames anew; a quick one, as there may be many.
    """

    def __init__(self, plate: np.ndarray, painter: ImageInpainter) -> None:
        self._plate, self._painter = plate, painter

    def __call__(self, image: np.ndarray, painted: np.ndarray, known: np.ndarray, copied: np.ndarray) -> np.ndarray:
        """A frame with its paintings adapted.

        Args:
            image: uint8 (h, w, 3), the frame on the plate's canvas, with its holes filled.
            painted: bool (h, w), where the fill is the plate's painting.
            known: bool (h, w), where the frame shows itself.
            copied: bool (h, w), where other moments show what it hides. A painting is carried on from them only far
                from what is known, which says better what stands beside it now.

        Returns:
            uint8 (h, w, 3); `image` itself if there is nothing painted, or nothing to adapt it to.
        """
        if not painted.any():
            return image
        box = box_around(painted, _MARGIN)
        part, inside = image[box], painted[box]
        unknown = ~(known[box] | (copied[box] & (_distance(known[box]) > _MARGIN)))
        if unknown.all():
            return image
        change = part.astype(np.float32) - self._plate[box]
        same = np.clip((_OTHER - np.abs(change).max(axis=-1)) / (_OTHER - _SAME), 0, 1)
        around = harmonic_fill(np.dstack([change, same]), unknown)[inside]
        adapted, same = self._plate[box][inside] + around[:, :3], around[:, 3:]
        if same.min() < 1:
            anew = self._painter(part, unknown)[inside]
            adapted = anew + same * (adapted - anew)
        result = image.copy()
        result[box][inside] = np.clip(np.rint(adapted), 0, 255).astype(np.uint8)
        return result


def _distance(area: np.ndarray) -> np.ndarray:
    """float32 (h, w): pixels from the nearest True."""
    return cv2.distanceTransform((~area).view(np.uint8), cv2.DIST_L2, 3)
