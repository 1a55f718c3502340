"""What `pass_pictures_on` promises of pictures before any training."""

from __future__ import annotations

import torch

from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.training.start import pass_pictures_on

SMALL = ModelConfig(
    size=32, factor=2, depth=2, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)


@torch.no_grad()
def test_first_pictures_are_source_and_composite() -> None:
    model = AnimationModel(SMALL).eval()
    source, foreground, backdrop = torch.rand(3, 2, 3, 32, 32)
    mask = (torch.arange(16) < 7).float().expand(2, 1, 16, 16)
    hole = torch.zeros(2, 1, 16, 16)
    made = model.source(source, mask)
    large = (model.enlarge(mask) > 60 / 255).float()
    composite = foreground * large + backdrop * (1 - large)
    far = (model.pictures(made, mask)[1] - source).abs().mean()
    within = large * (1 - large.roll(1, -1))  # a column where both show, since the hole is empty
    pass_pictures_on(model)
    high = model.pictures(made, mask)[1]
    assert (high - source).abs().mean() < 0.1 < far
    swapped = model.swapped(foreground, mask, backdrop, mask)[1]
    assert within.any()
    assert (swapped - composite).abs().mean() < 0.1
    assert (
        model.swapped(foreground, mask, torch.zeros_like(backdrop), hole)[1] - foreground * large
    ).abs().mean() < 0.1


@torch.no_grad()
def test_numbers_of_the_way_through() -> None:
    """Without features H is exactly sigmoid(5 (x - 1/2)), within 0.08 of the source; other channels count nothing."""
    model = AnimationModel(SMALL).eval()
    pass_pictures_on(model)
    for network, parts in ((model.high_resolution, [slice(0, 3)]), (model.bg_refine, [slice(5, 8), slice(8, 11)])):
        network.head.weight[:, :4] = 0
        seen = torch.rand(1, network.channels, 8, 8)
        rest = network.head.weight[:, 4:].clone()
        for part in parts:
            rest[:, part, 3, 3] -= 5 * torch.eye(3)
        assert rest.abs().max() < 0.1 / 10, "what a fresh convolution holds, times 0.1"
        given = torch.stack([seen[:, part] for part in parts]).sum(0)
        torch.testing.assert_close(network(seen), torch.sigmoid(5 * (given - 0.5)), atol=0.06, rtol=0)
    levels = torch.linspace(0, 1, 101)
    assert (torch.sigmoid(5 * (levels - 0.5)) - levels).abs().max() < 0.08
