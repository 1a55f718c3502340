"""Frames that are optimised each by itself."""

from __future__ import annotations

import torch

from maskreel.inversion.pictures import Pictures


def starts() -> torch.Tensor:
    return torch.rand(3, 3, 8, 10, generator=torch.Generator().manual_seed(1)) * 3 - 1


def test_frames_in_any_order() -> None:
    pictures = Pictures(starts(), 0)
    assert len(pictures) == 3
    assert torch.equal(pictures.frames(), starts())
    assert torch.equal(pictures.frames([2, 0]), starts()[[2, 0]])


def test_frames_share_no_parameter() -> None:
    pictures = Pictures(starts().clamp(0, 1), 2)
    pictures.frames([1]).sum().backward()
    reached = [any(values.grad is not None for values in canvas.parameters()) for canvas in pictures.canvases]
    assert reached == [False, True, False]


def test_bounds() -> None:
    bounded, free = Pictures(starts(), 0), Pictures(starts(), 0, bounded=False)
    bounded.clamp_()
    free.clamp_()
    assert torch.equal(bounded.frames(), starts().clamp(0, 1))
    assert torch.equal(free.frames(), starts())
    larger = free.resized((16, 20))
    larger.clamp_()
    assert larger.frames().shape == (3, 3, 16, 20)
    assert larger.frames().min() < -0.3  # still free


def test_parameters_of_another_size_are_new_ones() -> None:
    pictures = Pictures(starts().clamp(0, 1), 2)
    larger = pictures.resized((16, 20))
    with torch.no_grad():
        for values in larger.parameters():
            values.add_(1)
    assert torch.allclose(pictures.frames(), starts().clamp(0.02, 0.98), atol=1e-5)
    assert not {id(one) for one in pictures.parameters()} & {id(one) for one in larger.parameters()}


def test_a_state_brings_the_picture_back() -> None:
    pictures = Pictures(starts().clamp(0, 1), 2)
    other = Pictures(torch.zeros(3, 3, 8, 10), 2)
    other.load_state_dict(pictures.state_dict())
    assert torch.equal(other.frames(), pictures.frames())
