"""Mask R-CNN as a teacher: its terms against values made by hand, and what must not break it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch.nn import functional
from torchvision.ops import box_iou, masks_to_boxes, roi_align

from maskreel.common.maskrcnn import Objectness, shapes_maskrcnn
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import MaskRCNNSettings, MaskRCNNTeacher
from maskreel.inversion.teachers._coverage import covered, free_boxes
from maskreel.inversion.teachers._objectness_loss import anchor_labels, objectness_losses
from maskreel.inversion.teachers._objects import gather

SIZE = (64, 96)
MASK_ONLY = MaskRCNNSettings(class_term=False, background_term=False, objectness_term=False)


@cache
def model() -> Any:
    return shapes_maskrcnn()


def teacher(**settings: Any) -> MaskRCNNTeacher:
    return MaskRCNNTeacher(model(), MaskRCNNSettings(**settings))


def mask_teacher(**settings: Any) -> MaskRCNNTeacher:
    return MaskRCNNTeacher(model(), replace(MASK_ONLY, **settings))


def images(count: int = 2) -> torch.Tensor:
    coarse = torch.rand(count, 3, 8, 12)
    return functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1)


def ellipse(x: float, y: float, rx: float, ry: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    return ((columns + 0.5 - x) / rx) ** 2 + ((rows + 0.5 - y) / ry) ** 2 < 1


def two_objects() -> FrameTarget:
    return FrameTarget(torch.stack([ellipse(30, 25, 20, 15), ellipse(75, 45, 12, 17)]), torch.tensor([3, 17]))


def no_objects() -> FrameTarget:
    return FrameTarget(torch.zeros(0, *SIZE, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))


def half_open_boxes(masks: torch.Tensor) -> torch.Tensor:
    boxes = masks_to_boxes(masks)  # their last row and column are inside
    boxes[:, 2:] += 1
    return boxes


def by_hand(target: FrameTarget, pixels: torch.Tensor, *, thresholded: bool = False) -> torch.Tensor:
    """Losses (N, 28, 28) from torchvision's parts alone, as in its own training."""
    network, boxes = model().network, half_open_boxes(target.masks)
    mean, std = (torch.tensor(v)[:, None, None] for v in (network.transform.image_mean, network.transform.image_std))
    maps = network.backbone((pixels - mean) / std)
    heads = network.roi_heads
    logits = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(maps, [boxes], [SIZE])))
    chosen = logits[torch.arange(len(boxes)), target.labels]
    places = torch.cat([torch.arange(len(boxes))[:, None].float(), boxes], dim=1)
    wanted = roi_align(target.masks[:, None].float(), places, 28)[:, 0]
    wanted = (wanted >= 0.5).float() if thresholded else wanted
    return functional.binary_cross_entropy_with_logits(chosen, wanted, reduction="none")


@pytest.mark.parametrize("targets", ["soft", "thresholded"])
def test_mask_term_is_that_of_torchvision(targets: Any) -> None:
    pixels, target = images(1), two_objects()
    asked = mask_teacher(targets=targets)
    terms = asked.terms(asked.look(pixels), [target])
    assert list(terms) == ["mask"]
    expected = by_hand(target, pixels, thresholded=targets == "thresholded").mean()
    torch.testing.assert_close(terms["mask"], expected[None])


def test_mask_term_is_a_mean_over_the_objects_of_each_image() -> None:
    asked, pixels, both = mask_teacher(), images(3), two_objects()
    one = replace(both, masks=both.masks[1:], labels=both.labels[1:])
    found = asked.terms(asked.look(pixels), [both, no_objects(), one])["mask"]
    expected = [by_hand(both, pixels[:1]).mean(), torch.tensor(0.0), by_hand(one, pixels[2:]).mean()]
    torch.testing.assert_close(found, torch.stack(expected))


def test_void_pixels_do_not_count() -> None:
    asked, pixels, target = mask_teacher(), images(1), two_objects()
    answer = asked.look(pixels)
    void = torch.zeros(SIZE, dtype=torch.bool)
    void[:, :30] = True
    kept = replace(target, void=void)
    boxes = half_open_boxes(target.masks)
    known = torch.cat([1 - roi_align(void[None, None].float(), [b[None]], 28) for b in boxes])[:, 0]
    losses = by_hand(target, pixels)
    expected = ((losses * known).sum((1, 2)) / known.sum((1, 2))).mean()
    torch.testing.assert_close(asked.terms(answer, [kept])["mask"], expected[None])
    everything = replace(target, void=torch.ones(SIZE, dtype=torch.bool))
    assert asked.terms(answer, [everything])["mask"].item() == 0


