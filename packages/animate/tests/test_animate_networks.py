"""The four kinds of networks: published sizes, shapes, borders and the temperature."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.networks import HighResolution, LowResolution, MaskGenerator, MaskRefiner
from maskreel.animate.networks._blocks import DownBlock, ResBlock, SameBlock, UpBlock
from maskreel.animate.networks._hourglass import Hourglass

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.animate.model_config import MaskBorder


def conv(inner: int, outer: int, kernel: int = 3) -> int:
    return inner * outer * kernel**2 + outer


def block(inner: int, outer: int, kernel: int = 3) -> int:
    """With a batch norm after the convolution."""
    return conv(inner, outer, kernel) + 2 * outer


def without_skips(channels: int, widths: list[int], last: int) -> int:
    way = [channels, *widths, *widths[-2::-1], last]
    return sum(block(inner, outer) for inner, outer in itertools.pairwise(way))


def with_skips(channels: int) -> int:
    """128-256-512-1024-1024 and back to 64, each but the deepest doubling with the encoder's features of its size."""
    down = sum(map(block, (channels, 128, 256, 512, 1024), (128, 256, 512, 1024, 1024)))
    return down + sum(map(block, (1024, 2048, 1024, 512, 256), (1024, 512, 256, 128, 64)))


def low(channels: int) -> int:
    residual = 2 * (2 * 256 + conv(256, 256))
    return block(channels, 256, 7) + 6 * residual + block(256, 128) + block(128, 64) + conv(64, 3, 7)


MASKS = without_skips(3, [64, 128, 256, 512, 1024], 32) + conv(32, 1, 7)
REFINER = without_skips(5, [128, 256, 512, 1024, 1024], 64) + conv(64, 1, 7)


@pytest.mark.parametrize(
    ("make", "computed", "published"),
    [
        (MaskGenerator, MASKS, 12_564_417),
        (MaskRefiner, REFINER, 31_358_081),
        (lambda: LowResolution(5), low(5), 7_529_219),
        (lambda: HighResolution(8), with_skips(8) + conv(72, 3, 7), 37_635_867),
        (lambda: LowResolution(8), low(8), 7_566_851),
        (lambda: HighResolution(11), with_skips(11) + conv(75, 3, 7), 37_639_764),
    ],
    ids=["m", "r", "L", "H", "BGBase", "BGRefine"],
)
def test_published_parameter_counts(make: Callable[[], nn.Module], computed: int, published: int) -> None:
    with torch.device("meta"):
        network = make()
    assert sum(parameter.numel() for parameter in network.parameters()) == computed == published


@pytest.mark.parametrize("size", [256, 384])
def test_published_shapes(size: int) -> None:
    def picture(channels: int, side: int) -> Tensor:
        return torch.empty(2, channels, side, side, device="meta")

    small = size // 4
    with torch.device("meta"):
        assert MaskGenerator()(picture(3, size)).shape == (2, 1, small, small)
        assert MaskRefiner()(picture(3, small), picture(1, small), picture(1, small)).shape == (2, 1, small, small)
        assert LowResolution(5)(picture(3, small), picture(1, small), picture(1, small)).shape == (2, 3, size, size)
        parts = [picture(3, size), picture(1, size), picture(3, size), picture(1, size)]
        assert HighResolution(8)(*parts).shape == (2, 3, size, size)


def small_masks(border: MaskBorder) -> MaskGenerator:
    return MaskGenerator(width=4, widest=8, depth=2, factor=2, border=border).eval()


@torch.no_grad()
def test_mask_borders() -> None:
    network, images = small_masks("zero"), torch.rand(2, 3, 32, 48)
    network.head.bias.zero_()  # pyright: ignore[reportOptionalMemberAccess]
    zero = network(images)
    assert zero.shape == (2, 1, 16, 24)
    assert (zero[..., 3:-3, 3:-3] > 0).all()
    outside = zero.clone()
    outside[..., 3:-3, 3:-3] = 0
    assert not outside.any()
    network.border = "replicate"
    repeated = network(images)
    assert torch.equal(repeated[..., 3:-3, 3:-3], zero[..., 3:-3, 3:-3])
    rows, columns = torch.arange(16).clamp(3, 12), torch.arange(24).clamp(3, 20)
    assert torch.equal(repeated, zero[:, :, rows][..., columns])


