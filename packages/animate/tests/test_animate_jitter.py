"""Colour jitter against torchvision's functions with the same draws."""

from __future__ import annotations

import colorsys

import pytest
import torch

from maskreel.animate.data import jittered


def drawn(seed: int, strength: float) -> tuple[list[float], list[int]]:
    """Brightness, contrast, saturation, hue and the order of the steps, as a call with this seed draws them."""
    torch.manual_seed(seed)
    factors = (1 + strength * (2 * torch.rand(3) - 1)).tolist()
    hue = strength * (2 * torch.rand(()) - 1).item()
    return [*factors, hue], torch.randperm(4).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_as_torchvision(seed: int) -> None:
    pytest.importorskip("torchvision")
    from torchvision.transforms import functional as tv

    images, strength = torch.rand(2, 3, 16, 20), 0.3
    images[0, :, :4] = images[0, :1, :4]  # grey, which has no hue
    factors, order = drawn(seed, strength)
    steps = [tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue]
    expected = images
    for number in order:
        expected = steps[number](expected, factors[number])
    torch.manual_seed(seed)
    found = jittered(images, strength)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)  # its luma weights have 4 digits, not 3
    assert (found - images).abs().mean() > 0.01


def test_hue_alone_as_colorsys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors of 1, so that only hue is left: turned by 0.1 of a circle."""
    draws = iter([torch.full((3,), 0.5), torch.tensor(1.0)])
    monkeypatch.setattr(torch, "rand", lambda *shape: next(draws))
    colours = [(0.9, 0.2, 0.1), (0.1, 0.8, 0.3), (0.2, 0.1, 0.7), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (1.0, 0.95, 0.9)]
    found = jittered(torch.tensor(colours).T[None, :, :, None])[0, :, :, 0].T
    for colour, made in zip(colours, found.tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*colour)
        assert made == pytest.approx(colorsys.hsv_to_rgb((hue + 0.1) % 1, saturation, value), abs=1e-5)


def test_one_draw_for_all_and_new_ones_for_each_call() -> None:
    """A picture alone is changed as it is in company; range and input are kept."""
    images = torch.rand(3, 3, 8, 8)
    before = images.clone()
    torch.manual_seed(2)
    together = jittered(images)
    torch.manual_seed(2)
    torch.testing.assert_close(jittered(images[1:2]), together[1:2])
    assert not torch.equal(jittered(images), together)
    assert torch.equal(images, before)
    assert 0 <= together.min() <= together.max() <= 1
    assert torch.equal(jittered(images, 0.0).mul(1e4).round(), images.mul(1e4).round())
