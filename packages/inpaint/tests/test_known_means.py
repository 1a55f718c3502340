"""Shrinking what has holes, and filling at a reduced size."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.painting.harmonic import harmonic_fill, reduced_harmonic_fill
from maskreel.inpaint.painting.known_means import known_means


def test_only_what_is_known_counts() -> None:
    values = np.array([[8, 200, 4, 4], [2, 200, 4, 4], [200, 200, 0, 2], [200, 200, 4, 200]], np.uint8)[..., None]
    means, share = known_means(values, values[..., 0] == 200, (2, 2))
    assert means.dtype == share.dtype == np.float32
    assert means[..., 0].tolist() == [[5, 4], [0, 2]]
    assert share.tolist() == [[0.5, 1], [0, 0.75]]


def test_sizes_need_not_divide() -> None:
    """Three pixels on two: the middle one counts half for each."""
    values = np.array([[6.0, 12.0, 30.0]], np.float32)[..., None]
    means, share = known_means(values, np.array([[False, False, True]]), (1, 2))
    assert means.shape == (1, 2, 1)
    np.testing.assert_allclose(means[0, :, 0], [8, 12], rtol=1e-6)
    np.testing.assert_allclose(share, [[1, 1 / 3]], rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_stands_in_the_hole_does_not_matter(channels: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(31, 23, channels)).astype(np.float32)
    hole = rng.random((31, 23)) < 0.5
    other = np.where(hole[..., None], np.float32(1e6), values)
    for found, expected in zip(known_means(other, hole, (8, 6)), known_means(values, hole, (8, 6)), strict=True):
        assert np.array_equal(found, expected)
    expected, found = (reduced_harmonic_fill(each, hole, reduction=3, least_known=0.25) for each in (values, other))
    assert found.shape == values.shape
    assert np.array_equal(found, expected)


def test_a_ramp_is_filled_at_a_reduced_size_nearly_as_at_its_own() -> None:
    y, x = np.mgrid[:90, :120].astype(np.float32)
    ramp, hole = np.stack([x, 100 - y], -1), (x - 60) ** 2 + (y - 45) ** 2 < 20**2
    expected = harmonic_fill(ramp, hole)
    assert np.abs(expected - ramp).max() < 1.5
    assert np.abs(reduced_harmonic_fill(ramp, hole, reduction=4, least_known=0.5) - expected)[hole].max() < 1.5


def test_squares_that_are_known_too_little_are_filled() -> None:
    """Beside a large hole one column of a square is left; whether it speaks for the square is asked of the caller."""
    values, hole = np.zeros((16, 16, 1), np.float32), np.zeros((16, 16), np.bool_)
    hole[:, 5:12] = True
    values[:, 4] = 40
    trusted, ignored = (reduced_harmonic_fill(values, hole, reduction=4, least_known=least) for least in (0.2, 0.5))
    assert trusted[8, 5:8].mean() > 20
    assert np.abs(ignored).max() < 1e-3
