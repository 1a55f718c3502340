from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.painting.hole_fill import fill_image
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter, ImageInpainter


def picture() -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    mask = np.zeros((40, 50), np.bool_)
    mask[10:20, 15:30] = True
    return image, mask


@pytest.mark.parametrize("method", ["telea", "ns"])
def test_paints_as_fill_image_does(method):
    image, mask = picture()
    painter: ImageInpainter = ClassicalInpainter(method, radius=3)
    result = painter(image, mask)
    assert np.array_equal(result, fill_image(image, mask, method, 3))
    assert np.array_equal(result[~mask], image[~mask])
    assert (result[mask] != image[mask]).any()


def test_the_representation_tells_all_that_decides_the_result():
    assert repr(ClassicalInpainter()) == "ClassicalInpainter('telea', radius=5)"
    painters = ClassicalInpainter(), ClassicalInpainter("ns"), ClassicalInpainter(radius=4)
    assert len({repr(painter) for painter in painters}) == 3


def test_refuses_bad_options_at_once():
    with pytest.raises(ValueError, match="method must be one of telea, ns, got 'lama'"):
        ClassicalInpainter("lama")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="radius must be positive, got 0"):
        ClassicalInpainter(radius=0)
