"""The way to detectron2 and back: data-set records and settings for its own trainer.

detectron2 trains its networks itself: register `detectron2_records`, train with `detectron2_config`, and wrap the
result in `maskreel.common.maskrcnn.Detectron2MaskRCNN`, which gives it the channel order that it was trained with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maskreel.common.datasets import lazy_arrays
from maskreel.common.errors import MissingExtraError
from maskreel.common.maskrcnn import labels_to_detections
from maskreel.common.masks import encode_rle
from maskreel.vfp.segmentation._blur_files import mask_path, picture_path, read_mask
from maskreel.vfp.segmentation._blur_images import BlurImages
from maskreel.vfp.segmentation._build import ANCHORS
from maskreel.vfp.segmentation._task import as_tensor
from maskreel.vfp.timeline import CLASSES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import torch

    from maskreel.common.datasets import VfpSequence

__all__ = ["detectron2_config", "detectron2_options", "detectron2_records"]

ZOO_CONFIG = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
XYWH_ABS = 1
"""detectron2's BoxMode of left, top, width and height in pixels."""


def detectron2_records(source: Iterable[VfpSequence] | BlurImages) -> list[dict[str, Any]]:
    """Observed frames of labelled videos, or blur images, as the records that detectron2's DatasetCatalog holds.

    Masks are compressed COCO RLE (MASK_FORMAT bitmask), classes count from 0 without the background: 0 is class id 1.
    Frames without an object are there, with no annotations.

    Raises:
        InputError: A video has no label maps, or a file is bad.
    """
    pictures = _blurred(source) if isinstance(source, BlurImages) else _observed(source)
    return [_record(number, path, labels) for number, (path, labels) in enumerate(pictures)]


def detectron2_options(
    *,
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
    std: tuple[float, float, float] = (0.06, 0.06, 0.06),
    batch: int = 60,
    steps: int = 42_000,
) -> dict[str, Any]:
    """Settings for frames of 160x240 and training from scratch, by their dotted names.

    Batch, steps, rate and regions per image are those of the published system. What is not: the channel order is RGB in
    training and inference alike, frames keep their size in both, anchors fit objects of 10 to 45 pixels, frames without
    objects are kept, there is no vertical flip, and group norm takes the place of frozen statistics of other images.

    Args:
        mean, std: Of the red, green and blue values of the data, in [0, 1]; see `maskreel vfp stats`.
        batch: Images in a step.
        steps: Iterations.
    """
    norms = ("RESNETS", "FPN", "ROI_BOX_HEAD", "ROI_MASK_HEAD")
    return {
        "INPUT.FORMAT": "RGB",
        "INPUT.MASK_FORMAT": "bitmask",
        "INPUT.MIN_SIZE_TRAIN": (160,),
        "INPUT.MAX_SIZE_TRAIN": 8 * 160,
        "INPUT.MIN_SIZE_TEST": 160,
        "INPUT.MAX_SIZE_TEST": 8 * 160,
        "INPUT.RANDOM_FLIP": "horizontal",
        "DATALOADER.FILTER_EMPTY_ANNOTATIONS": False,
        "MODEL.WEIGHTS": "",
        "MODEL.PIXEL_MEAN": [255 * value for value in mean],
        "MODEL.PIXEL_STD": [255 * value for value in std],
        "MODEL.BACKBONE.FREEZE_AT": 0,
        **{f"MODEL.{part}.NORM": "GN" for part in norms},
        "MODEL.RESNETS.STRIDE_IN_1X1": False,
        "MODEL.ROI_BOX_HEAD.NAME": "FastRCNNConvFCHead",
        "MODEL.ROI_BOX_HEAD.NUM_CONV": 4,
        "MODEL.ROI_BOX_HEAD.NUM_FC": 1,
        "MODEL.ANCHOR_GENERATOR.SIZES": [[side] for side in ANCHORS],
        "MODEL.ROI_HEADS.NUM_CLASSES": CLASSES - 1,
        "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 512,
        "SOLVER.IMS_PER_BATCH": batch,
        "SOLVER.BASE_LR": 5e-4,
        "SOLVER.STEPS": (),
        "SOLVER.MAX_ITER": steps,
    }


def detectron2_config(**options: Any) -> Any:
    """A `CfgNode` for detectron2's trainer: Mask R-CNN with ResNet-50 and FPN, and `detectron2_options(**options)`.

    Raises:
        MissingExtraError: detectron2 is not installed.
    """
    try:
        from detectron2 import model_zoo  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise MissingExtraError("detectron2", "git+https://github.com/facebookresearch/detectron2") from error
    settings = model_zoo.get_config(ZOO_CONFIG)
    settings.merge_from_list([item for pair in detectron2_options(**options).items() for item in pair])
    return settings


def _observed(videos: Iterable[VfpSequence]) -> Iterator[tuple[Path, torch.Tensor]]:
    for video in videos:
        _, labels = lazy_arrays(video)
        for frame, plane in enumerate(as_tensor(labels[:OBSERVED])):
            yield video.folder / f"image_{frame}.png", plane


def _blurred(images: BlurImages) -> Iterator[tuple[Path, torch.Tensor]]:
    for video, frames in images.frames.items():
        for frame in frames:
            yield picture_path(images.folder, video, frame), read_mask(mask_path(images.folder, video, frame))


def _record(number: int, path: Path, labels: torch.Tensor) -> dict[str, Any]:
    height, width = labels.shape
    found = labels_to_detections(labels)
    annotations = [
        {
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "bbox_mode": XYWH_ABS,
            "category_id": label - 1,
            "segmentation": encode_rle(mask),
        }
        for (x0, y0, x1, y1), label, mask in zip(found.boxes.tolist(), found.labels.tolist(), found.masks, strict=True)
    ]
    where = {"file_name": str(path), "image_id": number, "height": height, "width": width}
    return where | {"annotations": annotations}
