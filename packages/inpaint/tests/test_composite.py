"""Blending filled pixels into a frame."""

from __future__ import annotations

import numpy as np

from maskreel.inpaint.painting.composite import composite


def test_pixels_are_blended_by_their_weight() -> None:
    frame, fill = np.full((1, 5, 3), 100, np.uint8), np.full((1, 5, 3), 203, np.uint8)
    alpha = np.array([[0, 0.25, 0.5, 0.75, 1]], np.float32)
    assert composite(frame, fill, alpha)[0, :, 0].tolist() == [100, 126, 152, 177, 203]
    assert composite(fill, frame, alpha)[0, :, 0].tolist() == [203, 177, 152, 126, 100]


def test_pixels_without_weight_are_identical_whatever_the_fill() -> None:
    rng = np.random.default_rng(0)
    frame, fill = rng.integers(0, 256, (2, 20, 30, 3)).astype(np.uint8)
    alpha = np.where(rng.random((20, 30)) < 0.5, 0, rng.random((20, 30))).astype(np.float32)
    result = composite(frame, fill, alpha)
    assert np.array_equal(result[alpha == 0], frame[alpha == 0])
    assert not np.array_equal(result, frame)


def test_the_given_arrays_are_left_unchanged() -> None:
    frame, fill = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 9, np.uint8)
    result = composite(frame, fill, np.ones((4, 4), np.float32))
    assert (result == 9).all()
    assert not frame.any()
