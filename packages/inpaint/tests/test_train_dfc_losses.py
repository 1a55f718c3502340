import pytest
import torch

from maskreel.inpaint.dfc_training.losses import hard_example_loss, hole_loss

# One sample of 1 x 4 pixels; the summed absolute errors are 1, 2, 3 in the hole and 100 outside.
FOUND = torch.tensor([[[[1.0, -1.0, 3.0, 50.0]], [[0.0, 1.0, 0.0, 50.0]]]])
TRUTH = torch.zeros(1, 2, 1, 4)
HOLE = torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])


def test_the_hole_loss_is_the_mean_of_summed_errors_in_the_hole():
    assert hole_loss(FOUND, TRUTH, HOLE) == pytest.approx((1 + 2 + 3) / 3)


def test_only_what_is_above_the_median_is_hard():
    assert hard_example_loss(FOUND, TRUTH, HOLE) == pytest.approx(3.0)


def test_the_median_is_taken_in_every_sample():
    # Errors of the second sample are 10, 20, 40: hard is 40 there, and still 3 in the first.
    second = torch.tensor([[[[10.0, 20.0, 40.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]])
    found, hole = torch.cat([FOUND, second]), HOLE.expand(2, -1, -1, -1)
    assert hard_example_loss(found, torch.zeros_like(found), hole) == pytest.approx((3 + 40) / 2)
    assert hole_loss(found, torch.zeros_like(found), hole) == pytest.approx((6 + 70) / 6)


def test_samples_are_weighed():
    found, hole = torch.cat([FOUND, FOUND]), HOLE.expand(2, -1, -1, -1)
    weight = torch.tensor([2.0, 0.5])
    assert hole_loss(found, torch.zeros_like(found), hole, weight) == pytest.approx((2 * 6 + 0.5 * 6) / 6)
    assert hard_example_loss(found, torch.zeros_like(found), hole, weight) == pytest.approx((2 * 3 + 0.5 * 3) / 2)


def test_nothing_is_lost_without_a_hole():
    for loss in (hole_loss, hard_example_loss):
        found = FOUND.clone().requires_grad_()
        value = loss(found, TRUTH, torch.zeros_like(HOLE))
        value.backward()
        assert value == 0
        assert found.grad is not None
        assert found.grad.abs().sum() == 0


def test_both_directions_count():
    found = torch.cat([FOUND, 2 * FOUND], 1)
    assert hole_loss(found, torch.zeros_like(found), HOLE) == pytest.approx((6 + 12) / 3)


def test_gradients_come_from_the_hard_pixels_only():
    found = FOUND.clone().requires_grad_()
    hard_example_loss(found, TRUTH, HOLE).backward()
    assert found.grad is not None
    assert found.grad[0, :, 0].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]


def test_misshapen_arguments_are_refused():
    with pytest.raises(ValueError, match=r"found must have shape \(N, 2 or 4, H, W\), got \(1, 3, 1, 4\)"):
        hole_loss(torch.zeros(1, 3, 1, 4), torch.zeros(1, 3, 1, 4), HOLE)
    with pytest.raises(ValueError, match=r"truth must have shape \(1, 2, 1, 4\), got \(1, 2, 1, 5\)"):
        hole_loss(FOUND, torch.zeros(1, 2, 1, 5), HOLE)
    with pytest.raises(ValueError, match=r"hole must have shape \(1, 1, 1, 4\), got \(1, 1, 4\)"):
        hard_example_loss(FOUND, TRUTH, torch.zeros(1, 1, 4))
