"""Intervals of the bootstrap against all draws that there can be, against theory, and on data whose truth is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from maskreel.common.metrics import bootstrap_interval


def interval_of_mean(values: torch.Tensor, *, resamples: int = 1000, level: float = 0.95, seed: int = 0):
    return bootstrap_interval(
        lambda counts: counts @ values / len(values), len(values), resamples=resamples, level=level, seed=seed
    )


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_ends_are_the_quantiles_of_all_draws_that_there_can_be(level: float) -> None:
    values = torch.tensor([0.0, 1.0, 1.5, 5.0, 7.5, 7.8], dtype=torch.float64)
    means = [sum(draw) / 6 for draw in product(values.tolist(), repeat=6)]  # 46656, equally likely
    expected = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    assert interval_of_mean(values, resamples=50_000, level=level) == pytest.approx(expected, abs=0.05)


def test_draws_are_of_as_many_cases_with_replacement() -> None:
    seen = []

    def statistic(counts: torch.Tensor) -> torch.Tensor:
        seen.append(counts)
        return counts.amax(1)

    assert bootstrap_interval(statistic, 6, resamples=4000, level=0.999)[0] >= 1
    (counts,) = seen
    assert counts.shape == (4000, 6)
    assert counts.dtype == torch.float64
    assert (counts.sum(1) == 6).all()
    assert counts.mean(0) == pytest.approx(torch.ones(6), abs=0.06)
    assert float((counts == 0).double().mean()) == pytest.approx((5 / 6) ** 6, abs=0.01)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    samples = np.random.default_rng(3).normal(2.0, 1.5, size=(400, 50))
    ends = [interval_of_mean(torch.from_numpy(sample), seed=number) for number, sample in enumerate(samples)]
    held = np.mean([low <= 2.0 <= high for low, high in ends])
    assert 0.91 <= held <= 0.98  # the normal interval with 50 cases holds it in 94.4 %; two standard errors are 2.2 %
    widths = np.array([high - low for low, high in ends])
    assert widths.mean() == pytest.approx(2 * 1.96 * 1.5 / np.sqrt(50), rel=0.04)


def test_the_seed_makes_the_draws_and_nothing_else_is_moved() -> None:
    values = torch.arange(12, dtype=torch.float64)
    state = torch.random.get_rng_state()
    assert interval_of_mean(values) == interval_of_mean(values) != interval_of_mean(values, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_difference_is_of_the_same_draws() -> None:
    values = torch.randn(30, dtype=torch.float64)
    ends = bootstrap_interval(lambda counts: counts @ (values + 0.5) / 30 - counts @ values / 30, 30)
    assert ends == pytest.approx((0.5, 0.5))


def test_one_case_cannot_move_and_what_is_not_known_stays_so() -> None:
    assert interval_of_mean(torch.tensor([3.0], dtype=torch.float64)) == (3, 3)
    assert np.isnan(bootstrap_interval(lambda counts: counts.sum(1) / 0 * 0, 2)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cases": 0}, "cases must be 1 or more, got 0"),
        ({"resamples": 0}, "resamples must be 1 or more, got 0"),
        ({"level": 1}, "level must be above 0 and below 1, got 1"),
        ({"level": 0.0}, "level must be above 0 and below 1, got 0.0"),
    ],
)
def test_settings_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**{"statistic": lambda counts: counts.sum(1), "cases": 3} | settings)


def test_a_statistic_of_all_draws_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a number for each of 1000 draws, got shape \(\)"):
        bootstrap_interval(lambda counts: counts.sum(), 3)
