"""Levelling a fill to the light around its hole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.masks import feather
from maskreel.inpaint.flow.completer import LaplaceCompleter
from maskreel.inpaint.flow.fill import fill_by_flow
from maskreel.inpaint.painting.composite import composite
from maskreel.inpaint.painting.seam import level_fill

SIZE = (120, 160)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]
MASK = ((X - 80) / 40) ** 2 + ((Y - 60) / 30) ** 2 <= 1
RIM = (((X - 80) / 43) ** 2 + ((Y - 60) / 33) ** 2 <= 1) & ~MASK


def texture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.interp(blurred, (blurred.min(), blurred.max()), (60, 190)).astype(np.uint8)


def lit(image: np.ndarray, light: np.ndarray | float) -> np.ndarray:
    """Brighter by `light` grey levels."""
    return np.clip(np.rint(image + np.broadcast_to(light, SIZE)[..., None]), 0, 255).astype(np.uint8)


def poisson(frame: np.ndarray, fill: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The textbook: Laplace(result) = Laplace(fill) in the hole, result = frame around it, no flux across the image's
    border. Solved by successive over-relaxation, every other pixel in turn."""
    y, x, height, width = cv2.boundingRect(np.ascontiguousarray(mask.T).view(np.uint8))
    box = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
    shift = np.where(mask[..., None], 0, frame.astype(float) - fill)[box]
    height, width = shift.shape[:2]
    up, left = np.maximum(np.arange(height) - 1, 0), np.maximum(np.arange(width) - 1, 0)
    down, right = np.minimum(np.arange(height) + 1, height - 1), np.minimum(np.arange(width) + 1, width - 1)
    colour = np.add.outer(np.arange(height), np.arange(width)) % 2
    for sweep in range(400):
        inside = (mask[box] & (colour == sweep % 2))[..., None]
        mean = (shift[up] + shift[down] + shift[:, left] + shift[:, right]) / 4
        shift = np.where(inside, shift + 1.9 * (mean - shift), shift)
    result = fill.astype(float)
    result[box] += shift
    return result


@pytest.mark.parametrize("offset", [-30, -3, 1, 25])
def test_a_constant_offset_vanishes(offset):
    frame = texture()
    result = level_fill(frame, lit(frame, offset), MASK, RIM)
    assert np.array_equal(result[MASK | RIM], frame[MASK | RIM])


def test_channels_are_levelled_each_for_itself():
    frame = texture()
    fill = (frame + np.array([5, 0, 250])).astype(np.uint8)  # the last one wraps round: 6 less
    assert np.array_equal(level_fill(frame, fill, MASK, RIM)[MASK], frame[MASK])


def test_without_a_difference_the_fill_stays():
    frame, fill = texture(), texture(1)
    fill[~MASK] = frame[~MASK]
    assert np.array_equal(level_fill(frame, fill, MASK, RIM), fill)


def test_outside_nothing_changes_whatever_stands_there():
    frame, fill = texture(), texture(1)
    before = frame.copy(), fill.copy()
    result = level_fill(frame, fill, MASK, RIM)
    outside = ~(MASK | RIM)
    assert np.array_equal(result[outside], fill[outside])
    assert np.array_equal(frame, before[0])
    assert np.array_equal(fill, before[1])
    other = np.where((MASK | RIM)[..., None], frame, 255 - frame)
    other[MASK] = 7  # nor does what is to be removed have an influence
    assert np.array_equal(level_fill(other, fill, MASK, RIM)[MASK], result[MASK])


def test_a_ramp_of_light_is_taken_over_to_the_inside():
    fill = texture()
    light = 0.15 * (X - 80) - 0.1 * (Y - 60)
    frame = lit(fill, light)
    result = level_fill(frame, fill, MASK, RIM)
    before = np.abs(fill[MASK].astype(float) - frame[MASK]).mean()
    after = np.abs(result[MASK].astype(float) - frame[MASK])
    assert before > 2.5
    assert after.mean() < 0.5
    assert after.max() <= 3


def test_is_the_solution_of_poissons_equation():
    fill = texture()
    light = 12 * np.sin(X / 25) + 10 * np.cos(Y / 20)
    frame = lit(fill, light)
    exact = poisson(frame, fill, MASK)
    result = level_fill(frame, fill, MASK, RIM)
    assert np.abs(exact - fill)[MASK].mean() > 3
    assert np.abs(exact - result)[MASK].mean() < 0.8


def test_at_the_border_of_the_image_nothing_is_asked():
    fill = texture()
    mask = (X < 40) & (Y > 30) & (Y < 90)
    rim = (X < 43) & (Y > 27) & (Y < 93) & ~mask
    frame = lit(fill, 0.1 * (Y - 60) + 10)
    exact = poisson(frame, fill, mask)
    result = level_fill(frame, fill, mask, rim)
    assert np.abs(result.astype(float) - exact)[mask].mean() < 0.8
    assert np.abs(result.astype(float) - frame)[mask].mean() < 1


