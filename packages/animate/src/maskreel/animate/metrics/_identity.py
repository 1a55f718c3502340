"""Whether a subject is still dressed as it was, told by its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.metrics._checks import check_masks, check_pictures, unit
from maskreel.animate.metrics._sums import Ratio

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IdentityScore", "colour_histogram", "histogram_distance"]


def colour_histogram(pictures: Tensor, subject: Tensor, *, bins: int = 8) -> Tensor:
    """Share of each colour in the subject of each picture.

    Args:
        pictures: uint8 or float (N, 3, H, W).
        subject: bool (N, H, W).
        bins: levels of red, of green and of blue.

    Returns:
        float64 (N, bins ** 3), rows that add up to 1; nan where there is no subject.
    """
    check_pictures(pictures, "pictures")
    check_masks(subject, "subject", pictures)
    if bins < 2:
        raise ValueError(f"bins must be 2 or more, got {bins}")
    levels = (unit(pictures) * bins).long().clamp(0, bins - 1)
    index = (levels[:, 0] * bins + levels[:, 1]) * bins + levels[:, 2]
    counts = torch.stack(
        [places[mask].bincount(minlength=bins**3) for places, mask in zip(index, subject, strict=True)]
    )
    return counts.double() / counts.sum(-1, keepdim=True)


def histogram_distance(a: Tensor, b: Tensor) -> Tensor:
    """Chi-squared distance of histograms (..., K), half the sum of (a - b)^2 / (a + b): 0 equal, 1 nothing shared."""
    return ((a - b).square() / (a + b).where(a + b != 0, 1)).sum(-1) / 2


class IdentityScore:
    """Mean colour distance of a video's subject from the source's, in chunks: `identity`.

    Args:
        source: uint8 or float (1, 3, H, W).
        subject: bool (1, H, W).
    """

    def __init__(self, source: Tensor, subject: Tensor) -> None:
        self._source, self._distance = colour_histogram(source, subject), Ratio()

    def update(self, pictures: Tensor, subject: Tensor) -> None:
        """Count pictures; those without a subject do not count."""
        self._distance.add_values(histogram_distance(colour_histogram(pictures, subject), self._source))

    def compute(self) -> dict[str, float]:
        """nan before the first subject."""
        return {"identity": self._distance.value}
