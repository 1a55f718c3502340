"""What trains and prolongs the networks: ConvLSTM's inputs, scheduled sampling, TAU's divergence, roll-out."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from maskreel.vfp.networks import (
    ConvLSTMConfig,
    ReverseScheduledSampling,
    ScheduledSampling,
    SimVPConfig,
    build_convlstm,
    build_simvp,
    differential_divergence,
    roll_out,
)

TINY_LSTM = ConvLSTMConfig(1, (4,), kernel=3, patch=2)
TINY_SIMVP = SimVPConfig(3, 3, 1, spatial_width=4, temporal_width=8, spatial_depth=2, temporal_depth=2, mlp_ratio=2.0)


def test_feeding_only_observed_frames_equals_predicting() -> None:
    network, clip = build_convlstm(TINY_LSTM), torch.rand(2, 6, 1, 4, 4)
    feed = ScheduledSampling().feed(60_000, batch=2, observed=3, steps=4)
    assert_close(network(clip, 4, feed), network(clip[:, :3], 4))


def test_feeding_truth_is_one_step_at_a_time() -> None:
    network, clip = build_convlstm(TINY_LSTM), torch.rand(2, 4, 1, 4, 4)
    answers = network(clip, 4, torch.ones(2, 4, dtype=torch.bool))
    for step in range(4):
        assert_close(answers[:, step : step + 1], network(clip[:, : step + 1], 1))


def test_each_clip_is_fed_by_its_own_row() -> None:
    network, clip = build_convlstm(TINY_LSTM), torch.rand(2, 3, 1, 4, 4)
    feed = torch.tensor([[True, True, True], [True, False, False]])
    answers = network(clip, 3, feed)
    assert_close(answers[:1], network(clip[:1], 3, feed[:1]))
    assert_close(answers[1:], network(clip[1:, :1], 3))


@pytest.mark.parametrize(
    ("shape", "steps", "feed", "match"),
    [
        ((1, 3, 2, 4, 4), 1, None, r"expected x of shape \(B, T, 1, H, W\).*multiples of 2"),
        ((1, 3, 1, 5, 4), 1, None, r"expected x of shape"),
        ((1, 3, 1, 4, 4), 0, None, r"steps must be 1 or more, got 0"),
        ((1, 3, 1, 4, 4), 4, [[True, True, True]], r"steps must be 1 to 3, the inputs of feed, got 4"),
        ((1, 3, 1, 4, 4), 1, [[1, 1, 1]], r"expected feed of bool \(1, 3 or fewer\), got torch.int64"),
        ((1, 2, 1, 4, 4), 1, [[True, True, True]], r"expected feed of bool \(1, 2 or fewer\)"),
        ((1, 3, 1, 4, 4), 1, [[False, True, True]], r"feed must be True in its first column"),
    ],
)
def test_convlstm_refuses_wrong_input(
    shape: tuple[int, ...], steps: int, feed: list[list[bool]] | None, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        build_convlstm(TINY_LSTM)(torch.zeros(shape), steps, None if feed is None else torch.tensor(feed))


def test_convlstm_refuses_wrong_configurations() -> None:
    with pytest.raises(ValueError, match=r"kernel must be 1, 3, 5, \.\.\., got 4"):
        ConvLSTMConfig(kernel=4)
    with pytest.raises(ValueError, match=r"widths must be one or more positive numbers, got \(\)"):
        ConvLSTMConfig(widths=())
    with pytest.raises(ValueError, match=r"channels and patch must be 1 or more, got 1 and 0"):
        ConvLSTMConfig(channels=1, patch=0)


def test_scheduled_sampling_falls_to_zero() -> None:
    sampling = ScheduledSampling()
    assert [sampling.rate(i) for i in (0, 10_000, 49_999, 50_000)] == pytest.approx([1.0, 0.8, 2e-5, 0.0], abs=1e-9)
    assert ScheduledSampling(decay=0.1, stop=100).rate(50) == 0.0


def test_reverse_scheduled_sampling_exchanges_context_for_own_answers() -> None:
    sampling = ReverseScheduledSampling()
    assert sampling.rates(24_999) == (0.5, 0.5)
    assert sampling.rates(30_000) == pytest.approx((1 - 0.5 / math.e, 0.4))
    assert sampling.rates(50_000) == (1.0, 0.0)
    with pytest.raises(ValueError, match=r"start must be in \[0, stop\), got 9 with stop 9"):
        ReverseScheduledSampling(start=9, stop=9)


def test_feed_is_drawn_with_these_rates() -> None:
    generator = torch.Generator().manual_seed(0)
    forwards = ScheduledSampling().feed(10_000, batch=4000, observed=3, steps=4, generator=generator)
    assert_close(forwards.float().mean(dim=0), torch.tensor([1, 1, 1, 0.8, 0.8, 0.8]), rtol=0, atol=0.03)
    reverse = ReverseScheduledSampling().feed(30_000, batch=4000, observed=3, steps=3, generator=generator)
    context = 1 - 0.5 / math.e
    assert_close(reverse.float().mean(dim=0), torch.tensor([1, context, context, 0.4, 0.4]), rtol=0, atol=0.03)
    # Chances are independent: both later inputs are true in 0.4 * 0.4 of the clips.
    assert reverse[:, 3:].all(dim=1).float().mean() == pytest.approx(0.16, abs=0.03)


def test_feed_repeats_with_the_generator() -> None:
    first, second = (
        ScheduledSampling().feed(10_000, batch=3, observed=1, steps=9, generator=torch.Generator().manual_seed(7))
        for _ in range(2)
    )
    assert first.equal(second)


def test_divergence_by_hand() -> None:
    # Two pixels, three frames. Differences / 0.1 are (1, 0) and (0, 0) in the prediction, (0, 0) and (0, 2) in truth.
    predicted = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.1, 0.0]]).reshape(1, 3, 1, 1, 2)
    target = torch.tensor([[0.5, 0.0], [0.5, 0.0], [0.5, 0.2]]).reshape(1, 3, 1, 1, 2)
    p = math.e / (1 + math.e)
    first = p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5)
    q = 1 / (1 + math.e**2)
    second = 0.5 * math.log(0.5 / q) + 0.5 * math.log(0.5 / (1 - q))
    assert_close(differential_divergence(predicted, target), torch.tensor((first + second) / 4))


def test_divergence_of_equal_or_short_clips_is_zero() -> None:
    clip = torch.rand(2, 4, 3, 5, 5)
    assert differential_divergence(clip, clip + 0.25) == pytest.approx(0.0, abs=1e-6)
    assert differential_divergence(clip[:, :2], -clip[:, :2]) == 0.0
    with pytest.raises(ValueError, match=r"one shape, got predicted\.shape = .*4, 3.*target\.shape = .*3, 3"):
        differential_divergence(clip, clip[:, :3])


def test_divergence_is_finite_for_differences_far_apart() -> None:
    predicted = torch.tensor([0.0, 50.0, -50.0, 50.0]).reshape(1, 4, 1, 1, 1).repeat(1, 1, 1, 1, 2)
    predicted[..., 1] *= -1
    predicted.requires_grad_()
    value = differential_divergence(predicted, torch.zeros(1, 4, 1, 1, 2))
    value.backward()
    assert value.isfinite()
    assert predicted.grad is not None
    assert predicted.grad.isfinite().all()


def test_roll_out_feeds_blocks_back() -> None:
    network, x = build_simvp(TINY_SIMVP).eval(), torch.rand(2, 3, 1, 8, 8)
    first = network(x)
    second = network(first)
    assert_close(roll_out(network, x, 5), torch.cat([first, second[:, :2]], dim=1))
    assert_close(roll_out(network, x, 2), first[:, :2])


def test_roll_out_of_a_direct_head_keeps_the_newest_frames() -> None:
    network = build_simvp(SimVPConfig(**{**vars(TINY_SIMVP), "frames_out": 1})).eval()
    x = torch.rand(1, 3, 1, 8, 8)
    first = network(x)
    second = network(torch.cat([x[:, 1:], first], dim=1))
    assert_close(roll_out(network, x, 2), torch.cat([first, second], dim=1))


def test_roll_out_one_frame_at_a_time() -> None:
    network, x = build_simvp(TINY_SIMVP).eval(), torch.rand(1, 3, 1, 8, 8)
    first = network(x)[:, :1]
    second = network(torch.cat([x[:, 1:], first], dim=1))[:, :1]
    third = network(torch.cat([x[:, 2:], first, second], dim=1))[:, :1]
    assert_close(roll_out(network, x, 3, advance="frames"), torch.cat([first, second, third], dim=1))


def test_roll_out_refuses() -> None:
    network, x = build_simvp(TINY_SIMVP), torch.rand(1, 3, 1, 8, 8)
    with pytest.raises(ValueError, match=r"steps must be 1 or more, got 0"):
        roll_out(network, x, 0)
    with pytest.raises(ValueError, match=r"advance must be one of .* got 'clips'"):
        roll_out(network, x, 1, advance="clips")  # type: ignore[arg-type]
    other = build_simvp(SimVPConfig(**{**vars(TINY_SIMVP), "channels_out": 2}))
    assert roll_out(other, x, 3).shape == (1, 3, 2, 8, 8)
    with pytest.raises(ValueError, match=r"4 steps need config\.channels_out = 2 to equal config\.channels = 1"):
        roll_out(other, x, 4)
