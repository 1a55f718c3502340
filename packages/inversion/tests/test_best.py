"""The best frames so far."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.best import Best, as_bytes


def grey(*levels: float) -> torch.Tensor:
    return torch.stack([torch.full((3, 2, 2), level) for level in levels])


def levels_of(best: Best) -> list[int]:
    assert best.frames is not None
    return [int(frame.unique()) for frame in best.frames]


def test_each_frame_from_its_own_best_time() -> None:
    best = Best()
    best.each(grey(0.0, 0.2), torch.tensor([2.0, 5.0]))
    best.each(grey(0.4, 0.6), torch.tensor([1.0, 6.0]))
    best.each(grey(0.8, 1.0), torch.tensor([1.0, 4.0]))
    assert levels_of(best) == [102, 255]  # an equal loss replaces nothing
    assert best.losses is not None
    assert best.losses.tolist() == [1.0, 4.0]


def test_frames_that_belong_together_are_of_one_time() -> None:
    best = Best()
    best.whole(3.0, lambda: grey(0.0, 0.2))
    best.whole(3.0, lambda: pytest.fail("painted although it is no better"))
    best.whole(2.0, lambda: grey(0.4, 0.6))
    best.whole(2.5, lambda: pytest.fail("painted although it is no better"))
    assert levels_of(best) == [102, 153]


def test_frames_are_kept_not_watched() -> None:
    best, images = Best(), grey(0.2)
    best.each(images, torch.tensor([1.0]))
    images.fill_(1)
    assert levels_of(best) == [51]


def test_a_state_brings_it_back() -> None:
    best, other = Best(), Best()
    assert best.state() == {"frames": None, "losses": None}
    best.each(grey(0.2), torch.tensor([1.0]))
    other.restore(best.state())
    other.each(grey(0.6), torch.tensor([1.5]))
    assert levels_of(other) == [51]


def test_bytes_are_rounded_and_cut_off() -> None:
    found = as_bytes(torch.tensor([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0]))
    assert found.tolist() == [0, 0, 0, 1, 255, 255]
    assert found.dtype == torch.uint8