@torch.no_grad()
def test_temperature_of_masks() -> None:
    """With all weights of the last convolution 0 its bias is the logit: sigmoid(0.1 / 0.1) = 1 / (1 + 1 / e)."""
    masks, refiner = small_masks("replicate"), MaskRefiner(width=4, widest=8, depth=2)
    for network in (masks, refiner):
        network.head.weight.zero_()
        network.head.bias.fill_(0.1)  # pyright: ignore[reportOptionalMemberAccess]
    expected = torch.full((1, 1, 8, 8), 0.731059)
    torch.testing.assert_close(masks(torch.rand(1, 3, 16, 16)), expected)
    torch.testing.assert_close(refiner(*(torch.rand(1, channels, 8, 8) for channels in (3, 1, 1))), expected)


@torch.no_grad()
def test_blocks_against_functions() -> None:
    features = torch.randn(2, 4, 8, 6)

    def plain(same: Any, x: Tensor) -> Tensor:
        convolution, norm = same[0], same[1]
        x = F.conv2d(x, convolution.weight, convolution.bias, padding=convolution.weight.shape[-1] // 2)
        return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=1e-5).clamp(min=0)

    wide, down, up = SameBlock(4, 6, kernel=7), DownBlock(4, 6), UpBlock(4, 6)
    torch.testing.assert_close(wide(features), plain(wide, features))
    made = plain(down[0], features)
    means = (made[..., ::2, ::2] + made[..., 1::2, ::2] + made[..., ::2, 1::2] + made[..., 1::2, 1::2]) / 4
    torch.testing.assert_close(down(features), means)
    doubled = features.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    torch.testing.assert_close(up(features), plain(up[1], doubled))
    residual = ResBlock(4)
    for layer in (residual.branch[2], residual.branch[5]):
        layer.weight.zero_()  # pyright: ignore[reportCallIssue]
        layer.bias.zero_()  # pyright: ignore[reportCallIssue]
    assert torch.equal(residual(features), features)


def test_dilated_blocks_look_further() -> None:
    """A changed pixel reaches 2 further for each convolution pair of dilation 1, 4 further with 2."""
    for dilation, reach in ((1, 2), (2, 4)):
        features = torch.randn(1, 2, 1, 33, requires_grad=True)
        with torch.no_grad():
            made = ResBlock(2, dilation=dilation).eval()
        made(features)[0, 0, 0, 16].backward()
        assert features.grad is not None
        touched = features.grad[0].abs().sum((0, 1)).nonzero()[:, 0]
        assert (touched.min().item(), touched.max().item()) == (16 - reach, 16 + reach)


@torch.no_grad()
def test_skips() -> None:
    """With skips the input itself is the last part of the output; without, a constant code gives a constant answer."""
    features = torch.rand(1, 5, 16, 16)
    skipping = Hourglass(5, 4, depth=3, widest=8, skips=True).eval()
    assert skipping.out_channels == 9
    assert torch.equal(skipping(features)[:, 4:], features)
    strict = Hourglass(5, 4, depth=3, widest=8, skips=False).eval()
    assert strict(features).shape == (1, strict.out_channels, 16, 16)
    last = strict.encoder[-1]
    last.register_forward_hook(lambda *given: torch.zeros_like(given[-1]))
    assert torch.equal(strict(features), strict(torch.rand(1, 5, 16, 16)))
    skipping.encoder[-1].register_forward_hook(lambda *given: torch.zeros_like(given[-1]))
    assert not torch.equal(skipping(features)[:, :4], skipping(torch.rand(1, 5, 16, 16))[:, :4])
