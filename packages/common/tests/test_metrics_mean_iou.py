"""Mean IoU over classes: confusion by loops, absent classes, pooling."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.metrics import MeanIoU, class_iou, confusion_matrix, iou, mean_iou

TRUTH = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1], [3, 3, 3, 3]])
PREDICTION = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 0], [3, 3, 0, 4]])
# class 0: 4 / 7, 1: 2 / 4, 2 absent, 3: 2 / 4, 4: 0 / 1 (predicted only), 5 absent
SCORES = (4 / 7, 0.5, None, 0.5, 0.0, None)


def loops(prediction: torch.Tensor, truth: torch.Tensor, classes: int, ignore: int | None = None) -> list[list[int]]:
    counts = [[0] * classes for _ in range(classes)]
    for p, t in zip(prediction.flatten().tolist(), truth.flatten().tolist(), strict=True):
        if t != ignore:
            counts[t][p] += 1
    return counts


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int16])
def test_confusion_agrees_with_loops(dtype: torch.dtype) -> None:
    prediction, truth = torch.randint(0, 12, (2, 3, 8, 9)).to(dtype)
    matrix = confusion_matrix(prediction, truth, 13)
    assert matrix.dtype == torch.int64
    assert matrix.tolist() == loops(prediction, truth, 13)


def test_ignored_truth_is_not_counted() -> None:
    prediction, truth = torch.randint(0, 5, (2, 8, 9)).to(torch.uint8)
    truth[2:4] = 255
    assert confusion_matrix(prediction, truth, 5, ignore=255).tolist() == loops(prediction, truth, 5, 255)
    # a prediction may hold anything where the truth is void
    prediction[3] = 200
    assert confusion_matrix(prediction, truth, 5, ignore=255).sum() == 6 * 9


def test_by_hand() -> None:
    metric = MeanIoU(6)
    metric.update(PREDICTION, TRUTH)
    assert metric.per_class() == pytest.approx(SCORES)
    assert metric.compute() == pytest.approx((4 / 7 + 0.5 + 0.5 + 0.0) / 4)
    assert metric.compute(exclude={0}) == pytest.approx(1 / 3)
    assert metric.compute(exclude=(0, 4, 5)) == pytest.approx(0.5)


def test_absent_classes_change_nothing() -> None:
    few, many = MeanIoU(5), MeanIoU(49)
    for metric in (few, many):
        metric.update(PREDICTION, TRUTH)
    assert few.compute() == many.compute()
    assert many.per_class().count(None) == 45


def test_two_classes_agree_with_mask_iou() -> None:
    a, b = torch.rand(2, 7, 8, 9) > 0.6
    metric = MeanIoU(2)
    metric.update(a.byte(), b.byte())
    assert metric.per_class()[1] == pytest.approx(float(iou(a.reshape(7, 72), b.reshape(7, 72))))
    both = iou(torch.stack((a, ~a)).reshape(2, 7, 72), torch.stack((b, ~b)).reshape(2, 7, 72))
    assert metric.compute() == pytest.approx(float(both.mean()))


def test_order_and_chunks_do_not_matter() -> None:
    predictions, truths = torch.randint(0, 7, (2, 10, 6, 5))
    whole, parts, other = MeanIoU(7), MeanIoU(7), MeanIoU(7)
    whole.update(predictions, truths)
    for i in (3, 0, 4):
        parts.update(predictions[i], truths[i])
    for i in (1, 2, 5, 6, 7, 8, 9):
        other.update(predictions[i], truths[i])
    parts.merge(other)
    assert torch.equal(parts.confusion, whole.confusion)
    assert parts.compute() == whole.compute()


def test_pooled_and_per_clip_are_different_numbers() -> None:
    # clip 1 holds classes 0 and 1 and is perfect, clip 2 classes 0 and 2 and misses 2 wholly
    truths = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 2]])
    predictions = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]])
    clips = torch.stack([confusion_matrix(p, t, 9) for p, t in zip(predictions, truths, strict=True)])
    assert float(mean_iou(clips.sum(0))) == pytest.approx((5 / 6 + 1 + 0) / 3)
    assert mean_iou(clips).tolist() == pytest.approx([1.0, (3 / 4 + 0) / 2])
    foreground = mean_iou(clips, exclude={0})
    assert foreground.tolist() == pytest.approx([1.0, 0.0])


def test_nothing_seen_is_no_score() -> None:
    assert class_iou(torch.zeros(3, 3, dtype=torch.int64)).isnan().all()
    assert mean_iou(torch.zeros(3, 3, dtype=torch.int64)).isnan()
    metric = MeanIoU(3)
    with pytest.raises(ValueError, match="none of the 3 classes has been seen"):
        metric.compute()
    metric.update(torch.zeros(4, 4).long(), torch.zeros(4, 4).long())
    assert metric.compute() == 1.0
    with pytest.raises(ValueError, match=r"none of the 3 classes has been seen, apart from exclude=\{0\}"):
        metric.compute(exclude={0})


def test_reduce_alone_is_a_copy() -> None:
    metric = MeanIoU(6, ignore=255)
    metric.update(PREDICTION, TRUTH)
    total = metric.reduce()
    assert total.compute() == metric.compute()
    assert total.ignore == 255
    total.update(TRUTH, TRUTH)
    assert metric.confusion.sum() == 12


def test_guards() -> None:
    labels = torch.zeros(2, 3, dtype=torch.int64)
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        MeanIoU(0)
    with pytest.raises(ValueError, match="classes must be at least 1, got -2"):
        confusion_matrix(labels, labels, -2)
    with pytest.raises(ValueError, match="prediction and truth must have one shape"):
        confusion_matrix(labels, labels.T, 2)
    with pytest.raises(TypeError, match=r"prediction must hold integer labels, got torch\.float32"):
        confusion_matrix(labels.float(), labels, 2)
    with pytest.raises(TypeError, match=r"truth must hold integer labels, got torch\.bool"):
        confusion_matrix(labels, labels.bool(), 2)
    with pytest.raises(ValueError, match="prediction must hold labels 0 to 1, got 2"):
        confusion_matrix(labels + 2, labels, 2)
    with pytest.raises(ValueError, match="truth must hold labels 0 to 1, got -1"):
        confusion_matrix(labels, labels - 1, 2)
    with pytest.raises(ValueError, match="exclude must name classes 0 to 2, got 3"):
        mean_iou(torch.ones(3, 3), exclude={3})
    with pytest.raises(ValueError, match=r"confusion must have shape .*, got \(3, 4\)"):
        class_iou(torch.ones(3, 4))
    with pytest.raises(ValueError, match="other must have 2 classes, got 3"):
        MeanIoU(2).merge(MeanIoU(3))
