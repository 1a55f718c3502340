"""Losses of predicted frames, against sums written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from maskreel.vfp.frames import FrameLoss, frame_losses
from maskreel.vfp.networks import differential_divergence

STD = torch.tensor([0.5, 0.25, 0.1])[:, None, None]


def sample(batch: int = 2, frames: int = 4) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(3)
    predicted, future = torch.rand(2, batch, frames, 3, 4, 5, generator=generator)
    newest = torch.rand(batch, 1, 3, 4, 5, generator=generator)
    return {"predicted": predicted, "future": future, "newest": newest, "known": torch.ones(batch, frames).bool()}


def losses(values: dict[str, Any], **options: float) -> dict[str, torch.Tensor]:
    return frame_losses(**values, std=STD, config=FrameLoss(**options))


def test_mean_squared_error_in_units_of_the_deviation() -> None:
    values = sample()
    expected = ((values["predicted"] / STD - values["future"] / STD) ** 2).mean()
    assert torch.allclose(losses(values)["mse"], expected)
    assert set(losses(values)) == {"mse"}


def test_unknown_frames_do_not_count() -> None:
    values = sample()
    values["known"] = torch.tensor([[True, True, True, False], [True, False, False, False]])
    parts = [
        ((values["predicted"][b, :n] - values["future"][b, :n]) / STD).square().mean() for b, n in ((0, 3), (1, 1))
    ]
    found = losses(values, l1=1.0, divergence=1.0)
    assert torch.allclose(found["mse"], (parts[0] + parts[1]) / 2)
    values["predicted"] = torch.where(values["known"][..., None, None, None], values["predicted"], 77.0)
    again = losses(values, l1=1.0, divergence=1.0)
    assert all(torch.allclose(found[name], again[name]) for name in found)


def test_a_batch_may_be_divided() -> None:
    """The mean over the losses of the halves is that of the whole, whichever frames are known."""
    values = sample(batch=4)
    values["known"] = torch.arange(4) < torch.tensor([[4], [1], [2], [3]])
    options = {"l1": 0.5, "divergence": 2.0, "changed": 3.0}
    whole = losses(values, **options)
    halves = [
        losses({name: value[half] for name, value in values.items()}, **options) for half in (slice(2), slice(2, 4))
    ]
    for name, value in whole.items():
        assert torch.allclose(value, (halves[0][name] + halves[1][name]) / 2)


def test_absolute_error() -> None:
    values = sample()
    expected = 0.3 * ((values["predicted"] - values["future"]) / STD).abs().mean()
    assert torch.allclose(losses(values, l1=0.3)["l1"], expected)


def test_pixels_that_change_can_count_more() -> None:
    newest = torch.zeros(1, 1, 3, 1, 2)
    future = torch.zeros(1, 1, 3, 1, 2)
    future[..., 0] = 0.5
    values = {"predicted": future + 0.1, "future": future, "newest": newest, "known": torch.ones(1, 1).bool()}
    plain = losses(values)["mse"]
    assert torch.allclose(losses(values, changed=5.0)["mse"], plain * (5 + 1) / 2)
    assert torch.allclose(losses(values, changed=0.0)["mse"], plain / 2)


def test_divergence_of_the_changes_is_that_of_tau() -> None:
    values = sample()
    expected = 0.1 * differential_divergence(values["predicted"] / STD, values["future"] / STD)
    assert torch.allclose(losses(values, divergence=0.1)["divergence"], expected)
    assert expected != 0


@pytest.mark.parametrize("name", ["l1", "divergence", "changed"])
def test_refuses_negative_weights(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, got -1"):
        FrameLoss(**{name: -1})
