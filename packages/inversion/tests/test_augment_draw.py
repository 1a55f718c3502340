"""What is drawn: only what was asked for, by nothing but the generator, and within its limits."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from maskreel.inversion.augment import AugmentSettings, draw

ALL = AugmentSettings(jitter=5, flip=0.5, brightness=0.2, contrast=0.1, noise=0.05, erase=2, erase_size=0.3)
SIZE = (20, 40)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fields(augmentation) -> dict[str, torch.Tensor]:
    found = {field.name: getattr(augmentation, field.name) for field in dataclasses.fields(augmentation)}
    return {name: value for name, value in found.items() if name != "size"}


def test_the_generator_decides_everything() -> None:
    first = fields(draw(ALL, SIZE, 4, seeded()))
    torch.manual_seed(99)
    assert all(torch.equal(value, first[name]) for name, value in fields(draw(ALL, SIZE, 4, seeded())).items())
    other = fields(draw(ALL, SIZE, 4, seeded(1)))
    assert not torch.equal(first["shift"], other["shift"])
    assert not torch.equal(first["brightness"], other["brightness"])


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    draw(ALL, SIZE, 4, seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_drawn_by_default() -> None:
    generator = seeded()
    before = generator.get_state()
    augmentation = draw(AugmentSettings(), SIZE, 3, generator)
    assert torch.equal(generator.get_state(), before)
    images = torch.rand(3, 3, *SIZE)
    assert augmentation.images(images) is images


def test_every_image_has_its_own_draws_over_the_whole_range() -> None:
    found = draw(ALL, SIZE, 2000, seeded())
    assert found.shift.unique().tolist() == list(range(-5, 6))
    assert not torch.equal(found.shift[:, 0], found.shift[:, 1])
    assert found.flip.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert found.brightness.mean().item() == pytest.approx(0, abs=0.02)
    assert found.brightness.std().item() == pytest.approx(0.2, abs=0.02)
    assert found.contrast.mean().item() == pytest.approx(1, abs=0.01)
    assert found.contrast.std().item() == pytest.approx(0.1, abs=0.01)


def test_contrast_never_turns_colours_into_their_opposites() -> None:
    assert draw(AugmentSettings(contrast=5.0), SIZE, 500, seeded()).contrast.min().item() == 0


@pytest.mark.parametrize("erase_size", [0.01, 0.3, 1.0])
def test_rectangles_lie_within_the_image_and_the_sizes(erase_size: float) -> None:
    settings = AugmentSettings(erase=3, erase_size=erase_size)
    corners = draw(settings, SIZE, 500, seeded()).erased
    assert corners.shape == (500, 3, 4)
    assert corners.min().item() == 0
    assert (corners[..., 2].max().item(), corners[..., 3].max().item()) == (40, 20)
    width, height = (corners[..., 2:] - corners[..., :2]).unbind(-1)
    for side, whole in ((width, 40), (height, 20)):
        assert side.min().item() >= max(1, int(erase_size * whole / 2))
        assert side.max().item() == max(1, round(erase_size * whole))


def test_settings_are_scaled_with_the_size() -> None:
    assert AugmentSettings(jitter=30, flip=0.5).scaled(0.5) == AugmentSettings(jitter=15, flip=0.5)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("jitter", -1, "jitter and erase must be 0 or more, got -1 and 0"),
        ("erase", -2, "jitter and erase must be 0 or more, got 0 and -2"),
        ("flip", 1.5, r"flip must be a chance in \[0, 1\], got 1.5"),
        ("brightness", -0.1, "brightness must be 0 or more, got -0.1"),
        ("contrast", float("nan"), "contrast must be 0 or more, got nan"),
        ("erase_size", 0.0, r"erase_size must be in \(0, 1\], got 0.0"),
    ],
)
def test_settings_refuse_what_cannot_be_drawn(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(AugmentSettings(), **{field: value})


def test_draw_refuses_a_jitter_of_half_the_image_and_no_images() -> None:
    with pytest.raises(ValueError, match=r"jitter must be below half of the size \(20, 40\), got 10"):
        draw(AugmentSettings(jitter=10), SIZE, 1, seeded())
    with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
        draw(ALL, SIZE, 0, seeded())