def test_class_term_is_the_cross_entropy_at_the_objects() -> None:
    asked, pixels, target = teacher(), images(1), two_objects()
    answer = asked.look(pixels)
    logits = model().class_logits(answer, [half_open_boxes(target.masks)])
    expected = functional.cross_entropy(logits, target.labels)
    torch.testing.assert_close(asked.terms(answer, [target])["class"], expected[None])


def test_an_object_of_any_class_is_what_the_box_head_finds_likeliest() -> None:
    asked, pixels, target = teacher(), images(1), two_objects()
    answer = asked.look(pixels)
    logits = model().class_logits(answer, [half_open_boxes(target.masks)])
    best = logits[:, 1:].argmax(1) + 1
    terms = asked.terms(answer, [replace(target, labels=torch.tensor([-1, -1]))])
    torch.testing.assert_close(terms["mask"], asked.terms(answer, [replace(target, labels=best)])["mask"])
    any_class = -(1 - logits.double().softmax(1)[:, 0]).log().mean()
    torch.testing.assert_close(terms["class"], any_class.float()[None])
    agnostic = teacher(class_agnostic=True)
    torch.testing.assert_close(agnostic.terms(answer, [target])["mask"], terms["mask"])
    assert not torch.equal(asked.terms(answer, [target])["mask"], terms["mask"])


def test_background_term_asks_at_free_boxes() -> None:
    asked, pixels, target = teacher(background_boxes=3), images(2), two_objects()
    answer, generator = asked.look(pixels), torch.Generator().manual_seed(4)
    found = asked.terms(answer, [target, no_objects()], generator=generator)["background"]
    occupied = torch.stack([target.masks.any(0), torch.zeros(SIZE, dtype=torch.bool)])
    boxes = free_boxes(occupied, 3, generator=torch.Generator().manual_seed(4))
    assert [len(part) for part in boxes] == [3, 3]
    expected = -model().class_logits(answer, boxes).log_softmax(1)[:, 0].view(2, 3).mean(1)
    torch.testing.assert_close(found, expected)


