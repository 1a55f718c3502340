"""Baselines and bounds on clips of moving squares."""

from __future__ import annotations

import time

import pytest
import torch

from maskreel.common.world import TableScene
from maskreel.vfp.evaluation import constant_velocity, copy_last, seen_objects_bound

Square = tuple[int, int, int, int]
"""Label, left, top, side."""


def picture(*squares: Square, size: tuple[int, int] = (40, 60)) -> torch.Tensor:
    """Later squares lie on top; what is outside is cut off."""
    labels = torch.zeros(size, dtype=torch.uint8)
    for label, left, top, side in squares:
        labels[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = label
    return labels


def moving(label: int, left: float, top: float, right: float, down: float, side: int = 6) -> torch.Tensor:
    """uint8 (22, 40, 60): a square with a velocity, at rounded places."""
    places = [(round(left + right * t), round(top + down * t)) for t in range(22)]
    return torch.stack([picture((label, x, y, side)) for x, y in places])


def test_copy_last_is_the_last_observed_frame() -> None:
    labels = moving(7, 2, 3, 2, 1)
    forecast = copy_last(labels[:11])
    assert torch.equal(forecast, labels[10])
    forecast.fill_(0)
    assert labels[10].any(), "the caller's labels were changed"


def test_moving_square_hits_the_right_place() -> None:
    for right, down in ((1, 1), (-1, 0), (0, 1)):
        labels = moving(7, 24, 12, right, down)
        assert torch.equal(constant_velocity(labels[:11]), labels[21]), (right, down)


def test_one_step_ahead() -> None:
    labels = moving(7, 2, 3, 2, 1)
    assert torch.equal(constant_velocity(labels[:11], steps=1), labels[11])


def test_slow_square_stays() -> None:
    """One pixel in four frames is noise, not motion."""
    labels = moving(7, 20, 10, 0, 0)[:11]
    labels[10] = labels[10].roll(1, 1)
    assert torch.equal(constant_velocity(labels), labels[10].roll(3, 1)), "0.3 pixels per frame is motion"
    labels[9] = labels[9].roll(1, 1)
    labels[8], labels[7] = labels[9], labels[9]
    assert torch.equal(constant_velocity(labels), labels[10])


def test_square_leaves_the_picture() -> None:
    assert not constant_velocity(moving(7, 20, 10, 3, 0)[:11]).any()
    half = constant_velocity(moving(7, 36, 10, 1, 0)[:11])
    assert torch.equal(half, picture((7, 57, 10, 6)))


def test_frames_at_the_edge_do_not_bend_the_line() -> None:
    """While a square comes in, its centroid moves at half its speed."""
    labels = torch.stack([picture((7, 2 * t - 20, 10, 6)) for t in range(22)])
    assert int((labels[9] > 0).sum()) == 4 * 6
    assert torch.equal(constant_velocity(labels[:13], steps=9), labels[21])


def test_nearer_square_covers() -> None:
    """The one whose lowest row is farther down is nearer, whatever its class."""
    for near, far in ((5, 9), (9, 5)):
        labels = torch.stack([picture((far, 10 + t, 10, 6), (near, 42 - t, 12, 6)) for t in range(22)])
        forecast = constant_velocity(labels[:11])
        assert torch.equal(forecast, picture((far, 31, 10, 6), (near, 21, 12, 6)))


def test_what_is_near_is_told_from_where_it_will_be() -> None:
    labels = torch.stack([picture((9, 2 + t, 2 + t, 12), (5, 25, 14, 12)) for t in range(22)])
    forecast = constant_velocity(labels[:11])
    assert torch.equal(forecast, picture((5, 25, 14, 12), (9, 23, 23, 12)))


def test_objects_that_were_not_seen_lately_have_left() -> None:
    labels = moving(7, 20, 10, 0, 0)[:11]
    gone, missed = labels.clone(), labels.clone()
    gone[9:], missed[10] = 0, 0
    assert not constant_velocity(gone).any()
    assert torch.equal(constant_velocity(missed), labels[10])


def test_missed_frame_is_made_up_for() -> None:
    labels = moving(7, 2, 3, 2, 1)
    truth = labels[21].clone()
    labels[10] = 0
    assert torch.equal(constant_velocity(labels[:11]), truth)


def test_specks_are_not_objects() -> None:
    speck, square = picture((7, 10, 10, 3)).expand(11, 40, 60), picture((7, 10, 10, 4)).expand(11, 40, 60)
    assert not constant_velocity(speck).any()
    assert torch.equal(constant_velocity(square), square[0])


def test_bound_lacks_only_what_was_never_seen() -> None:
    labels = torch.stack([picture((3, 5, 5, 6), (4, 30, 20, 6)) for _ in range(22)])
    labels[:11][labels[:11] == 4] = 0
    labels[5, 30:33, 40:43] = 4  # 9 pixels are no sighting
    assert torch.equal(seen_objects_bound(labels), picture((3, 5, 5, 6)))
    labels[5, 30:33, 40:44] = 4
    assert torch.equal(seen_objects_bound(labels), labels[21])
    labels[5] = 0
    assert torch.equal(seen_objects_bound(labels, observed=12), labels[21])


def test_baselines_take_milliseconds() -> None:
    labels = torch.from_numpy(TableScene().labels(3))
    for forecast in (copy_last, constant_velocity, seen_objects_bound):
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            forecast(labels[:11] if forecast is not seen_objects_bound else labels)
            seconds.append(time.perf_counter() - start)
        assert min(seconds) < 0.05


@pytest.mark.parametrize("forecast", [copy_last, constant_velocity, seen_objects_bound])
def test_refuses_what_is_no_label_map(forecast: object) -> None:
    assert callable(forecast)
    with pytest.raises(TypeError, match=r"labels must be uint8, got torch.int64"):
        forecast(torch.zeros(11, 4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"labels must have shape \(T, H, W\), got \(4, 4\)"):
        forecast(torch.zeros(4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"labels must have shape \(T, H, W\), got \(0, 4, 4\)"):
        forecast(torch.zeros(0, 4, 4, dtype=torch.uint8))


def test_refuses_impossible_numbers() -> None:
    labels = torch.zeros(11, 4, 4, dtype=torch.uint8)
    with pytest.raises(ValueError, match="steps must be 0 or more, got -1"):
        constant_velocity(labels, steps=-1)
    with pytest.raises(ValueError, match="observed must be 1 to 11, the number of label maps, got 12"):
        seen_objects_bound(labels, observed=12)
