from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.painting.hole_crop import paint_around_hole


class Recorder:
    """Paints one colour, and keeps what it was shown."""

    def __init__(self, level: int = 77) -> None:
        self.level = level
        self.calls: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        assert picture.dtype == np.uint8
        assert hole.dtype == np.bool_
        assert not hole.all()
        assert not picture[hole].any()
        self.calls.append((picture.copy(), hole.copy()))
        return np.full_like(picture, self.level)


def plane(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Carries on the plane through the known pixels, by least squares."""
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    design = np.stack([x, y, np.ones_like(x)], -1).astype(np.float64)
    fitted, *_ = np.linalg.lstsq(design[~hole], picture[~hole].astype(np.float64), rcond=None)
    return np.clip(np.rint(design @ fitted), 0, 255).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def hole(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """True from (y0, x0) to before (y1, x1)."""
    mask = np.zeros((height, width), np.bool_)
    for y0, x0, y1, x1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def test_a_small_hole_is_seen_in_a_box_of_256_and_nothing_else_changes():
    image, mask, paint = noise(600, 800), hole(600, 800, (300, 400, 320, 430)), Recorder()
    result = paint_around_hole(image, mask, paint)
    assert (result[mask] == 77).all()
    assert np.array_equal(result[~mask], image[~mask])
    [(picture, seen)] = paint.calls
    # 20 rows and 64 on either side are 148, 108 short of 256; 30 columns likewise are 158, 98 short.
    box = np.s_[300 - 64 - 54 : 320 + 64 + 54, 400 - 64 - 49 : 430 + 64 + 49]
    assert picture.shape == (256, 256, 3)
    assert np.array_equal(seen, mask[box])
    assert np.array_equal(picture[~seen], image[box][~seen])


def test_a_box_at_the_border_is_moved_into_the_image():
    image, mask, paint = noise(300, 400), hole(300, 400, (290, 0, 300, 10)), Recorder()
    paint_around_hole(image, mask, paint)
    [(_, seen)] = paint.calls
    assert np.array_equal(seen, mask[44:, :256])


def test_the_context_grows_with_the_hole():
    mask, paint = hole(500, 500, (150, 150, 350, 250)), Recorder()
    paint_around_hole(noise(500, 500), mask, paint, min_side=1)
    assert paint.calls[0][1].shape == (400, 304)  # 200 + 2 * 100; 100 + 2 * 100 and 4 to a multiple of 8
    paint_around_hole(noise(500, 500), mask, paint, min_side=1, context=0.2)
    assert paint.calls[1][1].shape == (328, 232)  # 64 at least on each side; already multiples


def test_odd_sizes_are_reflected_at_the_right_and_the_bottom():
    image, mask, paint = noise(45, 50), hole(45, 50, (40, 10, 45, 20)), Recorder()
    paint_around_hole(image, mask, paint, multiple=16)
    [(picture, seen)] = paint.calls
    black = np.where(mask[..., None], np.uint8(0), image)
    assert np.array_equal(picture, np.pad(black, ((0, 3), (0, 14), (0, 0)), mode="reflect"))
    assert np.array_equal(seen, np.pad(mask, ((0, 3), (0, 14)), mode="reflect"))


@pytest.mark.parametrize("max_side", [128, 256])
def test_a_large_box_is_shrunk_and_what_was_painted_is_enlarged_in_place(max_side):
    y, x = np.mgrid[:512, :768]
    image = np.stack([x // 4, y // 4, 220 - x // 8 - y // 8], -1).astype(np.uint8)
    mask = (x - 400) ** 2 + (y - 250) ** 2 < 200**2
    shapes = []

    def paint(picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
        shapes.append(seen.shape)
        return plane(picture, seen)

    result = paint_around_hole(np.where(mask[..., None], np.uint8(255), image), mask, paint, max_side=max_side)
    assert shapes == [(max_side * 512 // 768 // 8 * 8 + 8, max_side)]
    assert np.abs(result[mask].astype(int) - image[mask]).max() <= 3
    assert np.array_equal(result[~mask], image[~mask])


@pytest.mark.parametrize("max_side", [48, 512])
def test_what_stands_in_the_hole_does_not_matter(max_side):
    mask, image = hole(90, 120, (20, 30, 71, 93)), noise(90, 120)
    one, other = (np.where(mask[..., None], np.uint8(level), image) for level in (0, 200))
    result = paint_around_hole(one, mask, plane, max_side=max_side)
    assert np.array_equal(result, paint_around_hole(other, mask, plane, max_side=max_side))


def test_holes_far_apart_are_painted_one_by_one():
    boxes = (10, 10, 30, 30), (500, 600, 560, 640), (510, 660, 550, 680)  # the last two are 20 px apart
    image, mask, paint = noise(600, 800), hole(600, 800, *boxes), Recorder()
    result = paint_around_hole(image, mask, paint)
    assert [int(seen.sum()) for _, seen in paint.calls] == [400, 2400 + 800]
    assert (result[mask] == 77).all()
    assert np.array_equal(result[~mask], image[~mask])


def test_many_holes_are_painted_at_once():
    boxes = [(5, x, 15, x + 10) for x in range(10, 700, 150)]
    mask, paint = hole(600, 800, *boxes), Recorder()
    result = paint_around_hole(noise(600, 800), mask, paint, max_side=800)
    assert len(boxes) == 5
    assert len(paint.calls) == 1
    assert (result[mask] == 77).all()


def test_one_known_pixel_is_still_seen_in_a_large_image():
    image, mask, paint = np.full((300, 1000, 3), 90, np.uint8), np.ones((300, 1000), np.bool_), Recorder()
    mask[150, 500] = False
    result = paint_around_hole(image, mask, paint, max_side=64)
    [(picture, seen)] = paint.calls
    assert (picture[~seen] == 90).all()
    assert (result[150, 500] == 90).all()


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 40), (40, 3), (33, 7)])
def test_tiny_images(size):
    image, mask = np.full((*size, 3), 70, np.uint8), np.ones(size, np.bool_)
    mask[-1, -1] = False
    paint = Recorder()
    result = paint_around_hole(image, mask, paint)
    assert (result[mask] == 77).all()
    assert (result[~mask] == 70).all()
    assert all(side >= 32 and side % 8 == 0 for side in paint.calls[0][1].shape)


def test_a_painter_cannot_change_what_it_was_given():
    image, mask = noise(64, 64), hole(64, 64, (10, 10, 20, 20))
    given, given_mask = image.copy(), mask.copy()

    def paint(picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
        picture[:], seen[:] = 9, True
        return picture

    result = paint_around_hole(image, mask, paint)
    assert np.array_equal(image, given)
    assert np.array_equal(mask, given_mask)
    assert (result[mask] == 9).all()


def test_an_empty_mask_asks_nobody():
    image, paint = noise(20, 30), Recorder()
    result = paint_around_hole(image, np.zeros((20, 30), np.bool_), paint)
    assert np.array_equal(result, image)
    assert result is not image
    assert not paint.calls


def test_refuses_bad_input():
    image, mask, paint = noise(20, 30), hole(20, 30, (0, 0, 5, 5)), Recorder()
    with pytest.raises(ValueError, match="mask covers the whole image"):
        paint_around_hole(image, np.ones_like(mask), paint)
    with pytest.raises(ValueError, match=r"image must be uint8 \(H, W, 3\), got float32"):
        paint_around_hole(image.astype(np.float32), mask, paint)
    with pytest.raises(ValueError, match=r"mask must be bool \(20, 30\), got bool \(30, 20\)"):
        paint_around_hole(image, mask.T, paint)
    for option in ({"multiple": 0}, {"max_side": 31}, {"min_side": 0}, {"context": -1}):
        with pytest.raises(ValueError, match=r"max_side 32 or more and context 0 or more, got multiple="):
            paint_around_hole(image, mask, paint, **option)
