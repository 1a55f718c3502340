"""Frames and masks as a data set in COCO's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from maskreel.common import masks as mask_tools
from maskreel.common.atomic import write_json
from maskreel.inversion.exports._coco_categories import coco_categories
from maskreel.inversion.exports._folder import new_folder, save_png
from maskreel.inversion.exports._polygons import polygons
from maskreel.inversion.sources import NO_CLASS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import torch

    from maskreel.inversion.exports._sequence import ExportFrame, ExportSequence

Segmentation = Literal["rle", "polygons"]


def export_coco(
    folder: str | os.PathLike[str],
    sequences: Sequence[ExportSequence],
    *,
    segmentation: Segmentation = "rle",
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write a new folder with `images/NAME/00000.png` and `annotations.json`, which pycocotools and others load.

    Classes that COCO has keep their ids of COCO, others get ids from 101 on; an object without class is "object".
    Every annotation has a `track_id`, the number of its object in the sequence; void is a region with `iscrowd` 1,
    which scores and losses leave out. The folder appears when it is whole; an export of run folders that was stopped
    goes on.

    Args:
        folder: A new or empty folder.
        sequences: One or more, of different names.
        segmentation: "rle" is exact. "polygons", which some trainers want, fill holes.
        progress: Called with 1 after every frame.

    Raises:
        InputError: `folder` is not empty.
        ValueError: There is no sequence, or two have one name.
    """
    names = [name for sequence in sequences for name in sequence.class_names.values()]
    categories = coco_categories(names)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with new_folder(folder, sequences, ("coco",)) as scratch:
        for sequence in sequences:
            for index, frame in enumerate(sequence.frames):
                file_name = f"{sequence.name}/{index:05d}.png"
                save_png(scratch / "images" / file_name, frame.picture)
                images.append(_image(len(images) + 1, file_name, frame))
                for entry in _annotations(sequence, frame, categories, segmentation):
                    annotations.append({"id": len(annotations) + 1, "image_id": len(images)} | entry)
                if progress is not None:
                    progress(1)
        kinds = [{"id": number, "name": name} for name, number in categories.items()]
        write_json(scratch / "annotations.json", {"images": images, "annotations": annotations, "categories": kinds})


def _image(number: int, file_name: str, frame: ExportFrame) -> dict[str, Any]:
    height, width = frame.picture.shape[1:]
    return {"id": number, "file_name": file_name, "height": height, "width": width}


def _annotations(
    sequence: ExportSequence, frame: ExportFrame, categories: dict[str, int], segmentation: Segmentation
) -> list[dict[str, Any]]:
    found = []
    for (number, name), mask in zip(sequence.class_names.items(), frame.masks, strict=True):
        if mask.any():
            outline = polygons(mask) if segmentation == "polygons" else mask_tools.encode_rle(mask)
            track = {"category_id": categories[name or NO_CLASS], "track_id": number, "iscrowd": 0}
            found.append(track | _place(mask) | {"segmentation": outline})
    if frame.void is not None and frame.void.any():
        crowd = {"category_id": min(categories.values()), "iscrowd": 1}
        found.append(crowd | _place(frame.void) | {"segmentation": mask_tools.encode_rle(frame.void)})
    return found


def _place(mask: torch.Tensor) -> dict[str, Any]:
    left, top, right, bottom = mask_tools.boxes(mask[None])[0].tolist()
    return {"bbox": [left, top, right - left, bottom - top], "area": int(mask.sum())}
