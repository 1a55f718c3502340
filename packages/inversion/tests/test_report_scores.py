"""What a verifier's findings are worth: objects, contours, classes, average precision, intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from maskreel.common.maskrcnn import Detections
from maskreel.inversion.report import (
    CallableVerifier,
    Found,
    average_precision,
    estimate,
    score_found,
    score_frames,
)
from maskreel.inversion.targets import FrameTarget

NAMES = ("background", "cat", "dog")
SIZE = (40, 60)


def box(y0: int, y1: int, x0: int, x1: int) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def found(*parts: tuple[torch.Tensor, str, float]) -> Found:
    masks = torch.stack([mask for mask, _, _ in parts]) if parts else torch.zeros(0, *SIZE, dtype=torch.bool)
    return Found(masks, tuple(name for _, name, _ in parts), torch.tensor([score for _, _, score in parts]))


def target(*parts: tuple[torch.Tensor, int], void: torch.Tensor | None = None) -> FrameTarget:
    return FrameTarget(torch.stack([mask for mask, _ in parts]), torch.tensor([label for _, label in parts]), void)


CAT, DOG = box(5, 15, 5, 25), box(20, 35, 30, 50)


def test_right_class_counts_and_another_class_at_the_place_does_not() -> None:
    half = box(5, 15, 5, 15)
    score = score_found(
        [found((half, "cat", 0.9), (DOG, "cat", 0.8))], [target((CAT, 1), (DOG, 2))], NAMES, verifier="v"
    )
    cat, dog = score.objects
    assert (cat.name, cat.pixels, cat.j, cat.named) == ("cat", 200, 0.5, True)
    assert (dog.j, dog.f, dog.j_any, dog.named) == (0.0, 0.0, 1.0, False)
    assert score.found(0.5) == [1.0, 0.0]
    assert score.found(0.6) == [0.0, 0.0]
    assert score.mean("j") == 0.25


def test_a_class_of_none_takes_whatever_is_there() -> None:
    score = score_found([found((DOG, "sofa", 0.9))], [target((DOG, 2))], ("background", "cat", None), verifier="v")
    assert score.values("j") == [1.0]
    assert score.values("named") == [1.0]
    assert math.isnan(score.ap50)


def test_small_absent_and_doubtful_things_do_not_count() -> None:
    small, nothing = box(0, 5, 0, 5), torch.zeros(SIZE, dtype=torch.bool)
    frame = target((small, 1), (nothing, 1), (DOG, 2))
    unsure = found((DOG, "dog", 0.3))
    assert [one.place for one in score_found([unsure], [frame], NAMES, verifier="v").objects] == [2]
    assert score_found([unsure], [frame], NAMES, verifier="v", min_score=0.5).values("j") == [0.0]


def test_void_is_neither_for_nor_against() -> None:
    void = box(5, 15, 15, 25)  # the right half of the cat
    score = score_found(
        [found((box(5, 15, 5, 15), "cat", 0.9))], [target((CAT, 1), void=void)], NAMES, verifier="v", min_pixels=1
    )
    assert score.values("j") == [1.0]
    assert score.objects[0].pixels == 100


def test_nothing_found_and_nothing_asked_for() -> None:
    score = score_found([found()], [target((CAT, 1))], NAMES, verifier="v")
    assert (score.values("j"), score.values("named"), score.ap50) == ([0.0], [0.0], 0.0)
    empty = score_found([found()], [target((~(CAT | ~CAT), 1))], NAMES, verifier="v")
    assert math.isnan(empty.mean())
    assert math.isnan(empty.decay())


def test_decay_compares_the_first_with_the_last_quarter() -> None:
    shares = (1.0, 1.0, 0.5, 0.5)
    seen = [found((box(5, 15, 5, 5 + round(20 * share)), "cat", 1.0)) for share in shares]
    score = score_found(seen, [target((CAT, 1))] * 4, NAMES, verifier="v")
    assert score.by_frame() == list(shares)
    assert score.decay() == 0.5


def test_a_verifier_is_asked_with_frames_alone() -> None:
    asked = []

    def look(frames: torch.Tensor) -> list[Detections]:
        asked.append(tuple(frames.shape))
        boxes = torch.tensor([[30.0, 20.0, 50.0, 35.0]])
        return [Detections(boxes, torch.tensor([2]), torch.tensor([0.7]), DOG[None])] * len(frames)

    frames = torch.zeros(2, 3, *SIZE, dtype=torch.uint8)
    verifier = CallableVerifier(look, "stand-in", class_names=NAMES)
    assert score_frames(frames, [target((DOG, 2))] * 2, NAMES, verifier).values("f") == [1.0, 1.0]
    assert asked == [(2, 3, *SIZE)]
    with pytest.raises(ValueError, match=r"targets must be 2 of size \(40, 60\), got 1"):
        score_frames(frames, [target((DOG, 2))], NAMES, verifier)


def test_average_precision_is_that_of_coco() -> None:
    """Against pycocotools, on findings at random places."""
    from pycocotools import mask as rle
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    generator = np.random.default_rng(0)
    seen, targets, truth, detections = [], [], [], []
    for image in range(1, 7):
        objects, parts = [], []
        for _ in range(3):
            y, x = int(generator.integers(0, 25)), int(generator.integers(0, 40))
            label = int(generator.integers(1, 3))
            objects.append((box(y, y + 12, x, x + 15), label))
            for _ in range(2):
                dy, dx = map(int, generator.integers(-3, 4, 2))
                mask = box(max(0, y + dy), y + dy + 12, max(0, x + dx), x + dx + 15)
                parts.append((mask, NAMES[int(generator.integers(1, 3))], round(float(generator.random()), 6)))
        seen.append(found(*parts))
        targets.append(target(*objects))
        for mask, label in objects:
            code = rle.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
            truth.append({"image_id": image, "category_id": label, "segmentation": code, "iscrowd": 0})
        for mask, name, value in parts:
            code = rle.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
            one = {"image_id": image, "category_id": NAMES.index(name), "segmentation": code, "score": value}
            detections.append(one | {"iscrowd": 0})
    for rows in (truth, detections):
        for number, row in enumerate(rows, start=1):
            row |= {"id": number, "area": float(rle.area(row["segmentation"]))}
    sides: list[Any] = []
    for rows in (truth, detections):
        coco: Any = COCO()
        coco.dataset = {
            "images": [{"id": image, "height": SIZE[0], "width": SIZE[1]} for image in range(1, 7)],
            "categories": [{"id": 1}, {"id": 2}],
            "annotations": rows,
        }
        coco.createIndex()
        sides.append(coco)
    job: Any = COCOeval(sides[0], sides[1], "segm")
    job.params.areaRng, job.params.areaRngLbl = [[0, 1e10]], ["all"]
    job.params.maxDets = [100]
    job.evaluate()
    job.accumulate()
    expected = job.eval["precision"][0].mean()
    ours = average_precision(seen, targets, NAMES)
    assert 0.1 < expected < 0.9
    assert ours == pytest.approx(expected, abs=1e-6)


def test_small_objects_may_be_found_without_harm() -> None:
    small = box(0, 5, 0, 5)
    seen, frames = [found((small, "cat", 0.9), (CAT, "cat", 0.8))], [target((small, 1), (CAT, 1))]
    assert average_precision(seen, frames, NAMES, min_pixels=60) == 1.0
    assert average_precision([found((DOG, "cat", 0.9), (CAT, "cat", 0.8))], frames, NAMES, min_pixels=60) == 0.5


def test_intervals_come_from_sequences_not_objects() -> None:
    alike = estimate([[0.0] * 50, [1.0] * 50])
    assert alike.value == 0.5
    assert (alike.count, alike.sequences) == (100, 2)
    assert alike.interval == (0.0, 1.0)  # a hundred objects, but only two independent cases
    assert estimate([[0.0, 1.0], [1.0, 0.0]]).interval == (0.5, 0.5)
    assert str(estimate([[0.25, math.nan, 0.75]])) == "0.500"
    assert str(estimate([[], [math.nan]])) == "–"


def test_findings_must_hold_together() -> None:
    with pytest.raises(ValueError, match="equally many, got 1, 0 and 1"):
        Found(CAT[None], (), torch.ones(1))
    with pytest.raises(ValueError, match=r"masks must be bool \(N, H, W\)"):
        Found(CAT, ("cat",), torch.ones(1))
