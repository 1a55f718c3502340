"""Masked things that grow: how far, in which colours, and over nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.running.growth import grown

SIZE, COUNT = (64, 96), 12


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE, 3), dtype=np.uint8)


def walking() -> np.ndarray:
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 20:36, 30 + 2 * t : 46 + 2 * t] = True
    return masks


@pytest.mark.parametrize("reach", [1, 3, 6])
def test_things_grow_in_the_colours_of_their_edge(reach: int) -> None:
    frames, masks = noise(), walking()
    more = grown(frames, masks, reach)
    y, x = np.indices(SIZE)
    for t, (mask, ring) in enumerate(zip(masks, more.where, strict=True)):
        inside = np.argwhere(mask)
        away = np.hypot(y[..., None] - inside[:, 0], x[..., None] - inside[:, 1])
        nearest = away.min(-1)
        np.testing.assert_array_equal(ring, (nearest > 0) & (nearest <= reach))
        np.testing.assert_array_equal(more.frames[t][~ring], frames[t][~ring])
        for row, column in np.argwhere(ring):
            edge = inside[away[row, column] <= nearest[row, column] + 0.2]
            assert (more.frames[t, row, column] == frames[t][edge[:, 0], edge[:, 1]]).all(-1).any()


@pytest.mark.parametrize("masked", [False, True])
def test_nothing_masked_or_nothing_known_gives_nothing(masked: bool) -> None:
    frames = noise()
    more = grown(frames, np.full((COUNT, *SIZE), masked), 4)
    assert not more.where.any()
    np.testing.assert_array_equal(more.frames, frames)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 9), (7, 16)])
def test_frames_of_a_few_pixels(size: tuple[int, int]) -> None:
    masks = np.zeros((1, *size), bool)
    masks[0, 0, 0] = True
    more = grown(np.zeros((1, *size, 3), np.uint8), masks, 1)
    assert more.where.sum() == min(2, sum(side > 1 for side in size))
