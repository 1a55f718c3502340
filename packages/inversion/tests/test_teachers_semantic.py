"""Networks that give every pixel a class, and several teachers as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import Ensemble, MaskRCNNSettings, MaskRCNNTeacher, SemanticTeacher

SIZE = (24, 36)


class Mine(SemanticTeacher):
    """What a user writes for a network of their own."""

    class_names = ("background", "person", "dog")

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.network((images - 0.5) / 0.25)


def network(classes: int = 3) -> nn.Sequential:
    made = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, classes, 1)
    )
    made[1].get_buffer("running_mean").normal_()
    return made


def target() -> FrameTarget:
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 4:10, 5:12] = masks[1, 12:20, 20:30] = True
    return FrameTarget(masks, torch.tensor([1, 2]))


def nothing() -> FrameTarget:
    return FrameTarget(torch.zeros(0, *SIZE, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))


def full_logits(teacher: Mine, images: torch.Tensor) -> torch.Tensor:
    small = teacher.network((images - 0.5) / 0.25)
    return functional.interpolate(small, SIZE, mode="bilinear")


def test_every_pixel_counts_the_same_or_every_object() -> None:
    made, images, wanted = network(), torch.rand(2, 3, *SIZE), target()
    void = torch.zeros(SIZE, dtype=torch.bool)
    void[:, 8:24] = True
    targets = [replace(wanted, void=void), nothing()]
    classes = torch.zeros(2, *SIZE, dtype=torch.int64)
    classes[0][wanted.masks[0]], classes[0][wanted.masks[1]] = 1, 2
    plain = Mine(made, balanced=False)
    losses = functional.cross_entropy(full_logits(plain, images), classes, reduction="none")
    expected = torch.stack([losses[0][~void].mean(), losses[1].mean()])
    torch.testing.assert_close(plain.terms(plain.look(images), targets)["mask"], expected)
    balanced = Mine(made)
    parts = [losses[0][~void & part].mean() for part in (*wanted.masks, ~wanted.masks.any(0))]
    expected = torch.stack([parts[0] / 4 + parts[1] / 4 + parts[2] / 2, losses[1].mean()])
    torch.testing.assert_close(balanced.terms(balanced.look(images), targets)["mask"], expected)


def test_an_object_of_any_class_may_be_of_each() -> None:
    teacher, images = Mine(network(), balanced=False), torch.rand(1, 3, *SIZE)
    everywhere = FrameTarget(torch.ones(1, *SIZE, dtype=torch.bool), torch.tensor([-1]))
    expected = -(1 - full_logits(teacher, images).softmax(1)[:, 0]).log().mean()
    torch.testing.assert_close(teacher.terms(teacher.look(images), [everywhere])["mask"], expected[None])
    read = teacher.read(teacher.look(images), [everywhere])[0]
    torch.testing.assert_close(read, 1 - full_logits(teacher, images).softmax(1)[:, 0])


def test_read_is_the_probability_of_the_class_in_the_box() -> None:
    teacher, images, wanted = Mine(network()), torch.rand(1, 3, *SIZE), target()
    wanted = replace(wanted, masks=torch.cat([wanted.masks, wanted.masks[:1] & False]), labels=torch.tensor([1, 1, 2]))
    wanted.masks[1, 8:13, 10:21] = True  # the box of the second reaches into the first
    read = teacher.read(teacher.look(images), [wanted])[0]
    expected = torch.zeros(3, *SIZE)
    probability = full_logits(teacher, images).softmax(1)[0, 1]
    expected[0, 4:10, 5:12] = probability[4:10, 5:12]
    expected[1, 8:20, 10:30] = probability[8:20, 10:30]
    first, second = wanted.masks[:2]
    expected[0][second & ~first] = 0
    expected[1][first & ~second] = 0
    torch.testing.assert_close(read, expected)
    assert not read.requires_grad


def test_gradients_reach_pixels_only_and_odd_frames_are_finite() -> None:
    teacher, images = Mine(network(), short_side=30), torch.rand(3, 3, *SIZE, requires_grad=True)
    void = replace(target(), void=torch.ones(SIZE, dtype=torch.bool))
    pixel = torch.zeros(2, *SIZE, dtype=torch.bool)
    pixel[0, 23, 35] = True
    terms = teacher.terms(teacher.look(images), [nothing(), void, FrameTarget(pixel, torch.tensor([2, 1]))])
    terms["mask"].sum().backward()
    assert terms["mask"].isfinite().all()
    assert terms["mask"][1].item() == 0
    assert images.grad is not None
    assert [bool(part.any()) for part in images.grad] == [True, False, True]
    assert all(weight.grad is None for weight in teacher.parameters())


def test_short_side_is_what_the_network_sees() -> None:
    teacher, seen = Mine(network(), short_side=48), []
    teacher.network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    answer = teacher.look(torch.rand(1, 3, *SIZE))
    assert seen == [(1, 3, 48, 72)]
    assert answer.shape == (1, 3, *SIZE)


def test_teachers_stay_frozen_and_in_evaluation_mode() -> None:
    made = network().train()
    teacher = Mine(made)
    before = made[1].get_buffer("running_mean").clone()
    assert not any(weight.requires_grad for weight in teacher.parameters())
    teacher.look(torch.rand(2, 3, *SIZE))
    assert torch.equal(made[1].get_buffer("running_mean"), before)
    with pytest.raises(ValueError, match="a teacher has no training mode"):
        teacher.train()
    assert teacher.eval() is teacher
    made[1].train()
    with pytest.raises(ValueError, match="the network is in training mode"):
        teacher.look(torch.rand(2, 3, *SIZE))


class Unordered(nn.Module):
    """Its layers are defined in another order than they run, and one never does."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.unused, self.first = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(x)))


