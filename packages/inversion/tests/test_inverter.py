"""`MaskInverter` from targets to frames, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.inversion import InversionConfig, MaskInverter, Weights
from maskreel.inversion.settings import AugmentSettings, MaskRCNNSettings
from maskreel.inversion.teachers import MaskRCNNTeacher

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher

    Quick = Callable[..., InversionConfig]
    Scene = Callable[..., list[FrameTarget]]


@pytest.mark.parametrize("coherence", ["layers", "none"])
def test_the_teacher_is_left_alone(coherence: str, teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    before = {name: values.clone() for name, values in teacher.state_dict().items()}
    frames = MaskInverter(quick(coherence=coherence), teacher).invert(scene(2))
    assert frames.dtype == torch.uint8
    assert frames.shape == (2, 3, 32, 48)
    assert frames.float().std() > 3
    assert all(torch.equal(values, before[name]) for name, values in teacher.state_dict().items())
    assert all(values.grad is None for values in teacher.parameters())
    assert not any(part.training for part in teacher.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in teacher.modules())


def test_training_mode_is_refused_before_anything_changes(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    inverter = MaskInverter(quick(), teacher)
    teacher.network.train()
    before = {name: values.clone() for name, values in teacher.state_dict().items()}
    with pytest.raises(ValueError, match="teacher is in training mode"):
        MaskInverter(quick(), teacher)
    with pytest.raises(ValueError, match=r"training mode, where images change its batch statistics; call \.eval"):
        inverter.invert(scene(2))
    assert all(torch.equal(values, before[name]) for name, values in teacher.state_dict().items())


def test_statistics_of_a_new_network_are_refused(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    norm = teacher.network[1]  # pyright: ignore[reportIndexIssue]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.reset_running_stats()
    with pytest.raises(ValueError, match="statistics of a new layer"):
        MaskInverter(quick(), teacher)
    weights = replace(quick().weights, statistics=0.0)
    assert MaskInverter(quick(weights=weights), teacher).objective.monitor is None


@pytest.mark.parametrize("settings", [{"coherence": "layers"}, {"coherence": "none"}, {"coherence": "chain"}])
def test_odd_sizes_empty_frames_void_and_any_class(
    settings: dict[str, Any], teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    targets = scene(4, size=(33, 47))
    for index in (0, 1):  # nothing at all in the first two frames, which are a batch
        targets[index].masks.zero_()
    void = torch.zeros(33, 47, dtype=torch.bool)
    void[:, :4] = True
    targets = [replace(target, void=void, labels=torch.tensor([-1, 2])) for target in targets]
    frames = MaskInverter(quick(**settings), teacher).invert(targets)
    assert frames.shape == (4, 3, 33, 47)


@pytest.mark.parametrize("coherence", ["layers", "none"])
def test_a_mask_rcnn_and_frames_without_objects(coherence: str, scene: Scene, quick: Quick) -> None:
    teacher = MaskRCNNTeacher(shapes_maskrcnn(), MaskRCNNSettings())
    config = quick(coherence=coherence, steps=2, batch=1, weights=Weights(temporal=0), augment=AugmentSettings())
    targets = scene(2, size=(48, 64))
    targets[0].masks.zero_()
    frames = MaskInverter(config, teacher).invert(targets)
    assert frames.shape == (2, 3, 48, 64)
    only_masks = replace(config, weights=Weights(1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    teacher = MaskRCNNTeacher(shapes_maskrcnn(), MaskRCNNSettings(class_term=False, background_term=False))
    alone = MaskInverter(only_masks, teacher).invert(targets[:1])
    assert (alone.float() - 127.5).abs().mean() < 30  # there is nothing to learn from: the noise stays


def test_void_pixels_and_what_is_in_them_do_not_matter(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    void = torch.zeros(32, 48, dtype=torch.bool)
    void[18:, 28:] = True  # all of the green object
    targets = [replace(target, void=void) for target in scene(1)]
    config = quick(coherence="none", augment=AugmentSettings(), weights=Weights(1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    config = replace(config, stages=1, balance=False)
    with_it = MaskInverter(config, teacher).invert(targets)
    seen = [replace(target, labels=torch.tensor([1, 1])) for target in targets]
    assert torch.equal(MaskInverter(config, teacher).invert(seen), with_it)
    plain = [replace(target, void=None) for target in targets]
    assert not torch.equal(MaskInverter(config, teacher).invert(plain), with_it)


def test_one_frame(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    for coherence in ("layers", "chain", "none"):
        assert MaskInverter(quick(coherence=coherence), teacher).invert(scene(1)).shape == (1, 3, 32, 48)


def test_weights_of_single_frames(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(coherence="none", batch=1, balance=False, stages=1)
    plain = MaskInverter(config, teacher).invert(scene(3))
    own = MaskInverter(config, teacher, per_frame={1: {"statistics": 3.0, "tv_l1": 0.0}}).invert(scene(3))
    same = MaskInverter(config.with_weights(statistics=3.0, tv_l1=0.0), teacher).invert(scene(3))
    assert torch.equal(own[[0, 2]], plain[[0, 2]])
    assert torch.equal(own[1], same[1])
    assert not torch.equal(own[1], plain[1])


def test_statistics_of_a_single_frame_alone(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(coherence="none", batch=1, balance=False, stages=1).with_weights(statistics=0.0)
    seen: list[set[str]] = []
    inverter = MaskInverter(config, teacher, per_frame={1: {"statistics": 1.0}})
    inverter.invert(scene(2), watch=lambda progress: seen.append(set(progress.terms)))
    plain = {"mask", "tv_l1", "colour"}
    assert seen == [plain] * 5 + [plain | {"statistics"}] * 5


@pytest.mark.parametrize(
    ("settings", "frame", "message"),
    [
        ({"coherence": "layers", "batch": 1}, 1, "need --coherence none and --batch 1, got layers and 1"),
        ({"coherence": "none", "batch": 2}, 1, "need --coherence none and --batch 1, got none and 2"),
        ({"coherence": "none", "batch": 1}, 2, "must be for frames 0 to 1, got 2"),
    ],
)
def test_weights_of_single_frames_are_refused_where_they_cannot_be(
    settings: dict[str, Any], frame: int, message: str, teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    inverter = MaskInverter(quick(**settings), teacher, per_frame={frame: {"tv_l1": 0.5}})
    with pytest.raises(InputError, match=message):
        inverter.work(scene(2))
