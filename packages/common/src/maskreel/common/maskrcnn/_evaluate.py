"""How good a detector is, on clips with true label maps: COCO's average precision and the IoU of the label maps."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from maskreel.common.maskrcnn._frames import MIN_PIXELS, as_tensor
from maskreel.common.maskrcnn._labels import detections_to_labels, labels_to_detections
from maskreel.common.maskrcnn._require import require
from maskreel.common.metrics import MeanIoU

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from maskreel.common.datasets import Pixels
    from maskreel.common.maskrcnn._detections import Detections
    from maskreel.common.maskrcnn._interface import MaskRCNN

MAX_DETECTIONS = 100
"""Detections of an image that count, the best ones."""


@dataclass(frozen=True)
class DetectionQuality:
    """What `evaluate_detector` measures; all scores in [0, 1], higher is better."""

    box_ap50: float
    """Average precision at a box IoU of 0.5, mean over the classes that occur."""
    box_ap: float
    """The same, mean over IoU 0.50, 0.55, ..., 0.95."""
    mask_ap50: float
    mask_ap: float
    mean_iou: float
    """Per pixel: mean IoU of the label maps over the classes that occur, background included, all frames pooled."""
    frames: int
    objects: int
    """True objects asked for."""


def evaluate_detector(
    model: MaskRCNN,
    clips: Iterable[tuple[Pixels, Pixels]],
    *,
    batch: int = 8,
    min_score: float = 0.5,
    progress: Callable[[int], object] | None = None,
) -> DetectionQuality:
    """Run a detector over clips and compare with the truth (pycocotools, `MeanIoU`).

    An object is every label of a frame; where fewer than 8 of its pixels are seen, finding it counts neither for nor
    against. Memory grows with the run-length codes of the masks only, some 100 bytes per object.

    Args:
        model: Its labels are those of the label maps.
        clips: Frames uint8 (T, 3, H, W) and labels uint8 (T, H, W) of each clip; read one by one.
        batch: Frames that go through the network at a time.
        min_score: Score that a detection needs to enter the label map; average precision uses them all.
        progress: Called with the number of frames after each batch.

    Raises:
        ValueError: There is no object in any frame.
        MissingExtraError: pycocotools is not installed.
    """
    tally = _Tally(classes=len(model.class_names))
    device = next(model.parameters()).device
    for frames, labels in clips:
        for start in range(0, len(labels), batch):
            pixels = as_tensor(frames[start : start + batch]).to(device)
            truth = as_tensor(labels[start : start + batch])
            for found, plane in zip(model.detect(pixels.float() / 255), truth, strict=True):
                tally.add(found.to("cpu"), plane, min_score)
            if progress is not None:
                progress(len(truth))
    return tally.quality()


@dataclass
class _Tally:
    """What has been seen so far, as COCO's annotations and one confusion matrix."""

    classes: int
    images: list[dict[str, Any]] = field(default_factory=list)
    truth: list[dict[str, Any]] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        require("pycocotools")
        self.iou = MeanIoU(self.classes)

    def add(self, found: Detections, labels: torch.Tensor, min_score: float) -> None:
        image = len(self.images) + 1
        self.images.append({"id": image, "height": labels.shape[0], "width": labels.shape[1]})
        self.truth += _annotations(labels_to_detections(labels), image, len(self.truth))
        best = found[found.scores.argsort(descending=True, stable=True)[:MAX_DETECTIONS]]
        self.found += _annotations(best, image, len(self.found))
        self.iou.update(detections_to_labels(found, min_score=min_score), labels)

    def quality(self) -> DetectionQuality:
        for one in self.truth:
            one["iscrowd"] = int(one["area"] < MIN_PIXELS)  # COCO's way to let detections of it pass
        objects = sum(not one["iscrowd"] for one in self.truth)
        if not objects:
            raise ValueError(f"clips must show at least one object of {MIN_PIXELS} pixels, got none")
        boxes, masks = self._precision("bbox"), self._precision("segm")
        return DetectionQuality(*boxes, *masks, self.iou.compute(), len(self.images), objects)

    def _precision(self, kind: Literal["bbox", "segm"]) -> tuple[float, float]:
        """AP50 and AP."""
        from pycocotools.cocoeval import COCOeval

        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            job = COCOeval(self._coco(self.truth), self._coco(self.found), kind)
            job.params.catIds = sorted({one["category_id"] for one in self.truth if not one["iscrowd"]})
            job.params.areaRng, job.params.areaRngLbl = [[0, 1e10]], ["all"]
            job.params.maxDets = [MAX_DETECTIONS]
            job.evaluate()
            job.accumulate()
        precision = job.eval[
            "precision"
        ]  # IoU threshold, recall, class, area, detections; -1 for a class without truth
        return float(precision[0][precision[0] >= 0].mean()), float(precision[precision >= 0].mean())

    def _coco(self, annotations: list[dict[str, Any]]) -> Any:
        from pycocotools.coco import COCO

        coco: Any = COCO()
        categories = [{"id": number} for number in range(1, self.classes)]
        coco.dataset = {"images": self.images, "annotations": annotations, "categories": categories}
        coco.createIndex()
        return coco


def _annotations(objects: Detections, image: int, first: int) -> list[dict[str, Any]]:
    """COCO's annotations; for truth and detections alike."""
    from pycocotools import mask as rle

    masks = np.asfortranarray(objects.masks.permute(1, 2, 0).to(torch.uint8).numpy())
    codes = rle.encode(masks)
    x0, y0, x1, y1 = objects.boxes.unbind(1)
    boxes = torch.stack([x0, y0, x1 - x0, y1 - y0], dim=1).tolist()
    rows = zip(
        codes,
        np.asarray(rle.area(codes)).tolist(),
        boxes,
        objects.labels.tolist(),
        objects.scores.tolist(),
        strict=True,
    )
    return [
        {
            "id": first + position + 1,
            "image_id": image,
            "category_id": label,
            "segmentation": code,
            "area": area,
            "bbox": box,
            "score": score,
            "iscrowd": 0,
        }
        for position, (code, area, box, label, score) in enumerate(rows)
    ]