def test_free_boxes_hold_no_object() -> None:
    occupied = two_objects().masks.any(0)[None]
    (boxes,) = free_boxes(occupied, 20, generator=torch.Generator().manual_seed(0))
    assert len(boxes) == 20
    assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()
    for x0, y0, x1, y1 in boxes.tolist():
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= SIZE[1]
        assert y1 <= SIZE[0]
        rows, columns = slice(int(y0), -int(-y1 // 1)), slice(int(x0), -int(-x1 // 1))
        assert not occupied[0, rows, columns].any()
    assert free_boxes(torch.ones(1, *SIZE, dtype=torch.bool), 4, generator=None)[0].shape == (0, 4)


def test_covered_counts_pixels() -> None:
    plane = torch.rand(1, 20, 30) > 0.5
    boxes = torch.tensor([[[2.0, 3, 10, 9], [0, 0, 30, 20], [-5, 18, 3, 40], [4.5, 4.5, 4.6, 4.6]]])
    expected = [plane[0, 3:9, 2:10].sum(), plane.sum(), plane[0, 18:, :3].sum(), plane[0, 4, 4]]
    assert covered(plane, boxes)[0].tolist() == [int(value) for value in expected]


def test_anchors_that_fit_are_those_of_half_or_the_best() -> None:
    target = two_objects()
    objects = gather([target, no_objects()], batch=2, size=SIZE, device=torch.device("cpu"))
    anchors = model().objectness(model().features(images(2))).anchors
    fits, away = anchor_labels(anchors, objects)
    iou = box_iou(anchors, half_open_boxes(target.masks))
    expected = iou.amax(1) >= 0.5
    for column in iou.unbind(1):
        expected |= column == column.max()
    assert torch.equal(fits[0], expected)
    assert torch.equal(away[0], (iou.amax(1) < 0.3) & ~expected)
    assert not fits[1].any()
    assert away[1].all()


def test_objectness_term_by_hand() -> None:
    anchors = torch.tensor([[10.0, 10, 50, 40], [60, 0, 90, 30], [0, 40, 30, 60], [12, 12, 40, 40]])
    objects = gather(
        [FrameTarget(torch.stack([ellipse(30, 25, 20, 15)]), torch.tensor([1]))],
        batch=1,
        size=SIZE,
        device=torch.device("cpu"),
    )
    logits = torch.tensor([[0.5, 2.0, -1.0, 0.25]])  # fits, away, away, fits (IoU 0.65)
    positive = functional.softplus(torch.tensor([-0.5, -0.25])).mean()
    negative = functional.softplus(torch.tensor([2.0, -1.0])).mean()
    torch.testing.assert_close(objectness_losses(Objectness(logits, anchors), objects), (positive + negative)[None] / 2)
    void = torch.zeros(1, *SIZE, dtype=torch.bool)
    void[0, :35, 55:] = True
    unknown = objectness_losses(Objectness(logits, anchors), replace(objects, void=void))
    torch.testing.assert_close(unknown, (positive + functional.softplus(torch.tensor(-1.0)))[None] / 2)


def test_one_pass_of_the_backbone_and_gradients_for_pixels_only() -> None:
    asked, pixels = teacher(tiles=2), images(2).requires_grad_()
    passes: list[int] = []
    hook = model().network.backbone.register_forward_hook(lambda *_: passes.append(1))
    terms = asked.terms(asked.look(pixels), [two_objects(), two_objects()])
    hook.remove()
    assert len(passes) == 1
    for loss in terms.values():
        (gradient,) = torch.autograd.grad(loss.sum(), pixels, retain_graph=True)
        assert all(bool(part.any()) for part in gradient)
    sum(terms.values(), torch.zeros(2)).sum().backward()
    assert all(weight.grad is None for weight in asked.parameters())


def odd_targets() -> list[FrameTarget]:
    pixel, border, absent = (torch.zeros(2, *SIZE, dtype=torch.bool) for _ in range(3))
    pixel[0, 5, 7] = pixel[1, 63, 95] = True
    border[0, :, :3] = border[1, 60:, 40:] = True
    absent[1, 10:20, 10:30] = True
    labels = torch.tensor([1, 2])
    full = FrameTarget(torch.ones(1, *SIZE, dtype=torch.bool), torch.tensor([48]))
    return [*(FrameTarget(masks, labels) for masks in (pixel, border, absent)), full, no_objects()]


@pytest.mark.parametrize("tiles", [1, 3])
def test_odd_objects_give_finite_terms_and_gradients(tiles: int) -> None:
    asked, targets = teacher(tiles=tiles), odd_targets()
    pixels = images(len(targets)).requires_grad_()
    answer = asked.look(pixels)
    terms = asked.terms(answer, targets)
    for loss in terms.values():
        assert loss.shape == (5,)
        assert loss.dtype == torch.float32
        assert loss.isfinite().all()
    sum(terms.values(), torch.zeros(5)).sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.isfinite().all()
    read = asked.read(answer, targets)
    assert [tuple(one.shape) for one in read] == [tuple(target.masks.shape) for target in targets]
    assert not read[2][0].any()
    assert read[2][1].any()


def test_frames_without_objects_only_have_a_gradient_of_zeros() -> None:
    asked, pixels = mask_teacher(), images(1).requires_grad_()
    loss = asked.terms(asked.look(pixels), [no_objects()])["mask"]
    loss.sum().backward()
    assert loss.tolist() == [0]
    assert pixels.grad is not None
    assert not pixels.grad.any()


def test_half_precision_gives_nearly_the_same() -> None:
    asked, pixels, target = teacher(), images(1), two_objects()
    with torch.autocast("cpu", torch.bfloat16):
        rough = asked.terms(asked.look(pixels), [target], generator=torch.Generator().manual_seed(1))
    fine = asked.terms(asked.look(pixels), [target], generator=torch.Generator().manual_seed(1))
    for name, loss in rough.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, fine[name], rtol=0.1, atol=0.1)


def test_norm_layers_are_those_of_the_backbone_in_the_order_of_the_pass() -> None:
    layers = teacher().norm_layers()
    assert len(layers) == 15
    assert next(iter(layers)) == "backbone.stem.1"
    order: list[torch.nn.Module] = []
    hooks = [one.register_forward_hook(lambda layer, *_: order.append(layer)) for one in layers.values()]
    model().features(images(1))
    for hook in hooks:
        hook.remove()
    assert all(one is other for one, other in zip(order, layers.values(), strict=True))


def test_wrong_targets_are_refused() -> None:
    asked, target = mask_teacher(), two_objects()
    answer = asked.look(images(1))
    with pytest.raises(ValueError, match="targets must be one for each of 1 images, got 2"):
        asked.terms(answer, [target, target])
    with pytest.raises(ValueError, match=r"targets must have the images' size \(64, 96\), got \[\(32, 48\)\]"):
        asked.terms(answer, [target.resized((32, 48))])
    with pytest.raises(ValueError, match=r"labels must be 1 to 48, or -1 for any, got \[0, 49\]"):
        asked.terms(answer, [replace(target, labels=torch.tensor([0, 49]))])


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="tiles must be 1 to 8, got 9"):
        MaskRCNNSettings(tiles=9)
    with pytest.raises(ValueError, match="tiles must be 2 or more without coarse masks, got 1"):
        MaskRCNNSettings(coarse=False)
    with pytest.raises(ValueError, match="targets must be soft or thresholded, got 'hard'"):
        MaskRCNNSettings(targets="hard")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="background_boxes must be 1 or more, got 0"):
        MaskRCNNSettings(background_boxes=0)
