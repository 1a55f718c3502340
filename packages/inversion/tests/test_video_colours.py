"""The guard against drifting colours."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.video import colour_drift, hold_colours

SIZE = (12, 16)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.fixture
def drifting(generator: torch.Generator) -> torch.Tensor:
    """40 frames of noise that get darker in red and lighter in blue."""
    noise = 0.2 * torch.rand(40, 3, *SIZE, generator=generator) + 0.4
    slope = torch.tensor([-0.005, 0.0, 0.003])
    return noise + torch.arange(40)[:, None, None, None] * slope[:, None, None]


def test_drift_is_the_slope_per_frame(drifting: torch.Tensor) -> None:
    assert (colour_drift(drifting) - torch.tensor([-0.005, 0.0, 0.003])).abs().max() < 2e-4
    bytes_ = (drifting * 255).round().to(torch.uint8)
    assert (colour_drift(bytes_) / 255 - torch.tensor([-0.005, 0.0, 0.003])).abs().max() < 2e-4
    assert colour_drift(drifting[:1]).tolist() == [0, 0, 0]


def test_drift_of_the_background_does_not_see_the_object(drifting: torch.Tensor) -> None:
    where = torch.zeros(40, *SIZE, dtype=torch.bool)
    where[:, :6] = True
    where[7] = False
    steady = drifting.clone()
    steady[:, :, :6] = 0.5
    assert colour_drift(steady, where=where).abs().max() < 1e-7
    assert colour_drift(steady, where=~where[0]).abs().max() > 1e-3


def test_held_colours_do_not_drift(drifting: torch.Tensor) -> None:
    held = hold_colours(drifting, drifting[0])
    assert colour_drift(held).abs().max() < 1e-6
    assert torch.allclose(held.mean(dim=(2, 3)), drifting[0].mean(dim=(1, 2)).expand(40, 3), atol=1e-5)
    assert torch.equal(held[0], drifting[0])
    half = hold_colours(drifting, drifting[0], strength=0.5)
    assert torch.allclose(colour_drift(half), colour_drift(drifting) / 2, atol=1e-6)


def test_colours_are_compared_where_it_is_said(drifting: torch.Tensor) -> None:
    where = torch.zeros(40, *SIZE, dtype=torch.bool)
    where[:, :, :5] = True
    where[3] = False
    held = hold_colours(drifting, drifting[0], where=where)
    means = held[:, :, :, :5].mean(dim=(2, 3))
    others = torch.arange(40) != 3
    assert torch.allclose(means[others], means[0].expand(39, 3), atol=1e-5)
    assert torch.equal(held[3], drifting[3])


def test_result_stays_a_picture() -> None:
    frames = torch.stack((torch.full((3, *SIZE), 0.9), torch.linspace(0, 1, 12 * 16).expand(3, -1).reshape(3, *SIZE)))
    held = hold_colours(frames, frames[0])
    assert held.max() <= 1
    assert held[1].mean() > frames[1].mean()


def test_bad_arguments(drifting: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"reference must have shape \(3, 12, 16\)"):
        hold_colours(drifting, drifting[0, :, :5])
    with pytest.raises(ValueError, match="strength must be 0 to 1, got 2"):
        hold_colours(drifting, drifting[0], strength=2)
    with pytest.raises(ValueError, match=r"where must be bool \(40, 12, 16\) or \(12, 16\)"):
        colour_drift(drifting, where=torch.ones(SIZE))
    with pytest.raises(ValueError, match=r"images must have shape \(T, 3, H, W\)"):
        colour_drift(drifting[0])
