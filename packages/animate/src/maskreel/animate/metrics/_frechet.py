"""FID from features that the caller's network makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

__all__ = ["FeatureExtractor", "FrechetScore", "frechet_distance"]

FeatureExtractor = Callable[[Tensor], Tensor]
"""uint8 (N, 3, H, W) -> float (N, D)."""


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """|a - b|^2 + tr(A + B - 2 (A B)^(1/2)) of two Gaussians (Heusel et al. 2017).

    Args:
        mean_a: float (D,).
        covariance_a: float (D, D), symmetric, without negative eigenvalues.
        mean_b: as the first.
        covariance_b: as the first.
    """
    size = len(mean_a)
    for name, value, shape in (
        ("mean_b", mean_b, (size,)),
        ("covariance_a", covariance_a, (size, size)),
        ("covariance_b", covariance_b, (size, size)),
    ):
        if tuple(value.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}")
    mean_a, covariance_a, mean_b, covariance_b = (x.double() for x in (mean_a, covariance_a, mean_b, covariance_b))
    root = _root(covariance_a)
    # A B and A^(1/2) B A^(1/2) have the same eigenvalues, and the second is symmetric
    cross = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp(min=0).sqrt().sum()
    spread = covariance_a.trace() + covariance_b.trace() - 2 * cross
    return float((mean_a - mean_b).square().sum() + spread)


class FrechetScore:
    """FID of many pictures in chunks: keeps sums of features and of their products, D x D numbers.

    Thousands of pictures are needed for a value to be compared with others; covariances are those of numpy.cov.

    Args:
        features: makes a row of numbers of each picture.
    """

    def __init__(self, features: FeatureExtractor) -> None:
        self._features = features
        self._sums: dict[str, tuple[int, Tensor, Tensor]] = {}
        self._origin: Tensor | None = None

    @torch.no_grad()
    def update(self, pictures: Tensor, kind: Literal["result", "truth"]) -> None:
        """Count pictures, uint8 (N, 3, H, W), of one of the two kinds."""
        if kind not in ("result", "truth"):
            raise ValueError(f"kind must be 'result' or 'truth', got {kind!r}")
        rows = self._features(pictures).double().cpu()
        if self._origin is None:
            self._origin = rows.mean(0)  # near the mean, products lose little in the difference at the end
        rows = rows - self._origin
        count, total, products = self._sums.get(kind, (0, torch.zeros(()), torch.zeros(())))
        self._sums[kind] = count + len(rows), total + rows.sum(0), products + rows.T @ rows

    def compute(self) -> dict[str, float]:
        """`fid`.

        Raises:
            ValueError: a kind has fewer than two pictures.
        """
        for kind in ("result", "truth"):
            if self._sums.get(kind, (0,))[0] < 2:
                raise ValueError(f"FID needs two pictures or more of the {kind}, got {self._sums.get(kind, (0,))[0]}")
        return {"fid": frechet_distance(*self._gaussian("result"), *self._gaussian("truth"))}

    def _gaussian(self, kind: str) -> tuple[Tensor, Tensor]:
        count, total, products = self._sums[kind]
        mean = total / count
        return mean, (products - count * mean.outer(mean)) / (count - 1)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
