from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskreel.inpaint.painting.hole_fill import FillMethod, fill_image

Y, X = np.mgrid[:90, :120]


def ramp() -> np.ndarray:
    return np.stack([X * 2, Y * 2, 250 - X - Y], -1).astype(np.uint8)


def disk(radius: float) -> np.ndarray:
    return radius**2 >= (X - 60) ** 2 + (Y - 45) ** 2


@pytest.mark.parametrize("method", ["telea", "ns"])
def test_small_holes_are_what_opencv_makes_of_them(method):
    mask = disk(6)
    flag = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[method]
    expected = cv2.inpaint(ramp(), mask.astype(np.uint8), 5, flag)
    assert np.array_equal(fill_image(ramp(), mask, method), expected)


@pytest.mark.parametrize("method", ["telea", "ns"])
@pytest.mark.parametrize("radius", [3, 10, 30])
def test_fills_a_ramp_and_leaves_the_rest(method, radius):
    image, mask = ramp(), disk(radius)
    damaged = np.where(mask[..., None], np.uint8(255), image)
    filled = fill_image(damaged, mask, method)
    assert np.array_equal(filled[~mask], image[~mask])
    assert np.abs(filled[mask].astype(int) - image[mask]).mean() < 0.25 * radius + 1
    assert (damaged[mask] == 255).all()


def test_what_stands_in_the_hole_does_not_matter():
    mask = disk(25)
    one, other = (np.where(mask[..., None], np.uint8(level), ramp()) for level in (0, 200))
    assert np.array_equal(fill_image(one, mask), fill_image(other, mask))


def test_large_holes_are_smoother_than_opencvs():
    noise = np.random.default_rng(0).integers(-40, 40, (90, 120, 3))
    image, mask = np.clip(ramp() + noise, 0, 255).astype(np.uint8), disk(35)
    plain = cv2.inpaint(image, mask.astype(np.uint8), 5, cv2.INPAINT_TELEA)
    errors = [np.square(fill[mask].astype(float) - ramp()[mask]).mean() for fill in (fill_image(image, mask), plain)]
    assert errors[0] < 0.8 * errors[1]


def test_an_empty_mask_changes_nothing():
    image = ramp()
    filled = fill_image(image, np.zeros((90, 120), np.bool_))
    assert np.array_equal(filled, image)
    assert filled is not image


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (3, 40), (40, 3)])
def test_tiny_images(size):
    image = np.full((*size, 3), 70, np.uint8)
    mask = np.ones(size, np.bool_)
    mask[-1, -1] = False
    image[mask] = 0
    # OpenCV's Telea drifts upwards even on a constant, by 8 levels over 40 px.
    np.testing.assert_allclose(fill_image(image, mask), 70, atol=10)


def test_holes_at_the_corner_and_apart():
    image = np.full((200, 300, 3), 90, np.uint8)
    mask = np.zeros((200, 300), np.bool_)
    mask[:60, :60] = mask[-1, -1] = mask[100, 200] = True
    np.testing.assert_allclose(fill_image(np.where(mask[..., None], np.uint8(0), image), mask), 90, atol=5)


def test_refuses_bad_input():
    image, mask = ramp(), disk(5)
    with pytest.raises(ValueError, match="mask covers the whole image"):
        fill_image(image, np.ones_like(mask))
    with pytest.raises(ValueError, match=r"image must be uint8 \(H, W, 3\), got float32"):
        fill_image(image.astype(np.float32), mask)
    with pytest.raises(ValueError, match=r"mask must be bool \(90, 120\), got uint8"):
        fill_image(image, mask.astype(np.uint8))
    with pytest.raises(ValueError, match="method must be one of telea, ns, got 'lama'"):
        fill_image(image, mask, "lama")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="radius must be positive, got 0"):
        fill_image(image, mask, radius=0)


@pytest.mark.parametrize("method", ["telea", "ns"])
def test_what_stands_in_a_hole_at_the_border_has_no_influence(method: FillMethod) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[:14, 30:] = True
    other = image.copy()
    other[mask] = 255 - other[mask]
    assert np.array_equal(fill_image(image, mask, method), fill_image(other, mask, method))
