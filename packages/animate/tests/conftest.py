"""The smallest networks that do all that large ones do."""

from __future__ import annotations

import pytest
import torch

from maskreel.animate.model import AnimationModel, ModelConfig


@pytest.fixture(scope="session")
def small() -> ModelConfig:
    """Pictures of 32 pixels, masks of 16."""
    return ModelConfig(
        size=32, factor=2, depth=3, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
    )


@pytest.fixture(scope="session")
def model(small: ModelConfig) -> AnimationModel:
    """Random weights, the same ones every time; files that need a model of their own have a fixture of this name."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AnimationModel(small).eval().requires_grad_(False)
