"""Whether masks are in the same pose, told by their first two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.metrics._sums import Ratio

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PoseScore", "centroid_and_covariance", "pose_distance"]


def centroid_and_covariance(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Centroid (x, y) and covariance of the pixels of each mask, in picture heights.

    Args:
        masks: bool, or float weights of 0 or more, (N, H, W).

    Returns:
        float64 (N, 2) and (N, 2, 2); nan for empty masks.
    """
    if masks.ndim != 3:
        raise ValueError(f"masks must have shape (N, H, W), got {tuple(masks.shape)}")
    weights = masks.double()
    height, width = masks.shape[-2:]
    rows, columns = (torch.arange(n, dtype=torch.float64, device=masks.device) / height for n in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], -1)
    share = weights.flatten(1) / weights.sum((-2, -1))[:, None]
    centroid = share @ places
    spread = places - centroid[:, None]
    return centroid, torch.einsum("np,npi,npj->nij", share, spread, spread)


def pose_distance(masks: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """How far apart the centroids of masks are, and their covariances.

    Both in picture heights. The second is the Fréchet distance of Gaussians with those covariances and one centre:
    the root of tr(A + B - 2 (A B)^(1/2)), so for covariances along the axes the length of the difference of the
    standard deviations.

    Args:
        masks: bool or float (N, H, W).
        truth: the same shape.

    Returns:
        float64 (N,) each; nan if a mask is empty.
    """
    if masks.shape != truth.shape:
        raise ValueError(f"truth must have shape {tuple(masks.shape)}, got {tuple(truth.shape)}")
    (centre, spread), (true_centre, true_spread) = centroid_and_covariance(masks), centroid_and_covariance(truth)
    return (centre - true_centre).norm(dim=-1), _covariance_distance(spread, true_spread)


class PoseScore:
    """Means of `pose_distance` over the frames of a video, in chunks: `pose_centroid` and `pose_covariance`."""

    def __init__(self) -> None:
        self._centroid, self._covariance = Ratio(), Ratio()

    def update(self, masks: Tensor, truth: Tensor) -> None:
        """Count masks; frames in which one is empty do not count."""
        centroid, covariance = pose_distance(masks, truth)
        self._centroid.add_values(centroid)
        self._covariance.add_values(covariance)

    def compute(self) -> dict[str, float]:
        """nan before the first frame."""
        return {"pose_centroid": self._centroid.value, "pose_covariance": self._covariance.value}


def _covariance_distance(a: Tensor, b: Tensor) -> Tensor:
    """For 2 x 2 the trace of the root of A B is (tr(A B) + 2 (det A det B)^(1/2))^(1/2)."""
    root = (a.det().clamp(min=0) * b.det().clamp(min=0)).sqrt()
    cross = (_trace(a @ b) + 2 * root).clamp(min=0).sqrt()
    return (_trace(a) + _trace(b) - 2 * cross).clamp(min=0).sqrt()


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
