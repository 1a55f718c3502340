"""The sum of terms, against formulas written out here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn import functional

from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.inversion.augment import draw
from maskreel.inversion.config import InversionConfig, Weights
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.objective import Objective
from maskreel.inversion.settings import AugmentSettings, MaskRCNNSettings
from maskreel.inversion.teachers import MaskRCNNTeacher
from maskreel.inversion.video import SequenceMotion

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher

    Quick = Callable[..., InversionConfig]
    Scene = Callable[..., list[FrameTarget]]

SIZE = (32, 48)


def pictures(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, *SIZE, generator=torch.Generator().manual_seed(5))


def balanced_cross_entropy(logits: torch.Tensor, target: FrameTarget) -> torch.Tensor:
    classes = (target.masks.long() * target.labels[:, None, None]).sum(0)
    losses = functional.cross_entropy(logits[None], classes[None], reduction="none")[0]
    objects = sum(losses[mask].mean() for mask in target.masks) / len(target.masks)
    return (losses[~target.masks.any(0)].mean() + objects) / 2


def statistics_distance(teacher: SemanticTeacher, images: torch.Tensor) -> torch.Tensor:
    convolution, norm = teacher.network[0], teacher.network[1]  # pyright: ignore[reportIndexIssue]
    features = convolution((images - 0.5) / 0.25).transpose(0, 1).flatten(1)
    mean, variance = features.mean(1), features.var(1, unbiased=False)
    return (mean - norm.running_mean).norm() + (variance - norm.running_var).norm()


def test_the_thesis_objective_is_the_published_sum(teacher: SemanticTeacher, scene: Scene) -> None:
    config = InversionConfig.thesis().with_weights(tv_l1=2e-3)
    objective = MaskInverter(config, teacher).objective
    images, targets = pictures(1), scene(1)
    terms = objective.terms(images, targets, torch.Generator())
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x = (images - mean) / std
    steps = [
        x[..., :, 1:] - x[..., :, :-1],
        x[..., 1:, :] - x[..., :-1, :],
        x[..., 1:, 1:] - x[..., :-1, :-1],
        x[..., 1:, :-1] - x[..., :-1, 1:],
    ]
    logits = functional.interpolate(teacher.logits(images), SIZE, mode="bilinear")[0]
    wanted = {
        "mask": balanced_cross_entropy(logits, targets[0]),
        "statistics": statistics_distance(teacher, images),
        "tv_l2": sum(step.norm() for step in steps),
        "tv_l1": sum(step.abs().mean() for step in steps),
        "l2": x.norm(),
    }
    assert terms.keys() == wanted.keys()
    for name, value in wanted.items():
        assert float(terms[name].mean()) == pytest.approx(float(value), rel=1e-4), name
    factors = {"mask": 1.0, "statistics": 0.05, "tv_l2": 1e-4, "tv_l1": 2e-3, "l2": 1e-5}
    total = sum(factors[name] * float(value) for name, value in wanted.items())
    work = MaskInverter(config, teacher).work(targets).begin(0)
    work.advance()
    with torch.no_grad():
        work.painting.canvases[0].pixels.copy_(images[0])  # pyright: ignore
    assert work._judge() == pytest.approx(total, rel=1e-4)


def test_terms_without_weight_do_not_count(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(weights=Weights(1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    objective = MaskInverter(config, teacher).objective
    assert objective.monitor is None
    motion = SequenceMotion.of(scene(2))
    found = objective.terms(pictures(), scene(2), torch.Generator(), neighbours=pictures(), motion=motion)
    assert found.keys() == {"mask"}


def test_mask_rcnn_terms_by_the_names_of_their_weights(scene: Scene, quick: Quick) -> None:
    teacher = MaskRCNNTeacher(shapes_maskrcnn(), MaskRCNNSettings())
    images, weights = pictures(1), Weights(1, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    found = {}
    for off in (None, "object_class", "objectness"):
        some = weights if off is None else replace(weights, **{off: 0.0})
        objective = Objective(quick(weights=some), teacher, None)
        found[off] = objective.terms(images, scene(1), torch.Generator().manual_seed(0), plain=True)
    direct = teacher.terms(teacher.look(images), scene(1), generator=torch.Generator().manual_seed(0))
    assert found[None].keys() == {"mask", "object_class", "background", "objectness"}
    assert torch.equal(found[None]["object_class"], direct["class"])
    assert torch.equal(found[None]["mask"], direct["mask"])
    assert found["object_class"].keys() == {"mask", "background", "objectness"}
    assert found["objectness"].keys() == {"mask", "object_class", "background"}


def test_the_temporal_term_is_zero_where_nothing_changes(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    objective = MaskInverter(quick(), teacher).objective
    targets = [scene(1)[0]] * 2
    motion, still = SequenceMotion.of(targets), pictures(1).repeat(2, 1, 1, 1)
    for images, wanted in ((still, 0.0), (still + torch.tensor([0.0, 0.1])[:, None, None, None], 0.01)):
        terms = objective.terms(images, targets, torch.Generator(), neighbours=images, motion=motion)
        assert float(terms["temporal"]) == pytest.approx(wanted, abs=1e-4)


def test_a_mirror_image_moves_the_masks_along(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    """Every view is flipped, so the term is that of the flipped picture with flipped masks."""
    config = quick(augment=AugmentSettings(flip=1.0))
    objective = MaskInverter(config, teacher).objective
    images, targets = pictures(1), scene(1)
    flipped = [replace(targets[0], masks=targets[0].masks.flip(-1))]
    seen = objective.terms(images, targets, torch.Generator().manual_seed(0))["mask"]
    plain = objective.terms(images.flip(-1), flipped, torch.Generator(), plain=True)["mask"]
    other = objective.terms(images, targets, torch.Generator(), plain=True)["mask"]
    assert torch.allclose(seen, plain, atol=1e-5)
    assert not torch.allclose(seen, other, atol=1e-3)


def test_jitter_shrinks_with_the_size(
    teacher: SemanticTeacher, scene: Scene, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def spy(settings: AugmentSettings, *rest: Any) -> Any:
        seen.append(settings.jitter)
        return draw(settings, *rest)

    monkeypatch.setattr("maskreel.inversion.objective.draw", spy)
    config = quick(augment=AugmentSettings(jitter=4), coherence="none", checks=1, steps=4)
    MaskInverter(config, teacher).invert(scene(1))
    assert seen == [2, 2, 2, 4] or seen == [2, 2, 4, 4]


def test_competition_prefers_disagreement(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    """1 where the verifier answers as the teacher does; an object of any class is all but the background."""
    images = pictures(1)
    for label in (1, -1):
        (target,) = scene(1)
        target = replace(target, labels=torch.tensor([label, 2]))
        inside = target.masks.any(0)

        def as_teacher(images: torch.Tensor) -> torch.Tensor:
            return teacher.look(images)

        def opposite(images: torch.Tensor, inside: torch.Tensor = inside) -> torch.Tensor:
            return torch.where(inside, 30.0, -30.0) * torch.tensor([1.0, -1.0, -1.0])[None, :, None, None]

        values = []
        for verifier in (as_teacher, opposite):
            inverter = MaskInverter(quick(weights=Weights(competition=0.5)), teacher, verifier=verifier)
            terms = inverter.objective.terms(images, [target], torch.Generator(), plain=True)
            values.append(float(terms["competition"]))
        assert values[1] < values[0] <= 1.0001
    none = MaskInverter(quick(weights=Weights(competition=0.0)), teacher, verifier=lambda _: pytest.fail("called"))
    assert "competition" not in none.objective.terms(images, scene(1), torch.Generator())


def test_half_precision_is_near(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    found = [
        MaskInverter(quick(precision=precision), teacher).objective.terms(
            pictures(), scene(2), torch.Generator(), plain=True
        )
        for precision in ("fp32", "bf16")
    ]
    assert not torch.equal(found[0]["mask"], found[1]["mask"])
    assert torch.allclose(found[0]["mask"], found[1]["mask"], rtol=0.02)
    assert torch.allclose(found[0]["statistics"], found[1]["statistics"], rtol=0.05)
