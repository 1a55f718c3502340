"""How near masks are to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.metrics._sums import Ratio
from maskreel.common.metrics import contour_f, iou

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MaskScore"]


class MaskScore:
    """IoU and boundary F of the masks of a video in chunks; `compute` gives the means over frames, `iou` and `f`.

    Definitions are those of `maskreel.common.metrics` (DAVIS): two empty masks agree; a contour pixel is right within
    0.8 % of the diagonal.
    """

    def __init__(self) -> None:
        self._iou, self._f = Ratio(), Ratio()

    def update(self, masks: Tensor, truth: Tensor) -> None:
        """Count masks: bool (N, H, W) both."""
        self._iou.add_values(iou(masks, truth))
        self._f.add_values(contour_f(masks, truth))

    def compute(self) -> dict[str, float]:
        """nan before the first mask."""
        return {"iou": self._iou.value, "f": self._f.value}