def test_what_shows_something_else_does_not_bleed_in():
    fill = texture()
    frame = lit(fill, 12)
    leak = RIM & (X > 100) & (Y < 70)
    frame[leak] = 5
    result = level_fill(frame, fill, MASK, RIM)
    np.testing.assert_allclose(result[MASK].astype(float) - fill[MASK], 12, atol=2)
    frame[RIM] = 255 - fill[RIM]
    fill[...] = 20
    assert np.array_equal(level_fill(np.full_like(fill, 240), fill, MASK, RIM), fill)


class TestMovingShadow:
    """A panned scene whose light a shadow changes here and there, filled along true flow."""

    count, size, step = 5, (90, 130), 5
    y, x = np.mgrid[:90, :130]
    masks = np.stack([((x - 65) / 13) ** 2 + ((y - 45) / 28) ** 2 <= 1] * count)

    def scene(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (90, 130 + self.step * self.count, 3)).astype(np.float32)
        plane = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 70, 180, cv2.NORM_MINMAX)  # pyright: ignore
        frames = np.stack([plane[:, self.step * t :][:, :130] for t in range(self.count)])
        centre = 40 + 6 * np.arange(self.count)[:, None, None]
        shadow = 1 - 0.35 * np.exp(-(((self.x - centre) / 35) ** 2 + ((self.y - 50) / 35) ** 2))
        return np.rint(frames * shadow[..., None]).astype(np.uint8)

    def flow(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        flow = torch.tensor([[-self.step, 0], [self.step, 0]], dtype=torch.float32)
        return flow[:, :, None, None].expand(second.shape[0], 2, *first.shape[2:])

    def test_the_fill_comes_closer_to_the_truth(self):
        truth = self.scene()
        frames = np.where(self.masks[..., None], np.uint8(20), truth)
        alpha = feather(torch.from_numpy(self.masks), 2).numpy()
        holes = alpha > 0
        filled = fill_by_flow(frames, holes, estimator=self.flow, completer=LaplaceCompleter())
        levelled = [level_fill(*given) for given in zip(frames, filled.frames, self.masks, holes, strict=True)]
        seen = self.masks & (filled.source >= 0)
        plain, better = (
            np.stack([composite(*given) for given in zip(frames, fill, alpha, strict=True)])
            for fill in (filled.frames, levelled)
        )
        assert seen.sum() > 2000
        errors = [np.square(result[seen].astype(float) - truth[seen]).mean() for result in (plain, better)]
        assert errors[1] < 0.65 * errors[0]  # 2 dB
        assert np.array_equal(better[alpha == 0], truth[alpha == 0])


def test_is_steady_under_noise():
    fill = texture()
    frame = lit(fill, 10)
    rng = np.random.default_rng(4)
    noisy = [np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8) for _ in range(6)]
    results = np.stack([level_fill(one, fill, MASK, RIM) for one in noisy]).astype(float)
    # The noise itself would flicker by 2 * 3 / sqrt(pi) = 3.4 levels.
    assert np.abs(np.diff(results[:, MASK], axis=0)).mean() < 0.5


def test_without_a_rim_the_fill_stays():
    frame, fill = texture(), texture(1)
    assert np.array_equal(level_fill(frame, fill, MASK, np.zeros_like(MASK)), fill)
    assert np.array_equal(level_fill(frame, fill, MASK, MASK), fill)


@pytest.mark.parametrize("size", [(1, 3), (3, 1), (5, 5)])
def test_small_images(size):
    frame, fill = np.full((*size, 3), 50, np.uint8), np.full((*size, 3), 40, np.uint8)
    mask, rim = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    mask.reshape(-1)[1] = rim.reshape(-1)[2] = True
    result = level_fill(frame, fill, mask, rim).reshape(-1, 3)
    assert result[:3, 0].tolist() == [40, 50, 50]


def test_refuses_bad_input():
    frame = texture()
    with pytest.raises(ValueError, match=r"fill must be uint8 \(H, W, 3\) like the other image, got uint8 \(120, 9, 3"):
        level_fill(frame, frame[:, :9], MASK, RIM)
    with pytest.raises(ValueError, match=r"frame must be uint8 \(H, W, 3\) like the other image, got float64"):
        level_fill(frame.astype(float), frame, MASK, RIM)
    with pytest.raises(ValueError, match=r"mask must be bool \(120, 160\), got uint8"):
        level_fill(frame, frame, MASK.astype(np.uint8), RIM)
    with pytest.raises(ValueError, match=r"rim must be bool \(120, 160\), got bool \(5, 160\)"):
        level_fill(frame, frame, MASK, RIM[:5])
    with pytest.raises(ValueError, match="limit must be positive, got 0"):
        level_fill(frame, frame, MASK, RIM, limit=0)
