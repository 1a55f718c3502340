"""The fused model against the plain one, layer by layer and as a whole."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused import FusedModel, fused, portable
from maskreel.animate.fused._difference_up import DifferenceUp
from maskreel.animate.fused._fast import FastKit, GatheredConvolution, StripDown
from maskreel.animate.fused._folding import folded
from maskreel.animate.fused._portable import PortableKit, Up
from maskreel.animate.fused._rectifier import Rectifier
from maskreel.animate.fused._winograd import WinogradConvolution
from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.networks._blocks import DownBlock, ResBlock, SameBlock, UpBlock, summed_for_doubling

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.animate.fused._networks import FusedHigh
    from maskreel.animate.model_config import MaskBorder

SMALL = ModelConfig(
    size=32,
    factor=2,
    depth=3,
    high_depth=2,
    mask_width=4,
    refiner_width=4,
    low_width=8,
    low_blocks=3,
    low_dilation=2,
    high_width=4,
    widest=16,
)
BEFORE_TRAINING, TRAINED = (0.9, 1.1, 0.05), (-1.5, 1.5, 0.5)


def _as_after(statistics: tuple[float, float, float], module: nn.Module) -> nn.Module:
    """The module with drawn batch norms: scales from and to, spread of offsets."""
    low, high, spread = statistics
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.uniform_(low, high)
            norm.bias.normal_(0, spread)
            norm.running_mean = torch.randn(norm.num_features) * spread
            norm.running_var = torch.rand(norm.num_features) * 2 + 0.05
    return module.eval()


@pytest.fixture(autouse=True)
def _drawn_without_gradients():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def _model(statistics: tuple[float, float, float] = TRAINED, config: ModelConfig = SMALL) -> AnimationModel:
    return cast("AnimationModel", _as_after(statistics, AnimationModel(config)))


def _last(features: Tensor) -> Tensor:
    return features.contiguous(memory_format=torch.channels_last)


def _everything(model: AnimationModel, plain: AnimationModel, count: int = 3) -> list[Tensor]:
    """Each network's results, from inputs that `plain` makes, so that thresholds between networks flip nothing."""
    generator = torch.Generator().manual_seed(1)
    source, driving, backdrop = (torch.rand(number, 3, 32, 32, generator=generator) for number in (1, count, 1))
    ready, masks = plain.source(source), plain.masks(driving)
    refined = plain.refined(ready, masks)
    return [
        model.masks(driving),
        model.source(source).large_mask,
        model.refined(ready, masks),
        *model.pictures(ready, refined),
        *model.swapped(driving, refined, backdrop, plain.masks(backdrop)),
    ]


@pytest.mark.parametrize("make", [fused, portable, lambda model: fused(model, channels_last=False)])
@pytest.mark.parametrize("statistics", [BEFORE_TRAINING, TRAINED])
@pytest.mark.parametrize(("border", "skips"), [("zero", False), ("replicate", False), ("replicate", True)])
def test_every_network_gives_what_the_plain_one_gives(
    make: Callable[[AnimationModel], FusedModel],
    statistics: tuple[float, float, float],
    border: MaskBorder,
    *,
    skips: bool,
) -> None:
    plain = _model(statistics, replace(SMALL, border=border, mask_skips=skips))

    results = _everything(make(plain), plain)
    expected = _everything(plain, plain)
    torch.testing.assert_close(results, expected, rtol=0, atol=1e-5)
    assert min(result.std().item() for result in expected) > 1e-3


def test_wide_networks_take_the_special_layers_and_agree() -> None:
    config = ModelConfig(
        size=32, factor=2, depth=2, mask_width=4, refiner_width=64, low_width=128, low_blocks=2, high_width=128,
        widest=256,
    )  # fmt: skip
    plain = _model(config=config)
    quick = fused(plain)
    kinds = {type(module) for module in quick.modules()}

    assert {WinogradConvolution, GatheredConvolution, DifferenceUp, Up, StripDown} <= kinds
    torch.testing.assert_close(_everything(quick, plain), _everything(plain, plain), rtol=0, atol=1e-4)


def test_the_plain_model_stays_as_it_is() -> None:
    plain = _model().train()
    before = copy.deepcopy(plain.state_dict())
    quick = fused(plain)
    quick.masks(torch.rand(2, 3, 32, 32))

    assert plain.training
    torch.testing.assert_close(dict(plain.state_dict()), dict(before), rtol=0, atol=0)
    own = {tensor.data_ptr() for tensor in plain.state_dict().values()}
    assert own.isdisjoint(buffer.data_ptr() for buffer in quick.buffers() if buffer.numel())


