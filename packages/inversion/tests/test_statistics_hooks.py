"""Hooks of `FeatureStatistics`: nothing is left behind, nothing is changed, nothing is missed; and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.inversion.statistics import FeatureStatistics, StatisticsSettings

if TYPE_CHECKING:
    from collections.abc import Callable


def filled(layer: Any) -> Any:
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer.eval()


def network(kind: type[nn.Module] = nn.BatchNorm2d, width: int = 4) -> nn.Sequential:
    """A convolution, a norm, a convolution, a norm."""
    parts = [nn.Conv2d(3, width, 3), filled(kind(width)), nn.ReLU(inplace=True)]
    parts += [nn.Conv2d(width, width, 3), filled(kind(width)), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts).eval().requires_grad_(False)


def norms(net: nn.Sequential) -> dict[str, nn.Module]:
    return {"1": net[1], "4": net[4]}


def hooks(net: nn.Module) -> int:
    return sum(len(layer._forward_pre_hooks) + len(layer._forward_hooks) for layer in net.modules())


def test_hooks_are_there_inside_only() -> None:
    net = network()
    with FeatureStatistics(norms(net)) as monitor:
        assert hooks(net) == 2
        with pytest.raises(RuntimeError, match="in place already"):
            monitor.__enter__()
    assert hooks(net) == 0


def test_hooks_are_removed_after_an_exception() -> None:
    net = network()
    monitor = FeatureStatistics(norms(net))
    with pytest.raises(RuntimeError, match="expected input"), monitor:
        net(torch.rand(1, 5, 9, 9))
    assert hooks(net) == 0
    with pytest.raises(ValueError, match="0 of 2 layers were reached"):
        monitor.loss()


def test_loss_can_be_read_after_the_context_and_twice() -> None:
    net = network()
    with FeatureStatistics(norms(net)) as monitor:
        net(torch.rand(1, 3, 9, 9))
    assert float(monitor.loss()) == float(monitor.loss()) == pytest.approx(sum(monitor.distances().values()) / 2)


def test_unreached_layers_are_an_error() -> None:
    net = network()
    with FeatureStatistics(norms(net)) as monitor:
        with pytest.raises(ValueError, match="0 of 2 layers were reached in this pass, all must be; not reached: 1, 4"):
            monitor.loss()
        net(torch.rand(1, 3, 9, 9))
        monitor.loss()
        net[:2](torch.rand(1, 3, 9, 9))  # a new pass, which ends early
        with pytest.raises(ValueError, match="1 of 2 layers were reached"):
            monitor.loss()


def test_training_mode_and_odd_inputs_are_refused() -> None:
    layer = filled(nn.BatchNorm2d(3))
    with FeatureStatistics({"a": layer}):
        with pytest.raises(
            ValueError, match=r"the input of a must be \(B, C, H, W\) and not empty, got \(0, 3, 4, 4\)"
        ):
            layer(torch.rand(0, 3, 4, 4))
        before = layer.running_mean.clone()
        layer.train()
        with pytest.raises(ValueError, match="a is in training mode"):
            layer(torch.rand(1, 3, 4, 4))
        assert torch.equal(layer.running_mean, before)


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, FrozenBatchNorm2d])
def test_answers_weights_and_statistics_stay_as_they_are(kind: type[nn.Module]) -> None:
    net, images = network(kind), torch.rand(2, 3, 10, 10, requires_grad=True)
    before, plain = {key: value.clone() for key, value in net.state_dict().items()}, net(images)
    with FeatureStatistics(norms(net)) as monitor:
        answer = net(images)
        (answer.mean() + monitor.loss()).backward()
    assert torch.equal(answer, plain)
    assert images.grad is not None
    assert bool(images.grad.any())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_gradients_of_the_answer_alone_pass_through() -> None:
    net, images = network(), torch.rand(2, 3, 10, 10, requires_grad=True)
    (expected,) = torch.autograd.grad(net(images).square().sum(), images)
    with FeatureStatistics(norms(net)):
        (found,) = torch.autograd.grad(net(images).square().sum(), images)
    torch.testing.assert_close(found, expected)


def test_a_layer_called_twice_has_the_mean_of_its_calls() -> None:
    layer = filled(nn.BatchNorm2d(3))
    small, large = torch.randn(1, 3, 4, 4), 2 + torch.randn(1, 3, 8, 8)
    with FeatureStatistics({"a": layer}, StatisticsSettings(form="published")) as monitor:
        layer(small)
        layer(large)
        found = monitor.loss()
        layer(small)  # a pass of its own
        alone = monitor.loss()
    calls = [torch.var_mean(one, (0, 2, 3), correction=0) for one in (small, large)]
    mean = (calls[0][1] + calls[1][1]) / 2 - layer.running_mean
    variance = (calls[0][0] + calls[1][0]) / 2 - layer.running_var
    torch.testing.assert_close(found, mean.norm() + variance.norm(), rtol=1e-4, atol=1e-5)
    expected = (calls[0][1] - layer.running_mean).norm() + (calls[0][0] - layer.running_var).norm()
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


def test_calls_with_other_numbers_of_images_cannot_be_told_apart() -> None:
    layer = filled(nn.BatchNorm2d(3))
    with FeatureStatistics({"a": layer}, StatisticsSettings(per_image=True)) as monitor:
        layer(torch.rand(1, 3, 4, 4))
        layer(torch.rand(2, 3, 4, 4))
        with pytest.raises(ValueError, match="other numbers of images in one pass"):
            monitor.loss()


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, FrozenBatchNorm2d])
def test_under_autocast_statistics_are_float32(kind: type[nn.Module]) -> None:
    net, images = network(kind), torch.rand(2, 3, 16, 16, requires_grad=True)
    with FeatureStatistics(norms(net)) as monitor:
        net(images)
        full = monitor.loss()
        with torch.autocast("cpu", torch.bfloat16):
            net(images)
            half = monitor.loss()
    half.backward()
    assert half.dtype == torch.float32
    assert float(half.detach()) == pytest.approx(float(full.detach()), rel=0.02)
    assert images.grad is not None
    assert bool(images.grad.isfinite().all())


def test_channels_last_gives_the_same() -> None:
    net, images = network(), torch.rand(2, 3, 16, 16)
    with FeatureStatistics(norms(net)) as monitor:
        net(images)
        expected = monitor.loss()
        net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
        torch.testing.assert_close(monitor.loss(), expected, rtol=1e-4, atol=1e-5)


def saved_bytes(run: Callable[[], object], weights: nn.Module) -> int:
    """What autograd keeps for the backward pass of `run`, without the weights."""
    kept: dict[int, int] = {}

    def keep(value: torch.Tensor) -> torch.Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        answer = run()
    assert answer is not None
    own = {value.untyped_storage().data_ptr() for value in weights.state_dict().values()}
    return sum(size for place, size in kept.items() if place not in own)


@pytest.mark.parametrize(("kind", "bound"), [(nn.BatchNorm2d, 1.02), (FrozenBatchNorm2d, 1.3)])
def test_memory(kind: type[nn.Module], bound: float) -> None:
    """Frozen layers keep nothing themselves, so that a plain variance would keep a second copy of every map."""
    net, images = network(kind, width=16), torch.rand(2, 3, 64, 64, requires_grad=True)
    bare = saved_bytes(lambda: net(images), net)
    with FeatureStatistics(norms(net)) as monitor:
        measured = saved_bytes(lambda: (net(images), monitor.loss()), net)
    assert measured <= bound * bare


def test_real_frames_are_near_and_noise_is_far(table_frames: torch.Tensor) -> None:
    model = shapes_maskrcnn()
    layers = {name: layer for name, layer in model.batch_norm_layers().items() if name.startswith("backbone.")}
    noise = torch.rand(table_frames.shape, generator=torch.Generator().manual_seed(1))
    with FeatureStatistics(layers) as monitor, torch.no_grad():
        model.features(table_frames)
        near, nearest = float(monitor.loss()), monitor.distances()
        model.features(noise)
        far, farthest = float(monitor.loss()), monitor.distances()
    assert near < 1.5
    assert far > 4 * near
    assert all(farthest[name] > 2 * nearest[name] for name in nearest)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # in PyTorch 2.6 itself
def test_compiled_networks_are_measured_too() -> None:
    net, images = network(), torch.rand(2, 3, 12, 12)
    with FeatureStatistics(norms(net)) as monitor, torch.no_grad():
        net(images)
        expected = monitor.loss()
        torch.compile(net, backend="eager")(images)
        torch.testing.assert_close(monitor.loss(), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def table_frames() -> torch.Tensor:
    """float32 (4, 3, 160, 240), one of each of 4 clips."""
    from maskreel.common.world import TableScene

    scene = TableScene(frames=6)
    frames = [torch.from_numpy(scene.frames_and_labels(seed)[0][5]) for seed in range(4)]
    return torch.stack(frames).permute(0, 3, 1, 2).float() / 255
