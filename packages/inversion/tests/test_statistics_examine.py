"""`examine`: every kind of norm layer, every fault, and whether frames look as the statistics say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from maskreel.inversion.statistics import examine


def filled(layer: Any) -> Any:
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer


class Teacher(nn.Module):
    """Layers one after the other; those in `used` are its norm layers."""

    def __init__(self, *layers: nn.Module, used: tuple[int, ...]) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.used = used
        self.eval().requires_grad_(False)

    def norm_layers(self) -> dict[str, nn.Module]:
        return {f"n{index}": self.body[index] for index in self.used}

    def look(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)


def test_every_kind_is_listed() -> None:
    norms = [filled(nn.BatchNorm2d(3)), filled(nn.SyncBatchNorm(3)), filled(FrozenBatchNorm2d(3))]
    others = [nn.GroupNorm(1, 4), nn.LayerNorm([4, 2]), nn.InstanceNorm2d(5), filled(nn.BatchNorm2d(6)), nn.ReLU()]
    found = examine(Teacher(*norms, *others, used=(0, 1, 2)))
    assert [(one.name, one.kind, one.channels, one.used) for one in found.layers] == [
        ("n0", "live", 3, True),
        ("n1", "sync", 3, True),
        ("n2", "frozen", 3, True),
        ("body.3", "group", 4, False),
        ("body.4", "layer", 8, False),
        ("body.5", "instance", 5, False),
        ("body.6", "live", 6, False),
    ]
    assert [one.fault is None for one in found.layers] == [True] * 3 + [False] * 4
    assert "outside norm_layers()" in str(found.layers[-1].fault)
    assert found.usable
    assert found.verdict == "Usable: 3 layers with statistics."


def test_a_network_without_batch_norm_is_not_usable() -> None:
    found = examine(Teacher(nn.Conv2d(3, 4, 1), nn.GroupNorm(1, 4), nn.Conv2d(4, 4, 1, bias=False), used=()))
    assert not found.usable
    assert (
        "no batch norm layer, but 1 group norms, 2 convolutions of which 1 have a bias; it was fused" in found.verdict
    )


def broken(layer: Any, buffer: str, value: Any) -> Any:
    layer = filled(layer).eval()
    getattr(layer, buffer).copy_(torch.as_tensor(value))
    return layer


def counted() -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(3).eval()
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked += 7
    return layer


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        (nn.BatchNorm2d(3).eval(), "identity statistics: never trained"),
        (counted(), "identity statistics: fused"),
        (FrozenBatchNorm2d(3), "identity statistics: fused"),
        (broken(nn.BatchNorm2d(3), "running_var", [1.0, -2.0, -1.0]), "2 variances are negative"),
        (broken(nn.BatchNorm2d(3), "running_var", [1.0, float("nan"), 1.0]), "statistics are not finite"),
        (broken(FrozenBatchNorm2d(3), "running_mean", [1.0, float("inf"), 1.0]), "statistics are not finite"),
        (broken(nn.BatchNorm2d(3), "running_var", [0.0, 0.0, 0.0]), "all variances are 0"),
        (nn.GroupNorm(1, 3), "keeps no running mean and variance"),
        (filled(nn.BatchNorm2d(3)).train(), "in training mode"),
    ],
)
def test_faults(layer: nn.Module, fault: str) -> None:
    found = examine({"good": filled(nn.BatchNorm2d(3)).eval(), "bad": layer})
    assert [one.fault for one in found.layers] == [None, fault]
    assert not found.usable
    assert f"1 of 2 layers cannot be used (bad: {fault})" in found.verdict


def teacher_trained_on(frames: torch.Tensor) -> Teacher:
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=None), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, momentum=None)
    teacher = Teacher(*layers, used=(1, 3))
    nn.Module.train(teacher)
    teacher.look(frames)
    return teacher.eval()


def test_statistics_are_stale_for_other_frames_only() -> None:
    frames = torch.rand(6, 3, 16, 16)
    teacher = teacher_trained_on(frames)
    same, other = examine(teacher, frames.split(2)), examine(teacher, (frames[:4] * 0.2).split(2))
    assert same.usable
    assert all(one.distance is not None and one.distance < 0.05 and not one.stale for one in same.layers)
    assert not other.usable
    assert all(one.stale for one in other.layers)
    assert "2 of 2 layers are stale" in other.verdict
    assert other.reference is not None
    assert other.reference.frames == 4


def test_one_stale_layer_of_two_is_a_warning() -> None:
    frames = torch.rand(6, 3, 16, 16)
    teacher = teacher_trained_on(frames)
    teacher.body[3].get_buffer("running_var").mul_(9)
    found = examine(teacher, [frames])
    assert [one.stale for one in found.layers] == [False, True]
    assert found.usable
    assert "of which 1 are stale" in found.verdict


def test_frames_need_a_network() -> None:
    with pytest.raises(ValueError, match="frames need a teacher"):
        examine({"a": nn.BatchNorm2d(3)}, [torch.rand(1, 3, 4, 4)])
