from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.scene.exposure import pair_gain, settled

SIZE = (60, 80)


def test_finds_the_gain_of_each_channel_under_a_shift():
    scene = np.random.default_rng(0).uniform(40, 160, (*SIZE, 3))
    frame = np.rint(scene * [1.1, 0.9, 1.0]).astype(np.uint8)
    neighbour = np.roll(np.rint(scene), (2, 3), (0, 1)).astype(np.uint8)
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[...] = (3, 2)
    frame[20:40, 20:40] = 200
    hole = np.zeros(SIZE, np.bool_)
    hole[20:40, 20:40] = True
    np.testing.assert_allclose(pair_gain(frame, neighbour, flow, hole), [1.1, 0.9, 1.0], atol=0.01)


def test_what_changed_otherwise_is_ignored():
    scene = np.random.default_rng(1).uniform(40, 120, (*SIZE, 3))
    frame = np.rint(scene * 1.05).astype(np.uint8)
    frame[:20] = 230
    no_hole, still = np.zeros(SIZE, np.bool_), np.zeros((*SIZE, 2), np.float32)
    np.testing.assert_allclose(pair_gain(frame, scene.astype(np.uint8), still, no_hole), 1.05, atol=0.015)


@pytest.mark.parametrize("level", [0, 255])
def test_clipped_pixels_say_nothing(level):
    frame = np.full((*SIZE, 3), level, np.uint8)
    still = np.zeros((*SIZE, 2), np.float32)
    assert np.array_equal(pair_gain(frame, frame, still, np.zeros(SIZE, np.bool_)), np.ones(3))


def test_small_gains_settle_to_none_and_large_ones_stay():
    gain = settled(np.array([1.0, 1.002, 1.3, 1 / 1.3]))
    assert gain[0] == 1
    assert gain[1] == pytest.approx(1, abs=1e-4)
    assert gain[2] == pytest.approx(1.3, abs=0.003)
    assert gain[2] * gain[3] == pytest.approx(1)
