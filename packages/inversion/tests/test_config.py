"""Settings, the presets, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from maskreel.inversion.augment import AugmentSettings
from maskreel.inversion.config import PRESETS, InversionConfig, Weights
from maskreel.inversion.start import noise


def test_the_thesis_has_the_published_numbers() -> None:
    config = PRESETS["thesis"]
    assert (config.lr, config.betas, config.steps, config.batch) == (0.1, (0.9, 0.999), 2000, 1)
    assert (config.schedule, config.warmup, config.stages, config.levels) == ("constant", 0, 1, 0)
    assert (config.coherence, config.balance, config.published_losses, config.start) == ("none", False, True, "normal")
    weights = config.weights
    assert (weights.mask, weights.statistics, weights.tv_l2, weights.tv_l1, weights.l2) == (1, 0.05, 1e-4, 0, 1e-5)
    assert not any((weights.object_class, weights.background, weights.objectness, weights.temporal))
    assert (config.statistics.form, config.statistics.norm, config.statistics.first_multiplier) == ("published", 2, 1)
    assert config.augment == AugmentSettings()
    assert config.augment.jitter == 0
    assert not any((config.teacher.class_term, config.teacher.background_term, config.teacher.objectness_term))


def test_the_noise_of_the_thesis_is_standard_normal_where_the_network_sees_it() -> None:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = noise(PRESETS["thesis"], [0], (200, 300))[0]
    seen = (pixels - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(seen.mean((1, 2)), torch.zeros(3), atol=0.02)
    assert torch.allclose(seen.std((1, 2)), torch.ones(3), atol=0.02)
    assert pixels.min() < 0 < 1 < pixels.max()  # unbounded


def test_with_weights() -> None:
    config = InversionConfig().with_weights(mask=0.7, l2=2.0)
    assert (config.weights.mask, config.weights.l2) == (0.7, 2.0)
    assert config.weights.tv_l1 == InversionConfig().weights.tv_l1
    assert config.steps == InversionConfig().steps


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps must be 1 or more, got 0"),
        ({"stages": 0}, "stages must be 1 or more, got 0"),
        ({"batch": 0}, "batch must be 1 or more, got 0"),
        ({"passes": 0}, "passes must be 1 or more, got 0"),
        ({"checks": 0}, "checks must be 1 or more, got 0"),
        ({"levels": -1}, "levels must be 0 or more, got -1"),
        ({"patience": -1}, "patience must be 0 or more, got -1"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"steps": 2, "stages": 3}, "steps must be 3 or more, one for each size, got 2"),
        ({"lr": 0.0}, r"lr must be above 0, got 0\.0"),
        ({"lr": float("nan")}, "lr must be above 0, got nan"),
        ({"betas": (0.9, 1.0)}, r"betas must be in \[0, 1\), got \(0\.9, 1\.0\)"),
        ({"warmup": 1.5}, r"warmup must be in \[0, 1\], got 1\.5"),
        ({"details": -0.5}, r"details must be in \[0, 1\], got -0\.5"),
        ({"start": "normal", "levels": 2}, "levels must be 0 for unbounded noise, got 2"),
    ],
)
def test_what_is_out_of_range(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InversionConfig(**wrong)


def test_weights_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"tv_l2 must be 0 or more, got -0\.1"):
        Weights(tv_l2=-0.1)
    with pytest.raises(ValueError, match="temporal must be 0 or more, got nan"):
        Weights(temporal=float("nan"))
    with pytest.raises(ValueError, match="mask must be above 0, got 0"):
        Weights(mask=0)