def test_results_carry_no_gradient() -> None:
    quick = fused(_model())
    with torch.enable_grad():
        masks = quick.masks(torch.rand(1, 3, 32, 32, requires_grad=True))
    assert not masks.requires_grad


def test_few_images_at_a_time_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _model()
    monkeypatch.setattr("maskreel.animate.fused._networks._LARGEST", 2 * 32 * 32 * 12)
    sizes = []
    quick = fused(plain)
    network = cast("FusedHigh", quick.high_resolution)
    compute = network.computed
    monkeypatch.setattr(network, "computed", lambda part: sizes.append(len(part)) or compute(part))

    torch.testing.assert_close(_everything(quick, plain), _everything(plain, plain), rtol=0, atol=1e-5)
    assert sizes == [2, 1]


def test_half_precision_is_for_pictures_only() -> None:
    plain = _model()
    quick = fused(plain, dtype=torch.bfloat16)
    masks, large, refined, *pictures = _everything(quick, plain)
    expected = _everything(plain, plain)

    torch.testing.assert_close([masks, large, refined], expected[:3], rtol=0, atol=1e-5)
    torch.testing.assert_close(pictures, expected[3:], rtol=0, atol=0.05)
    assert all(picture.dtype == torch.float32 for picture in pictures)
    assert (pictures[0] - expected[3]).abs().max() > 1e-5


def test_what_cannot_be_fused_is_refused() -> None:
    model = AnimationModel(SMALL)
    with pytest.raises(ValueError, match=r"dtype must be one of torch.float32.*got torch.float64"):
        fused(model, dtype=torch.float64)
    with pytest.raises(TypeError, match="not fused, got a FusedModel"):
        fused(fused(model))


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 12), (6, 5), (1, 3)])
def test_winograd_is_the_convolution(height: int, width: int, *, few: bool) -> None:
    features, weight, bias = torch.randn(2, 5, height, width), torch.randn(7, 5, 3, 3), torch.randn(7)
    result = WinogradConvolution(weight, bias, few=few)(F.pad(_last(features), (1, 1, 1, 1)))

    expected = F.conv2d(features.double(), weight.double(), bias.double(), padding=1)
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=2e-5)


def test_winograd_is_exact_enough_where_it_is_wide() -> None:
    features, weight = torch.randn(1, 256, 16, 16), torch.randn(256, 256, 3, 3) / 48
    result = WinogradConvolution(weight, None)(F.pad(_last(features), (1, 1, 1, 1)))

    expected = F.conv2d(features.double(), weight.double(), padding=1)
    assert (result - expected).abs().max() < 2e-5 * expected.std()


@pytest.mark.parametrize("images", [1, 3])
def test_winograds_strips_meet_without_a_seam(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskreel.animate.fused._winograd._TILES", 7)
    features, weight = torch.randn(images, 5, 22, 13), torch.randn(7, 5, 3, 3)
    result = WinogradConvolution(weight, None)(F.pad(_last(features), (1, 1, 1, 1)))

    expected = F.conv2d(features.double(), weight.double(), padding=1)
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=2e-5)


def test_weights_for_winograd_are_those_of_every_memory_format() -> None:
    layer = WinogradConvolution(torch.randn(64, 64, 3, 3), None)
    before = layer.kernels.stride()
    assert layer.to(memory_format=torch.channels_last).kernels.stride() == before


@pytest.mark.parametrize("shape", [(4, 4), (1, 3), (9, 5)])
def test_few_pixels_convolve_as_one_product(shape: tuple[int, int]) -> None:
    features, weight, bias = torch.randn(2, 5, *shape), torch.randn(7, 5, 3, 3), torch.randn(7)
    result = GatheredConvolution(weight, bias)(F.pad(_last(features), (1, 1, 1, 1)))

    torch.testing.assert_close(result, F.conv2d(features, weight, bias, padding=1), rtol=0, atol=2e-5)


