from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maskreel.animate.metrics import (
    EmbeddingScore,
    FrechetScore,
    KeypointScore,
    embedding_distance,
    frechet_distance,
    keypoint_distance,
)

NAN = math.nan


def test_keypoints_are_compared_by_coordinate():
    found = torch.tensor([[[0.0, 0.0], [3.0, 4.0]], [[1.0, 1.0], [NAN, NAN]]])
    true = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 3.0], [9.0, 9.0]]])
    assert keypoint_distance(found, true).tolist() == [(1 + 0 + 3 + 4) / 4, (0 + 2) / 2]
    assert keypoint_distance(torch.full((1, 2, 2), NAN), true[:1]).isnan().all()


def test_keypoint_score_counts_missing_points():
    def detector(pictures: torch.Tensor) -> torch.Tensor:
        points = torch.tensor([[0.0, 0.0], [2.0, 2.0]]).expand(len(pictures), 2, 2).clone()
        points[:, 0, 0] = pictures[:, 0, 0, 0]
        points[pictures[:, 1, 0, 0] > 0, 1] = NAN
        return points

    result, truth = (torch.zeros(2, 3, 4, 4, dtype=torch.uint8) for _ in range(2))
    result[0, 0] = 6  # the first point is 6 pixels off
    result[1, 1] = 1  # the second is missing
    score = KeypointScore(detector)
    assert math.isnan(score.compute()["akd"])
    for part in range(2):
        score.update(result[part : part + 1], truth[part : part + 1])
    assert score.compute() == {"akd": pytest.approx((6 / 4 + 0) / 2), "mkr": 0.25}


def test_embeddings_are_compared_by_squares_without_a_root():
    assert embedding_distance(torch.tensor([[0.0, 3.0]]), torch.tensor([[4.0, 0.0]])).tolist() == [25]
    score = EmbeddingScore(lambda pictures: pictures.float().mean((-2, -1)))
    assert math.isnan(score.compute()["aed"])
    score.update(torch.full((2, 3, 4, 4), 2, dtype=torch.uint8), torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
    assert score.compute()["aed"] == 12


def test_shapes_of_points_and_embeddings_are_checked():
    with pytest.raises(ValueError, match=r"one shape \(N, K, 2\)"):
        keypoint_distance(torch.zeros(1, 2, 2), torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match=r"one shape \(N, K, 2\)"):
        keypoint_distance(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match=r"one shape \(N, D\)"):
        embedding_distance(torch.zeros(1, 2), torch.zeros(1, 3))


def test_frechet_distance_of_gaussians_along_the_axes_by_hand():
    # (3 - 0)^2 + (4 - 0)^2 + (sqrt(4) - sqrt(1))^2 + (sqrt(9) - sqrt(25))^2
    value = frechet_distance(
        torch.tensor([3.0, 4.0]),
        torch.diag(torch.tensor([4.0, 9.0])),
        torch.zeros(2),
        torch.diag(torch.tensor([1.0, 25.0])),
    )
    assert value == pytest.approx(9 + 16 + 1 + 4)


def test_frechet_distance_of_slanted_gaussians():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    a, b = (factor @ factor.T for factor in rng.normal(size=(2, 5, 5)))
    means = rng.normal(size=(2, 5))
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    given = (torch.from_numpy(x) for x in (means[0], a, means[1], b))
    assert frechet_distance(*given) == pytest.approx(expected)


def test_frechet_shapes_are_checked():
    with pytest.raises(ValueError, match=r"covariance_a must have shape \(2, 2\), got \(3, 3\)"):
        frechet_distance(torch.zeros(2), torch.eye(3), torch.zeros(2), torch.eye(2))
    with pytest.raises(ValueError, match=r"mean_b must have shape \(2,\)"):
        frechet_distance(torch.zeros(2), torch.eye(2), torch.zeros(3), torch.eye(2))


def test_fid_in_chunks_is_that_of_numpy():
    rng = torch.Generator().manual_seed(0)
    result, truth = (torch.randint(0, 256, (20, 3, 4, 4), generator=rng).byte() for _ in range(2))

    def features(pictures: torch.Tensor) -> torch.Tensor:
        return pictures.float().mean((-2, -1)) + 1000

    score = FrechetScore(features)
    for start, stop in ((0, 7), (7, 20)):
        score.update(result[start:stop], "result")
        score.update(truth[start:stop], "truth")
    rows = [features(x).double().numpy() for x in (result, truth)]
    gaussians = [torch.from_numpy(x) for y in rows for x in (y.mean(0), np.cov(y, rowvar=False))]
    assert score.compute()["fid"] == pytest.approx(frechet_distance(*gaussians), rel=1e-9)


def test_fid_needs_pictures():
    score = FrechetScore(lambda pictures: pictures.float().mean((-2, -1)))
    with pytest.raises(ValueError, match="two pictures or more of the result, got 0"):
        score.compute()
    score.update(torch.zeros(2, 3, 4, 4).byte(), "result")
    score.update(torch.zeros(1, 3, 4, 4).byte(), "truth")
    with pytest.raises(ValueError, match="two pictures or more of the truth, got 1"):
        score.compute()
    with pytest.raises(ValueError, match="kind must be 'result' or 'truth', got 'other'"):
        score.update(torch.zeros(1, 3, 4, 4).byte(), "other")  # pyright: ignore[reportArgumentType]
