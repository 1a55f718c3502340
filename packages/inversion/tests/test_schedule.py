"""Learning rates and stages against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.schedule import Stage, learning_rate, stages, steps_of


def test_warm_up_and_cosine_by_hand() -> None:
    rates = [learning_rate(step, 8, 0.2, 4) for step in range(8)]
    # cos of 0, 45, 90 and 135 degrees
    cosine = [0.1 * (1 + c) for c in (1, 0.5**0.5, 0, -(0.5**0.5))]
    assert rates == pytest.approx([0.05, 0.1, 0.15, 0.2, *cosine])


def test_cosine_equals_that_of_torch() -> None:
    parameter = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([parameter], lr=0.1)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=20)
    for step in range(20):
        assert learning_rate(step, 20, 0.1) == pytest.approx(reference.get_last_lr()[0])
        optimiser.step()
        reference.step()


def test_a_constant_rate_is_constant_after_its_warm_up() -> None:
    assert [learning_rate(step, 5, 0.1, 2, "constant") for step in range(5)] == pytest.approx([0.05] + 4 * [0.1])


def test_a_warm_up_may_last_for_all_steps() -> None:
    assert [learning_rate(step, 4, 1.0, 4) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_the_rate_refuses_what_lies_outside() -> None:
    with pytest.raises(ValueError, match=r"step must be in \[0, 10\), got 10"):
        learning_rate(10, 10, 0.1)
    with pytest.raises(ValueError, match="warmup must be between 0 and 10 steps, got 11"):
        learning_rate(0, 10, 0.1, 11)
    with pytest.raises(ValueError, match="kind must be 'cosine' or 'constant', got 'linear'"):
        learning_rate(0, 10, 0.1, 0, "linear")  # pyright: ignore[reportArgumentType]


def test_two_stages_are_the_iterations_of_deepinversion() -> None:
    plan = stages((224, 224), 2)
    assert plan == [Stage((112, 112), 2 / 3), Stage((224, 224), 1 / 3)]
    assert steps_of(plan, 3000) == [2000, 1000]


def test_sizes_are_rounded_to_the_multiple_but_for_the_last() -> None:
    # 854 / 4 = 213.5 is nearest to 216, 854 / 2 = 427 to 424; 854 itself is no multiple of 8 and stays
    assert [stage.size for stage in stages((480, 854), 3)] == [(120, 216), (240, 424), (480, 854)]
    assert [stage.size for stage in stages((481, 910), 2, 1)] == [(241, 455), (481, 910)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("steps", [4, 7, 100, 1999])
def test_steps_of_stages_sum_to_all_and_are_their_shares(count: int, steps: int) -> None:
    plan = stages((480, 854), count)
    parts = steps_of(plan, steps)
    assert sum(parts) == steps
    assert min(parts) >= 1
    assert all(abs(part - stage.share * steps) <= count for part, stage in zip(parts, plan, strict=True))
    assert sum(stage.share for stage in plan) == pytest.approx(1)


def test_stages_refuse_what_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"3 stages halve the size \(30, 64\) below 8 pixels: .* must be 32 or more"):
        stages((30, 64), 3)
    with pytest.raises(ValueError, match="count and multiple must be 1 or more, got 0 and 8"):
        stages((64, 64), 0)
    with pytest.raises(ValueError, match="steps must be 2 or more, one for each stage, got 1"):
        steps_of(stages((64, 64), 2), 1)
