"""Average precision and IoU of a detector, with results counted by hand."""

from __future__ import annotations

import sys
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.errors import MissingExtraError
from maskreel.common.maskrcnn import Detections, evaluate_detector, labels_to_detections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

H, W = 24, 40


class Oracle(torch.nn.Module):
    """A detector that reads the label of a pixel from its red value and may be told to err."""

    class_names = ("background", "one", "two", "three")

    def __init__(self, change: Callable[[Detections], Detections] = lambda found: found) -> None:
        super().__init__()
        self.anything = torch.nn.Parameter(torch.zeros(1))
        self.change = change
        self.batches: list[int] = []

    def detect(self, images: torch.Tensor) -> list[Detections]:
        self.batches.append(len(images))
        planes = (images[:, 0] * 255).round().to(torch.uint8)
        return [self.change(labels_to_detections(plane)) for plane in planes]


def clip(*frames: dict[int, tuple[int, int, int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes y0, x0, y1, x1 of the objects in each frame."""
    labels = torch.zeros(len(frames), H, W, dtype=torch.uint8)
    for plane, objects in zip(labels, frames, strict=True):
        for label, (y0, x0, y1, x1) in objects.items():
            plane[y0:y1, x0:x1] = label
    return labels[:, None].repeat(1, 3, 1, 1), labels


def quality(model: Any, *clips: tuple[Any, Any], **options: Any) -> Any:
    return evaluate_detector(model, clips, **options)


TWO = clip({1: (0, 0, 10, 10), 2: (12, 20, 22, 36)}, {1: (3, 3, 13, 13)})


def test_a_perfect_detector_scores_one() -> None:
    found = quality(Oracle(), TWO, clip({3: (0, 0, 8, 8)}))
    assert astuple(found) == (pytest.approx(1),) * 5 + (3, 4)


def test_a_detector_that_finds_nothing_scores_nothing() -> None:
    found = quality(Oracle(lambda one: one[:0]), TWO)
    assert astuple(found)[:4] == (0, 0, 0, 0)
    background = 1 - (100 + 160 + 100) / (2 * H * W)
    assert found.mean_iou == pytest.approx(background / 3)


def test_precision_is_the_mean_over_the_classes_that_occur() -> None:
    found = quality(Oracle(lambda one: one[one.labels == 1]), TWO)
    assert astuple(found)[:4] == pytest.approx((0.5,) * 4)


def test_masks_and_boxes_are_measured_apart() -> None:
    def half(one: Detections) -> Detections:
        """Every second row: the box stays, the mask has an IoU of 0.5 or a bit less."""
        masks = one.masks.clone()
        masks[:, 1::2] = False
        return Detections(one.boxes, one.labels, one.scores, masks)

    found = quality(Oracle(half), clip({1: (1, 0, 10, 10)}))  # 9 rows, of which 4 stay
    assert found.box_ap == pytest.approx(1)
    assert found.mask_ap50 == 0


def test_precision_falls_with_the_demanded_overlap() -> None:
    def wider(one: Detections) -> Detections:
        """3 of 10 columns more: IoU 10 / 13 = 0.77, enough for 0.50 to 0.75, which are 6 of 10 thresholds."""
        return Detections(one.boxes + torch.tensor([0.0, 0, 3, 0]), one.labels, one.scores, one.masks)

    found = quality(Oracle(wider), clip({1: (0, 0, 10, 10)}))
    assert found.box_ap50 == pytest.approx(1)
    assert found.box_ap == pytest.approx(0.6)
    assert found.mask_ap == pytest.approx(1)


def test_a_false_alarm_with_a_higher_score_halves_the_precision() -> None:
    def alarm(one: Detections) -> Detections:
        masks = torch.zeros(1, H, W, dtype=torch.bool)
        masks[0, 15:24, 30:40] = True
        false = Detections(torch.tensor([[30.0, 15, 40, 24]]), torch.tensor([1]), torch.tensor([0.9]), masks)
        parts = zip(astuple(one)[:4], astuple(false)[:4], strict=True)
        boxes, labels, scores, stacks = (torch.cat(pair) for pair in parts)
        return Detections(boxes, labels, scores * torch.tensor([0.6, 1.0]), stacks)

    found = quality(Oracle(alarm), clip({1: (0, 0, 10, 10)}))
    assert found.box_ap50 == pytest.approx(0.5)
    assert found.mask_ap50 == pytest.approx(0.5)
    # One instance per class: the label map shows the false alarm, which scores higher, and nothing else.
    assert found.mean_iou == pytest.approx((H * W - 190) / (H * W) / 2)


def test_objects_of_few_pixels_count_neither_way() -> None:
    frames = clip({1: (0, 0, 10, 10), 2: (20, 0, 21, 7)})  # 7 pixels
    found, missed = quality(Oracle(), frames), quality(Oracle(lambda one: one[one.labels == 1]), frames)
    assert found.objects == missed.objects == 1
    assert astuple(found)[:4] == astuple(missed)[:4] == pytest.approx((1,) * 4)
    assert missed.mean_iou < found.mean_iou == 1  # but pixels are pixels


def test_the_score_threshold_is_for_label_maps_only() -> None:
    weak = Oracle(lambda one: Detections(one.boxes, one.labels, one.scores * 0.4, one.masks))
    assert quality(weak, TWO).mask_ap50 == pytest.approx(1)
    assert quality(weak, TWO).mean_iou < 0.4
    assert quality(weak, TWO, min_score=0.4).mean_iou == 1


def test_clips_are_read_one_by_one_in_batches() -> None:
    state = {"open": 0}

    def clips() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(2):
            state["open"] += 1
            frames, labels = clip(*[{1: (0, 0, 10, 10)}] * 5)
            yield frames.numpy(), labels.numpy()

    model, seen = Oracle(), []
    found = evaluate_detector(model, clips(), batch=2, progress=lambda count: seen.append((count, state["open"])))  # pyright: ignore[reportArgumentType]
    assert model.batches == [2, 2, 1, 2, 2, 1]
    assert seen == [(2, 1), (2, 1), (1, 1), (2, 2), (2, 2), (1, 2)]
    assert found.frames == found.objects == 10


def test_clips_without_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="clips must show at least one object of 8 pixels, got none"):
        quality(Oracle(), clip({}))


def test_without_pycocotools_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingExtraError, match=r"pycocotools is not installed; .*'maskreel-common\[coco\]'"):
        quality(Oracle(), TWO)


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    quality(Oracle(), TWO)
    assert capsys.readouterr().out == ""
