"""`FeatureStatistics`: the two forms of the loss, against plain PyTorch, and what must not happen."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from maskreel.inversion.statistics import FeatureStatistics, LayerStatistics, Reference, StatisticsSettings
from maskreel.inversion.statistics._distance import squared_distance


def filled(layer: Any) -> Any:
    """With statistics that are not those of a new layer."""
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer


def network(kind: type[nn.Module] = nn.BatchNorm2d) -> nn.Sequential:
    """Two norm layers, "1" and "4"."""
    layers = (nn.Conv2d(3, 4, 3), filled(kind(4)), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), filled(kind(6)), nn.ReLU())
    return nn.Sequential(*layers).eval().requires_grad_(False)


def norms(net: nn.Sequential) -> dict[str, nn.Module]:
    return {"1": net[1], "4": net[4]}


def inputs_of(net: nn.Sequential, images: torch.Tensor) -> list[torch.Tensor]:
    return [net[:1](images), net[:4](images)]


def moments(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    variance, mean = torch.var_mean(features, (0, 2, 3), correction=0)
    return mean, variance


KINDS = [nn.BatchNorm2d, nn.SyncBatchNorm, FrozenBatchNorm2d]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", [1, 2])
def test_published_form_is_the_sum_of_norms(kind: type[nn.Module], norm: Any) -> None:
    net, images = network(kind), torch.rand(3, 3, 12, 14)
    settings = StatisticsSettings(form="published", norm=norm, first_multiplier=10.0, variance_weight=0.5)
    with FeatureStatistics(norms(net), settings) as monitor:
        net(images)
        found = monitor.loss()
    expected = torch.zeros(())
    for features, layer, weight in zip(inputs_of(net, images), norms(net).values(), (10.0, 1.0), strict=True):
        mean, variance = moments(features)
        of_mean = (mean - layer.get_buffer("running_mean")).norm(p=norm)
        of_variance = (variance - layer.get_buffer("running_var")).norm(p=norm)
        expected = expected + weight * (of_mean + 0.5 * of_variance)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "tolerance"), [(nn.BatchNorm2d, 1e-4), (FrozenBatchNorm2d, 0.03)])
def test_gradient_is_that_of_plain_pytorch(kind: type[nn.Module], tolerance: float) -> None:
    """With what comes back through the network besides; the frozen layers keep 8 bits of their input."""
    net, images = network(kind), torch.rand(2, 3, 20, 22, requires_grad=True)
    with FeatureStatistics(norms(net), StatisticsSettings(form="published")) as monitor:
        total = net(images).square().mean() + monitor.loss()
    (found,) = torch.autograd.grad(total, images)
    total = net(images).square().mean()
    for features, layer in zip(inputs_of(net, images), norms(net).values(), strict=True):
        mean, variance = moments(features)
        total = total + (mean - layer.get_buffer("running_mean")).norm()
        total = total + (variance - layer.get_buffer("running_var")).norm()
    (expected,) = torch.autograd.grad(total, images)
    assert float((found - expected).norm()) < tolerance * float(expected.norm())


def test_normalised_form_by_hand() -> None:
    """Means off by one deviation and variances right: 1; variances off by e^2: sqrt(2). Over the usual level, 0.25."""
    layer = nn.BatchNorm2d(2).eval()
    layer.running_mean, layer.running_var = torch.tensor([1.0, 5.0]), torch.tensor([4.0, 4.0])
    pixels = torch.tensor([-2.0, 2.0]).repeat(2, 8).view(1, 2, 4, 4)  # means 0, variances 4
    with FeatureStatistics({"a": layer}) as monitor:
        layer(pixels + torch.tensor([3.0, 3.0]).view(1, 2, 1, 1))
        assert float(monitor.loss()) == pytest.approx(4 * 1.0, rel=2e-3)
        layer(pixels * torch.e + torch.tensor([1.0, 5.0]).view(1, 2, 1, 1))
        assert float(monitor.loss()) == pytest.approx(4 * 2**0.5, rel=2e-3)


def test_normalised_form_is_the_same_for_repeated_images_and_for_scaled_networks() -> None:
    net, images = network(), torch.rand(2, 3, 12, 14)
    scaled: Any = copy.deepcopy(net)
    scaled[3].weight.mul_(100)
    scaled[3].bias.mul_(100)
    scaled[4].running_mean.mul_(100)
    scaled[4].running_var.mul_(100**2)
    values = []
    for one, batch in ((net, images), (net, images.repeat(3, 1, 1, 1)), (scaled, images)):
        with FeatureStatistics(norms(one)) as monitor:
            one(batch)
            values.append(float(monitor.loss()))
    assert values == pytest.approx([values[0]] * 3, rel=1e-3)  # the epsilon does not scale


def test_spread_of_a_reference_makes_a_single_frame_one() -> None:
    layer, frame = nn.Conv2d(3, 3, 1), torch.rand(1, 3, 8, 8)
    target = LayerStatistics(torch.zeros(3), torch.ones(3), spread=torch.full((3,), 0.25))
    with FeatureStatistics({"a": layer}, reference=Reference({"a": target}, 9, "")) as monitor:
        with torch.no_grad():
            layer(0.5 + (frame - frame.mean((2, 3), keepdim=True)) / frame.std((2, 3), correction=0, keepdim=True))
        assert float(monitor.loss()) == pytest.approx(0.5 / 0.5, rel=1e-2)


def test_per_image_is_each_image_by_itself() -> None:
    net, images = network(FrozenBatchNorm2d), torch.rand(3, 3, 12, 14)
    with FeatureStatistics(norms(net), StatisticsSettings(per_image=True)) as each:
        net(images)
        together = each.loss()
    with FeatureStatistics(norms(net)) as monitor:
        alone = [(net(image[None]), monitor.loss())[1] for image in images]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-4, atol=1e-5)


def test_subsets_of_layers() -> None:
    layers = norms(network())
    for settings in (StatisticsSettings(first=1), StatisticsSettings(share=0.5), StatisticsSettings(names=("1*",))):
        assert list(FeatureStatistics(layers, settings).layers) == ["1"]
    with pytest.raises(ValueError, match=r"'body\.\*' fits none of 1, 4"):
        FeatureStatistics(layers, StatisticsSettings(names=("body.*",)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "other"}, "form must be"),
        ({"norm": 3}, "norm must be 1 or 2, got 3"),
        ({"first_multiplier": -1.0}, "first_multiplier must be 0 or more"),
        ({"variance_weight": float("nan")}, "variance_weight must be 0 or more"),
        ({"first": 0}, "first must be 1 or more"),
        ({"share": 0.0}, "share must be above 0"),
        ({"first": 2, "share": 0.5}, "first or share, not both"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StatisticsSettings(**wrong)


def test_no_layers_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one batch norm layer, got none"):
        FeatureStatistics({})


def test_layers_without_statistics_are_named() -> None:
    with pytest.raises(ValueError, match=r"these do not: a \(GroupNorm\), b \(BatchNorm2d\)"):
        FeatureStatistics({"a": nn.GroupNorm(1, 2), "b": nn.BatchNorm2d(2, track_running_stats=False)})


@pytest.mark.parametrize("kind", KINDS)
def test_identity_statistics_are_refused(kind: type[nn.Module]) -> None:
    net = network(kind)
    with pytest.raises(ValueError, match=r"1 of 2 layers have the statistics of a new layer .*: fresh;"):
        FeatureStatistics({"1": net[1], "fresh": kind(4)})


@pytest.mark.parametrize("value", [float("nan"), -1.0])
def test_broken_variances_are_refused(value: float) -> None:
    layer = filled(nn.BatchNorm2d(3))
    layer.running_var[1] = value
    with pytest.raises(ValueError, match="not finite, or a variance below 0"):
        FeatureStatistics({"a": layer})


def test_a_dead_layer_and_a_single_layer_without_weight_give_finite_numbers() -> None:
    zeros = torch.zeros(4)
    assert torch.isfinite(squared_distance(zeros, zeros, zeros, zeros)).all()
    assert torch.isfinite(squared_distance(zeros, torch.ones(4), zeros, zeros)).all()
    layer = torch.nn.BatchNorm2d(3).eval()
    layer.running_mean = torch.ones(3)
    with FeatureStatistics({"only": layer}, StatisticsSettings(first_multiplier=0.0)) as monitor:
        layer(torch.rand(2, 3, 8, 8))
        assert float(monitor.loss()) == 0.0
