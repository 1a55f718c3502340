from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.flow.completion import complete_flow, fit_background_motion, flow_mask
from maskreel.inpaint.painting.harmonic import harmonic_fill

SIZE = (120, 160)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)


def disk(x: float, y: float, radius: float) -> np.ndarray:
    return (X - x) ** 2 + (Y - y) ** 2 <= radius**2


def zoom_and_pan() -> np.ndarray:
    """An affine camera motion, float32 (H, W, 2)."""
    return np.stack([3 + 0.02 * X - 0.01 * Y, -1 + 0.015 * Y], -1).astype(np.float32)


def distance(flow: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.hypot(*(flow - other).transpose(2, 0, 1))


class TestFlowMask:
    def test_grows_by_a_disk(self):
        mask = np.zeros(SIZE, np.bool_)
        mask[60, 80] = True
        assert np.array_equal(flow_mask(mask, dilation=7, closing=0), disk(80, 60, 7))

    def test_closes_gaps_and_islands(self):
        mask = disk(80, 60, 30) & ~disk(80, 60, 20)
        assert np.array_equal(flow_mask(mask, dilation=0, closing=0), disk(80, 60, 30))
        bars = np.zeros(SIZE, np.bool_)
        bars[40:80, 60:65] = bars[40:80, 75:80] = True
        assert not flow_mask(bars, dilation=0, closing=3)[60, 70]
        assert flow_mask(bars, dilation=0, closing=8)[60, 65:75].all()

    def test_nothing_stays_nothing(self):
        assert not flow_mask(np.zeros(SIZE, np.bool_)).any()

    def test_refuses_bad_input(self):
        with pytest.raises(ValueError, match=r"mask must be bool \(H, W\), got uint8"):
            flow_mask(np.zeros(SIZE, np.uint8))
        with pytest.raises(ValueError, match="must not be negative, got -1 and 21"):
            flow_mask(np.zeros(SIZE, np.bool_), dilation=-1)


class TestFitBackground:
    def test_recovers_planar_motion_in_spite_of_a_third_of_outliers(self):
        half = 80
        x, y = (X - 79.5) / half, (Y - 59.5) / half
        true = np.stack([2 + x - y + 0.5 * x * x + 0.3 * x * y, 1 + 0.2 * y + 0.5 * x * y + 0.3 * y * y], -1)
        flow = true.astype(np.float32)
        flow[:, :53] = (-9, 6)
        motion = fit_background_motion(flow, np.zeros(SIZE, np.bool_))
        np.testing.assert_allclose(motion.parameters, [2, 1, -1, 1, 0, 0.2, 0.5, 0.3], atol=0.02)
        np.testing.assert_allclose(motion.field(SIZE), true, atol=0.05)

    def test_listens_to_the_surroundings_of_the_hole(self):
        flow = np.zeros((*SIZE, 2), np.float32)
        flow[:, :80] = (4, 0)
        left, right = disk(25, 60, 15), disk(135, 60, 15)
        assert fit_background_motion(flow, left).field(SIZE)[60, 25, 0] == pytest.approx(4, abs=0.3)
        assert fit_background_motion(flow, right).field(SIZE)[60, 135, 0] == pytest.approx(0, abs=0.3)

    def test_without_samples_nothing_moves(self):
        flow = np.full((*SIZE, 2), 5, np.float32)
        assert not fit_background_motion(flow, np.ones(SIZE, np.bool_)).field(SIZE).any()

    def test_of_a_few_samples_the_mean_is_taken(self):
        flow, hole = np.full((*SIZE, 2), (5, -2), np.float32), np.ones(SIZE, np.bool_)
        hole[40:44, 40:44] = False
        field = fit_background_motion(flow, hole).field(SIZE)
        np.testing.assert_allclose(field, flow, atol=1e-5)


class TestCompleteFlow:
    def test_sees_through_foreground_that_leaks_out_of_the_hole(self):
        true, hole = zoom_and_pan(), disk(80, 60, 25)
        flow = true.copy()
        flow[disk(80, 60, 25)] = (-6, 4)
        flow[disk(100, 60, 18)] = (-6, 4)
        filled = complete_flow(flow, hole)
        assert distance(filled, true)[hole].max() < 0.1
        interpolated_only = harmonic_fill(flow, hole)
        assert distance(interpolated_only, true)[hole].max() > 3

    def test_follows_a_deviation_at_the_border(self):
        # A bulge that no planar motion explains, below the limit of rejection.
        bulge = 0.9 * np.exp(-((X - 80) ** 2 + (Y - 60) ** 2) / (2 * 30**2))
        true = np.stack([bulge, 0 * bulge], -1).astype(np.float32)
        hole = disk(80, 60, 15)
        plane = fit_background_motion(true, hole).field(SIZE)
        error, error_of_plane = distance(complete_flow(true, hole), true)[hole], distance(plane, true)[hole]
        assert error.mean() < 0.6 * error_of_plane.mean()

    def test_outside_the_hole_nothing_changes(self):
        flow = np.random.default_rng(1).normal(size=(*SIZE, 2)).astype(np.float32)
        hole = disk(30, 30, 12)
        filled = complete_flow(flow, hole)
        assert np.array_equal(filled[~hole], flow[~hole])
        assert filled.dtype == np.float32
        assert np.array_equal(complete_flow(flow, np.zeros(SIZE, np.bool_)), flow)

    def test_tiny_frames(self):
        flow = np.ones((3, 2, 2), np.float32)
        hole = np.array([[True, False], [False, False], [False, False]])
        np.testing.assert_allclose(complete_flow(flow, hole), flow, atol=1e-5)

    def test_refuses_bad_input(self):
        flow, hole = zoom_and_pan(), disk(80, 60, 5)
        with pytest.raises(ValueError, match=r"flow must be float32 \(H, W, 2\), got float64"):
            complete_flow(flow.astype(np.float64), hole)
        with pytest.raises(ValueError, match=r"hole must be bool \(120, 160\), got bool \(119, 160\)"):
            complete_flow(flow, hole[1:])
        with pytest.raises(ValueError, match=r"must be positive, got 0, 60\.0, 4"):
            complete_flow(flow, hole, reject_px=0)


class TestHarmonicFill:
    def test_a_linear_ramp_goes_on(self):
        ramp = 0.5 * X + 0.25 * Y
        hole = disk(80, 60, 35)
        filled = harmonic_fill(np.where(hole, 999, ramp), hole)
        np.testing.assert_allclose(filled[hole], ramp[hole], atol=1.0)
        assert np.array_equal(filled[~hole], ramp[~hole])

    def test_agrees_with_a_long_relaxation(self):
        rng = np.random.default_rng(2)
        values = rng.random((24, 24, 2), np.float32)
        hole = np.zeros((24, 24), np.bool_)
        hole[6:18, 4:20] = True
        slow = np.where(hole[..., None], 0, values).astype(np.float64)
        for _ in range(3000):
            mean = (slow[:-2, 1:-1] + slow[2:, 1:-1] + slow[1:-1, :-2] + slow[1:-1, 2:]) / 4
            slow[1:-1, 1:-1] = np.where(hole[1:-1, 1:-1, None], mean, slow[1:-1, 1:-1])
        np.testing.assert_allclose(harmonic_fill(values, hole, sweeps=200), slow, atol=0.005)
        assert np.abs(harmonic_fill(values, hole) - slow).mean() < 0.01

    def test_nothing_known_gives_zeros(self):
        assert not harmonic_fill(np.ones((9, 9), np.float32), np.ones((9, 9), np.bool_)).any()