@pytest.mark.parametrize("layer", [DifferenceUp, Up])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (2, 8)])
def test_doubled_and_convolved_at_once_borders_included(layer: type[nn.Module], shape: tuple[int, int]) -> None:
    features, weight, bias = torch.randn(2, 6, *shape), torch.randn(3, 6, 3, 3), torch.randn(3)
    result = layer(weight, bias)(_last(features[:, :4]), _last(features[:, 4:]))

    expected = F.relu(F.conv2d(F.interpolate(features, scale_factor=2.0), weight, bias, padding=1))
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("strip", [1, 6 * 7 * 2])
def test_doubled_strips_meet_without_a_seam(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskreel.animate.fused._difference_up._STRIP", strip)
    features, weight, bias = torch.randn(2, 6, 5, 7), torch.randn(3, 6, 3, 3), torch.randn(3)
    result = DifferenceUp(weight, bias)(_last(features))

    expected = F.relu(F.conv2d(F.interpolate(features, scale_factor=2.0), weight, bias, padding=1))
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-5)


def test_taps_on_one_pixel_are_added() -> None:
    taps = summed_for_doubling(torch.arange(1.0, 10).view(1, 1, 3, 3))
    assert taps.sum() == 4 * 45  # each of four outputs sees all nine taps
    assert taps[0, 0, 0, 0] == 9
    assert taps[0, 0, 1, 1] == 9 + 8 + 6 + 5


def test_a_folded_norm_is_the_norm_of_the_convolution() -> None:
    block = cast("SameBlock", _as_after(TRAINED, SameBlock(3, 4)))
    features = torch.randn(2, 3, 6, 6)
    weight, bias = folded(cast("nn.Conv2d", block[0]), cast("nn.BatchNorm2d", block[1]))

    expected = block[1](block[0](features))
    torch.testing.assert_close(F.conv2d(features, weight.float(), bias.float(), padding=1), expected)


@pytest.mark.parametrize("margin", [1, 4])
def test_a_rectifier_and_what_it_leaves_to_the_convolution(margin: int) -> None:
    scale = torch.tensor([1.5, -0.7, 0.0, 0.0, 1e-4], dtype=torch.float64)
    shift = torch.tensor([-0.2, 0.3, 0.4, -0.4, 0.1], dtype=torch.float64)
    features, weight, bias = torch.randn(2, 5, 6, 7), torch.randn(4, 5, 3, 3).double(), torch.randn(4).double()
    rectifier = Rectifier(scale, shift, margin=margin)
    kernel, offset = rectifier.absorbed(weight, bias)
    result = F.conv2d(rectifier(features).double(), kernel, offset, dilation=margin)

    activated = F.relu(features.double() * scale[:, None, None] + shift[:, None, None])
    expected = F.conv2d(activated, weight, bias, padding=margin, dilation=margin)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kit", [FastKit(), PortableKit()])
@pytest.mark.parametrize(("channels", "dilation"), [(6, 1), (6, 2), (128, 1), (128, 2)])
def test_residual_blocks_agree_and_leave_their_input_alone(kit: PortableKit, channels: int, dilation: int) -> None:
    block = cast("ResBlock", _as_after(TRAINED, ResBlock(channels, dilation=dilation)))
    features = _last(torch.randn(2, channels, 8, 8))
    given = features.clone()

    torch.testing.assert_close(kit.residual(block)(features), block(given), rtol=0, atol=2e-5)
    assert torch.equal(features, given)


@pytest.mark.parametrize("strip", [1, 10**9])
@pytest.mark.parametrize("channels", [8, 128])
def test_strips_of_rows_meet_without_a_seam(strip: int, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskreel.animate.fused._fast._STRIP", strip)
    block = cast("DownBlock", _as_after(TRAINED, DownBlock(channels, channels)))
    features = _last(torch.randn(2, channels, 20, 12))

    torch.testing.assert_close(FastKit().down(block, 20)(features), block(features), rtol=0, atol=2e-5)


@pytest.mark.parametrize(("padding", "raw", "outputs"), [(3, 0, 1), (0, 0, 1), (3, 2, 3)])
def test_the_head_by_rows_is_the_convolution(padding: int, raw: int, outputs: int) -> None:
    head, features = nn.Conv2d(6, outputs, 7, padding=padding), torch.randn(2, 6, 9, 11)
    parts = features.split([6 - raw, raw], dim=1) if raw else (features,)

    result = FastKit().head(head, raw=raw)(*map(_last, parts))
    torch.testing.assert_close(result, head(features), rtol=0, atol=1e-5)


def test_up_blocks_with_many_channels_go_by_differences() -> None:
    narrow, wide = (cast("UpBlock", _as_after(TRAINED, UpBlock(channels, 4))) for channels in (8, 512))
    kit = FastKit()
    assert isinstance(kit.up(narrow), Up)
    assert isinstance(kit.up(wide), DifferenceUp)
