"""What a training may be told."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest

from maskreel.animate.commands.train import PRESETS
from maskreel.animate.training.settings import ClipSettings, LossSettings


def test_published_by_default() -> None:
    """r from the second epoch on, the swap from the third, masks weigh 100; nothing beyond it."""
    settings = LossSettings()
    assert (settings.refine_from, settings.swap_from, settings.mask_weight) == (1, 2, 100)
    assert (settings.pictures_from, settings.masks_until) == (0, None)
    assert (settings.truth_weight, settings.pseudo_pairs, settings.generated) == (0, 0, 0)
    assert (settings.crossed, settings.redrawn, settings.consistency_weight) == (0, 0, 0)


@pytest.mark.parametrize(
    "name",
    ["pictures_from", "masks_until", "refine_from", "swap_from", "mask_weight", "truth_weight", "consistency_weight"],
)
def test_negative_numbers(name: str) -> None:
    assert getattr(replace(LossSettings(), **{name: 0}), name) == 0
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, got -1"):
        replace(LossSettings(), **{name: -1})


@pytest.mark.parametrize("name", ["crossed", "redrawn", "pseudo_pairs", "generated"])
def test_shares(name: str) -> None:
    assert getattr(replace(LossSettings(), **{name: 1}), name) == 1
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"{name} must be in \[0, 1\], got {value}"):
            replace(LossSettings(), **{name: value})


def test_clips() -> None:
    assert ClipSettings(frames=2, repeats=1).frames == 2
    with pytest.raises(ValueError, match="frames must be 2 or more, got 1"):
        ClipSettings(frames=1)
    with pytest.raises(ValueError, match="repeats must be 1 or more, got 0"):
        ClipSettings(repeats=0)


def preset(name: str) -> Any:
    """With everything that has a default; a data set and an output must be given."""
    kind = PRESETS[name]
    missing = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    return kind(**dict.fromkeys(missing, Path("somewhere")))


@pytest.mark.parametrize(
    ("name", "batch", "repeats", "id_sampling", "threshold", "compare"),
    [
        ("taichi", 20, 150, True, 60, "vgg5"),
        ("vox", 16, 75, True, 100, "vgg3"),
        ("bair", 18, 1, False, 60, "vgg5"),
    ],
)
def test_published_presets(
    name: str, batch: int, repeats: int, id_sampling: bool, threshold: int, compare: str
) -> None:
    """The table of the published configurations: 100 epochs of Adam, 2e-4, a tenth of it after 60 and 90 epochs."""
    made = preset(name)
    config = made.config
    assert (config.batch_size, config.epochs, config.optimiser, config.lr) == (batch, 100, "adam", 2e-4)
    assert (config.betas, config.weight_decay, config.accumulate) == ((0.5, 0.999), 0, 1)
    assert (config.schedule, config.gamma, config.warmup) == ("step", 0.1, None)
    assert [share * config.epochs for share in config.milestones] == [60, 90]
    assert (config.ema, config.clip_norm, config.precision) == (None, None, "fp32")
    assert (made.clips.repeats, made.clips.id_sampling) == (repeats, id_sampling)
    assert made.model == replace(made.model, size=256, factor=4, threshold=threshold / 255, border="zero")
    assert made.loss == replace(LossSettings(), compare=compare)
    assert not made.head_start
    assert made.weights is None