def test_norm_layers_are_those_that_run_in_the_order_of_the_pass() -> None:
    teacher = Mine(Unordered())
    assert list(teacher.norm_layers()) == ["first", "last"]
    teacher.network.get_submodule("first").register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        teacher.norm_layers()
    assert not teacher.network.get_submodule("last")._forward_hooks


def test_labels_by_name() -> None:
    teacher = Mine(network())
    assert teacher.label("dog") == 2
    for name in ("cat", "background"):
        with pytest.raises(InputError, match=f"'{name}' must be one of the teacher's classes, person, dog"):
            teacher.label(name)


def test_wrong_input_is_refused() -> None:
    teacher = Mine(network())
    answer = teacher.look(torch.rand(1, 3, *SIZE))
    with pytest.raises(TypeError, match=r"images must be floating point in \[0, 1\], got torch.uint8"):
        teacher.look(torch.zeros(1, 3, *SIZE, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"images must have shape \(B, 3, H, W\), got \(3, 24, 36\)"):
        teacher.look(torch.rand(3, *SIZE))
    with pytest.raises(ValueError, match="targets must be one for each of 1 images, got 2"):
        teacher.terms(answer, [target()] * 2)
    with pytest.raises(ValueError, match=r"targets must have the images' size \(24, 36\), got \[\(12, 18\)\]"):
        teacher.read(answer, [target().resized((12, 18))])
    with pytest.raises(ValueError, match=r"labels must be 1 to 2, or -1 for any, got \[0, 3\]"):
        teacher.terms(answer, [replace(target(), labels=torch.tensor([0, 3]))])
    with pytest.raises(ValueError, match=r"logits\(\) must give \(B, 3, h, w\), got \(1, 5, 12, 18\)"):
        Mine(network(5)).look(torch.rand(1, 3, *SIZE))
    with pytest.raises(ValueError, match="short_side must be 1 or more pixels, got 0"):
        Mine(network(), short_side=0)
    with pytest.raises(ValueError, match="teachers must be one or more, got none"):
        Ensemble([])


class Others(Mine):
    class_names = ("background", "cat", "person")


def test_an_ensemble_is_the_mean_of_its_teachers_with_classes_by_name() -> None:
    first, second, images = Mine(network()), Others(network()), torch.rand(1, 3, *SIZE)
    both, wanted = Ensemble([first, second]), target()
    translated = replace(wanted, labels=torch.tensor([2, -1]))  # a person is 2 there, and a dog is unknown
    parts = [teacher.look(images) for teacher in (first, second)]
    expected = (first.terms(parts[0], [wanted])["mask"] + second.terms(parts[1], [translated])["mask"]) / 2
    answer = both.look(images)
    torch.testing.assert_close(both.terms(answer, [wanted])["mask"], expected)
    read = (first.read(parts[0], [wanted])[0] + second.read(parts[1], [translated])[0]) / 2
    torch.testing.assert_close(both.read(answer, [wanted])[0], read)
    assert list(both.norm_layers()) == ["0.1", "1.1"]


def test_an_ensemble_keeps_terms_that_only_one_teacher_has() -> None:
    detector = MaskRCNNTeacher(shapes_maskrcnn(), MaskRCNNSettings(background_term=False))
    both: Any = Ensemble([detector, Mine(network())])
    images = torch.rand(1, 3, *SIZE)
    terms = both.terms(both.look(images), [target()])
    assert set(terms) == {"mask", "class", "objectness"}
    torch.testing.assert_close(terms["class"], detector.terms(detector.look(images), [target()])["class"])
