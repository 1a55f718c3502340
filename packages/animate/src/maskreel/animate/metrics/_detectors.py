"""AKD, MKR and AED: what somebody else's key point detector or identity network says; no weights are downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from maskreel.animate.metrics._checks import check_pictures
from maskreel.animate.metrics._sums import Ratio

if TYPE_CHECKING:
    from maskreel.animate.metrics._frechet import FeatureExtractor

__all__ = ["EmbeddingScore", "KeypointDetector", "KeypointScore", "embedding_distance", "keypoint_distance"]

KeypointDetector = Callable[[Tensor], Tensor]
"""uint8 (N, 3, H, W) -> float (N, K, 2): x and y of K points in pixels, nan where a point is not found."""


def keypoint_distance(found: Tensor, true: Tensor) -> Tensor:
    """AKD of each picture: the mean of |x - x'| and |y - y'| over the points found in both, in pixels.

    Not the Euclidean distance: it is the mean over coordinates (Siarohin et al. 2019, pose-evaluation).

    Args:
        found: float (N, K, 2), nan where a point is missing.
        true: the same shape.

    Returns:
        float64 (N,); nan where no point is in both.
    """
    if found.shape != true.shape or found.ndim != 3 or found.shape[-1] != 2:
        raise ValueError(f"found and true must have one shape (N, K, 2), got {tuple(found.shape)}, {tuple(true.shape)}")
    return (found - true).abs().double().flatten(1).nanmean(-1)


def embedding_distance(found: Tensor, true: Tensor) -> Tensor:
    """AED of each picture: the sum of squared differences, without a root.

    Args:
        found: float (N, D).
        true: the same shape.

    Returns:
        float64 (N,).
    """
    if found.shape != true.shape or found.ndim != 2:
        raise ValueError(f"found and true must have one shape (N, D), got {tuple(found.shape)}, {tuple(true.shape)}")
    return (found.double() - true.double()).square().sum(-1)


class KeypointScore:
    """`akd`, the mean AKD of the frames of a video, and `mkr`, the share of true points that the result lacks.

    Args:
        detector: finds the points in both.
    """

    def __init__(self, detector: KeypointDetector) -> None:
        self._detector, self._akd, self._mkr = detector, Ratio(), Ratio()

    def update(self, pictures: Tensor, truth: Tensor) -> None:
        """Count pictures, uint8 (N, 3, H, W) both."""
        check_pictures(truth, "truth", pictures)
        found, true = self._detector(pictures), self._detector(truth)
        self._akd.add_values(keypoint_distance(found, true))
        there = ~true.isnan().any(-1)
        self._mkr.add((there & found.isnan().any(-1)).double(), there.double())

    def compute(self) -> dict[str, float]:
        """nan where no point was found."""
        return {"akd": self._akd.value, "mkr": self._mkr.value}


class EmbeddingScore:
    """`aed`, the mean AED of the frames of a video.

    Args:
        embedder: uint8 (N, 3, H, W) -> float (N, D), for example of identities.
    """

    def __init__(self, embedder: FeatureExtractor) -> None:
        self._embedder, self._aed = embedder, Ratio()

    @torch.no_grad()
    def update(self, pictures: Tensor, truth: Tensor) -> None:
        """Count pictures, uint8 (N, 3, H, W) both."""
        check_pictures(truth, "truth", pictures)
        self._aed.add_values(embedding_distance(self._embedder(pictures), self._embedder(truth)))

    def compute(self) -> dict[str, float]:
        """nan before the first picture."""
        return {"aed": self._aed.value}
