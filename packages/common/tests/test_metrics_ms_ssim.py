"""Multi-scale SSIM against torchmetrics, and what it is by definition."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.metrics import ms_ssim, ssim


def scene(count: int, height: int, width: int) -> torch.Tensor:
    """Random pictures with detail at several scales, float (count, 3, height, width)."""
    scales = [torch.rand(count, 3, height // step + 1, width // step + 1) for step in (1, 4, 16, 64)]
    grown = [torch.nn.functional.interpolate(part, (height, width), mode="bilinear") for part in scales]
    return torch.stack(grown).mean(0)


def from_parts(a: torch.Tensor, b: torch.Tensor) -> float:
    """Of two pictures (1, 3, H, W), from torchmetrics' SSIM and contrast sensitivity of every scale.

    Its own MS-SSIM takes the coarsest scale with mirrored borders, 121 places in place of the one whose window fits.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure as similarity

    product = 1.0
    for weight in (0.0448, 0.2856, 0.3001, 0.2363):
        _, structure = similarity(a, b, data_range=1.0, return_contrast_sensitivity=True)
        product *= structure.item() ** weight
        a, b = (torch.nn.functional.avg_pool2d(part, 2) for part in (a, b))
    _, values = similarity(a, b, data_range=1.0, return_full_image=True)
    return product * values[..., 5:-5, 5:-5].mean().item() ** 0.1333


@pytest.mark.parametrize("strength", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("size", [(176, 190), (181, 255)])
def test_ms_ssim_agrees_with_torchmetrics(device: str, strength: float, size: tuple[int, int]) -> None:
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as with_borders

    a = scene(2, *size)
    b = (a + strength * (torch.rand_like(a) - 0.5)).clamp(0, 1)
    doubles = [(x[None], y[None]) for x, y in zip(a.double(), b.double(), strict=True)]
    expected = [from_parts(x, y) for x, y in doubles]
    scores = ms_ssim(a.to(device), b.to(device))
    assert scores.device.type == device
    assert scores.tolist() == pytest.approx(expected, abs=2e-5)
    assert ms_ssim(a.double(), b.double()).tolist() == pytest.approx(expected, abs=2e-6)
    assert scores.tolist() == pytest.approx([with_borders(x, y, data_range=1.0).item() for x, y in doubles], abs=5e-3)


def test_bytes_are_parts_of_255() -> None:
    a, b = (scene(2, 180, 180) * 255).byte(), (scene(2, 180, 180) * 255).byte()
    assert ms_ssim(a, b).tolist() == pytest.approx(ms_ssim(a.float() / 255, b.float() / 255).tolist(), abs=1e-6)


def test_equal_pictures_reach_one_and_negatives_nothing() -> None:
    a = scene(1, 176, 176)
    assert ms_ssim(a, a).item() == pytest.approx(1, abs=1e-6)
    assert ms_ssim(a, 1 - a).item() == 0


def test_another_brightness_counts_at_the_coarsest_scale_alone() -> None:
    a = torch.full((3, 176, 176), 0.5)
    b = torch.full((3, 176, 176), 0.7)
    assert ms_ssim(a, b).item() == pytest.approx(ssim(a, b).item() ** 0.1333, abs=1e-5)


def test_leading_dimensions_stay() -> None:
    a, b = scene(4, 176, 176), scene(4, 176, 176)
    assert ms_ssim(a.view(2, 2, 3, 176, 176), b.view(2, 2, 3, 176, 176)).flatten().tolist() == ms_ssim(a, b).tolist()
    assert ms_ssim(a[0], b[0]).shape == ()


def test_guards() -> None:
    with pytest.raises(ValueError, match=r"images must be 176 pixels or more each way, got 200x175"):
        ms_ssim(torch.zeros(3, 200, 175), torch.zeros(3, 200, 175))
    with pytest.raises(ValueError, match="a and b must have one shape"):
        ms_ssim(torch.zeros(3, 200, 176), torch.zeros(3, 176, 200))
