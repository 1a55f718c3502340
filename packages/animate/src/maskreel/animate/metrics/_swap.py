"""What a change of background did wrong: old background left over, new one on the subject, the third picture's subject.

Here `out` is the result, `animated` the picture with the old background, `backdrop` what should be behind, and all
numbers but those of `SwapScore` are of one picture each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.metrics._checks import check_masks, check_pictures, unit
from maskreel.animate.metrics._pictures import L1
from maskreel.animate.metrics._regions import MARGIN, regions
from maskreel.animate.metrics._seam import seam_sums
from maskreel.animate.metrics._steadiness import Steadiness
from maskreel.animate.metrics._sums import Ratio
from maskreel.common.masks import dilate
from maskreel.common.metrics import PSNR

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SwapScore", "bleed", "leak"]


def leak(out: Tensor, animated: Tensor, backdrop: Tensor, where: Tensor) -> Tensor:
    """How much of the old background is left: <out - backdrop, animated - backdrop> / |animated - backdrop|^2.

    0 where `out` is the new background, 1 where it is the old one, 0.5 where it is half of each.

    Args:
        out: uint8 or float (N, 3, H, W).
        animated: the same shape and dtype.
        backdrop: the same shape and dtype.
        where: bool (N, H, W), where no subject is.

    Returns:
        float64 (N,); nan where old and new background are the same.
    """
    over, under = _share(out, backdrop, animated, where)
    return over / under


def bleed(out: Tensor, animated: Tensor, backdrop: Tensor, where: Tensor) -> Tensor:
    """How much of the new background shines through: <out - animated, backdrop - animated> / |backdrop - animated|^2.

    The same as `leak` the other way round; `where` is where the subject is.
    """
    over, under = _share(out, animated, backdrop, where)
    return over / under


class SwapScore:
    """A change of background in chunks, in bounded memory.

    `compute` gives, over all pixels of all pictures, with `margin` pixels to either side of outlines left out:

    - `leak`: of the old background, off the subject; `bleed`: of the new one, on the subject.
    - `background_l1`, `background_psnr`: of the new background, off the subject and off the hole.
    - `ghost`: L1 against the clean plate in the hole, which the third picture's own subject has left.
    - `flicker`, `drift`: of the new background, see `Steadiness`.
    - `seam`: how much steeper the picture is along the outline than a soft composite, see `seam`.

    nan is what was never to be seen, such as the ghost without a hole.

    Args:
        margin: pixels.
    """

    def __init__(self, *, margin: float = MARGIN) -> None:
        self._margin = margin
        self._ratios = {name: Ratio() for name in ("leak", "bleed", "seam")}
        self._fidelity, self._ghost, self._decibels = L1(), L1(), PSNR()
        self._steadiness = Steadiness()

    def update(
        self,
        out: Tensor,
        animated: Tensor,
        backdrop: Tensor,
        subject: Tensor,
        *,
        holes: Tensor | None = None,
        plate: Tensor | None = None,
    ) -> None:
        """Count pictures, in the order of time.

        Args:
            out: uint8 or float (N, 3, H, W).
            animated: the subject with its old background, the same shape and dtype.
            backdrop: the third picture as it came, the same shape and dtype.
            subject: bool (N, H, W).
            holes: bool (N, H, W), the third picture's own subject.
            plate: the third picture without its subject, the same shape and dtype; needs `holes`.
        """
        check_pictures(out, "out")
        check_pictures(animated, "animated", out)
        check_pictures(backdrop, "backdrop", out)
        check_masks(subject, "subject", out)
        if plate is not None and holes is None:
            raise ValueError("holes must be given with plate, got none")
        if holes is None:
            holes = torch.zeros_like(subject)
        check_masks(holes, "holes", out)
        found, hole = regions(subject, margin=self._margin), dilate(holes, self._margin)
        known = found.outside & ~hole
        self._ratios["leak"].add(*_share(out, backdrop, animated, known))
        self._ratios["bleed"].add(*_share(out, animated, backdrop, found.inside & ~hole))
        self._ratios["seam"].add(*seam_sums(out, animated, backdrop, subject, found.boundary & ~hole))
        self._fidelity.update(out, backdrop, mask=known)
        self._decibels.update(out, backdrop, mask=known)
        if plate is not None:
            check_pictures(plate, "plate", out)
            self._ghost.update(out, plate, mask=holes & found.outside)
        self._steadiness.update(out, known, reference=backdrop)

    def compute(self) -> dict[str, float]:
        """All numbers by name."""
        return {
            "leak": self._ratios["leak"].value,
            "bleed": self._ratios["bleed"].value,
            "background_l1": self._fidelity.compute(),
            "background_psnr": self._decibels.compute() if self._decibels.frames else torch.nan,
            "ghost": self._ghost.compute(),
            "seam": self._ratios["seam"].value,
            **self._steadiness.compute(),
        }


def _share(out: Tensor, start: Tensor, end: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """How far `out` went from `start` to `end`: scalar product and square, float64 (N,) each."""
    check_pictures(out, "out")
    check_pictures(start, "backdrop", out)
    check_pictures(end, "animated", out)
    check_masks(where, "where", out)
    way = (unit(end) - unit(start)).double() * where[:, None]
    gone = (unit(out) - unit(start)).double()
    return (gone * way).sum((1, 2, 3)), way.square().sum((1, 2, 3))
