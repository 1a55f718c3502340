"""What paints the pixels of one image that no frame of the video shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, get_args

from maskreel.inpaint.painting.hole_fill import FillMethod, fill_image

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ClassicalInpainter", "ImageInpainter"]


class ImageInpainter(Protocol):
    """Paints the hole of an image. Its `__repr__` tells all that decides the result, for it is part of the key under
    which a job keeps what was painted.
    """

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of an image of any size.

        Args:
            image: uint8 (H, W, 3), RGB; what stands in the hole is of no influence.
            mask: bool (H, W), True where to paint.

        Returns:
            A new uint8 (H, W, 3), bit-identical outside the mask.

        Raises:
            ValueError: wrong shape or dtype, or a mask that leaves nothing to paint from.
        """
        ...


class ClassicalInpainter:
    """OpenCV's methods, coarse to fine (`fill_image`); they need no weights.

    Args:
        method: telea: fast marching (Telea, J. Graphics Tools 2004). ns: Navier-Stokes (Bertalmio et al., CVPR 2001).
        radius: pixels around each painted pixel that are looked at.
    """

    def __init__(self, method: FillMethod = "telea", *, radius: float = 5) -> None:
        if method not in get_args(FillMethod):
            raise ValueError(f"method must be one of {', '.join(get_args(FillMethod))}, got {method!r}")
        if radius <= 0:
            raise ValueError(f"radius must be positive, got {radius}")
        self.method: FillMethod = method
        self.radius = radius

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of uint8 (H, W, 3) RGB where bool (H, W) is True; see `ImageInpainter`."""
        return fill_image(image, mask, self.method, self.radius)

    def __repr__(self) -> str:
        return f"ClassicalInpainter({self.method!r}, radius={self.radius})"
