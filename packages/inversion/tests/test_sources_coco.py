"""Masks from COCO's JSON."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as reference

from maskreel.common.errors import InputError
from maskreel.inversion.sources import CocoSequence, open_masks

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 20, 30


def box(x0: int, y0: int, x1: int, y1: int) -> torch.Tensor:
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def polygon(x0: int, y0: int, x1: int, y1: int) -> list[list[float]]:
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def rle(mask: torch.Tensor) -> dict[str, Any]:
    encoded: Any = reference.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def uncompressed(mask: torch.Tensor) -> dict[str, Any]:
    values = mask.numpy().ravel(order="F").astype(int)
    changes = np.flatnonzero(np.diff(values)) + 1
    runs = np.diff(np.concatenate(([0], changes, [values.size]))).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": [0, *runs] if values[0] else runs}


def write(path: Path, annotations: list[dict[str, Any]], names: list[str] | None = None, **more: Any) -> Path:
    names = names or ["2.png", "10.png", "1.png"]
    images = [{"id": 7 - i, "file_name": name, "height": HEIGHT, "width": WIDTH} for i, name in enumerate(names)]
    categories = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
    numbered = [{"id": i, "category_id": 18, "iscrowd": 0} | one for i, one in enumerate(annotations)]
    path.write_text(json.dumps({"images": images, "annotations": numbered, "categories": categories} | more))
    return path


def test_order_by_name_or_id(tmp_path: Path) -> None:
    places = {7: (0, 0, 5, 5), 6: (5, 5, 15, 9), 5: (20, 3, 29, 18)}  # of 2.png, 10.png and 1.png
    boxes = [{"image_id": image, "segmentation": polygon(*place)} for image, place in places.items()]
    file = write(tmp_path / "masks.json", boxes)
    by_name = torch.cat([frame.masks for frame in open_masks(file)])
    by_id = torch.cat([frame.masks for frame in open_masks(file, order="id")])
    assert torch.equal(by_name, torch.stack([box(*places[image]) for image in (5, 7, 6)]))
    assert torch.equal(by_id, torch.stack([box(*places[image]) for image in (5, 6, 7)]))


def test_all_kinds_of_segmentation(tmp_path: Path) -> None:
    mask = box(3, 2, 12, 15) | box(20, 4, 24, 8)
    two = polygon(3, 2, 12, 15) + polygon(20, 4, 24, 8)
    file = write(
        tmp_path / "masks.json",
        [
            {"image_id": 7, "segmentation": rle(mask)},
            {"image_id": 6, "segmentation": uncompressed(mask)},
            {"image_id": 5, "segmentation": two},
        ],
    )
    found = open_masks(file)
    assert found.class_names == ("dog",)
    assert all(torch.equal(frame.masks[0], mask) for frame in found)


def test_objects_by_category_and_place(tmp_path: Path) -> None:
    file = write(
        tmp_path / "masks.json",
        [
            {"image_id": 7, "segmentation": polygon(0, 0, 4, 4)},
            {"image_id": 7, "segmentation": polygon(6, 0, 9, 4)},
            {"image_id": 7, "segmentation": polygon(2, 2, 8, 8), "category_id": 1},
            {"image_id": 6, "segmentation": polygon(10, 10, 14, 14)},
        ],
    )
    found = open_masks(file, order="id")
    assert found.object_ids == (1, 2, 3)
    assert found.class_names == ("person", "dog", "dog")
    assert torch.equal(found.frame(2).masks, torch.stack([box(2, 2, 8, 8), box(0, 0, 4, 4), box(6, 0, 9, 4)]))
    assert found.frame(1).masks.flatten(1).any(dim=1).tolist() == [False, True, False]
    assert not found.frame(0).masks.any()


def test_objects_by_track(tmp_path: Path) -> None:
    file = write(
        tmp_path / "masks.json",
        [
            {"image_id": 7, "segmentation": polygon(0, 0, 4, 4), "track_id": 9},
            {"image_id": 7, "segmentation": polygon(6, 0, 9, 4), "track_id": 4},
            {"image_id": 6, "segmentation": polygon(0, 0, 5, 5), "track_id": 4},
        ],
    )
    found = open_masks(file, order="id")
    assert found.object_ids == (4, 9)
    assert torch.equal(found.frame(1).masks, torch.stack([box(0, 0, 5, 5), box(0, 0, 0, 0)]))


def test_crowd_is_void(tmp_path: Path) -> None:
    file = write(
        tmp_path / "masks.json",
        [
            {"image_id": 7, "segmentation": polygon(0, 0, 10, 10)},
            {"image_id": 7, "segmentation": uncompressed(box(5, 5, 20, 15)), "iscrowd": 1},
        ],
    )
    frame = open_masks(file).frame(1)
    assert len(frame.masks) == 1
    assert frame.void is not None
    assert torch.equal(frame.void, box(5, 5, 20, 15) & ~box(0, 0, 10, 10))


def test_images_of_one_folder(tmp_path: Path) -> None:
    file = write(
        tmp_path / "masks.json",
        [{"image_id": 7, "segmentation": polygon(0, 0, 10, 10)}, {"image_id": 5, "segmentation": polygon(0, 0, 5, 5)}],
        ["a/0.png", "b/1.png", "b/0.png"],
    )
    found = open_masks(file, sequence="b")
    assert (found.name, len(found)) == ("b", 2)
    assert [int(frame.masks.sum()) for frame in found] == [25, 0]
    with pytest.raises(InputError, match=r"masks\.json names no image in 'c', only in a, b"):
        open_masks(file, sequence="c")


def test_real_frames(tmp_path: Path) -> None:
    file = write(tmp_path / "masks.json", [{"image_id": 7, "segmentation": polygon(0, 0, 10, 10)}])
    found = open_masks(file, fps=Fraction(5))
    assert found.real_frames() is None
    (tmp_path / "images").mkdir()
    for number in (1, 2, 10):
        Image.new("RGB", (WIDTH, HEIGHT), (number, 0, 0)).save(tmp_path / "images" / f"{number}.png")
    clip = found.real_frames(1)
    assert clip is not None
    assert clip.frames[:, 0, 0, 0].tolist() == [2, 10]
    assert clip.fps == 5
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "2.png")
    with pytest.raises(InputError, match=r"2\.png is 8x8 pixels, expected 30x20"):
        found.real_frames()


@pytest.mark.parametrize(
    ("segmentation", "fault"),
    [
        ({"size": [20, 30], "counts": [1, 2]}, "counts must be run lengths that add up"),
        ({"size": [3, 3], "counts": [0, 9]}, "it is 3x3 pixels, expected 30x20"),
        ([[1, 2, 3]], "a polygon must be a list"),
        ([[0, 0, 5, 5]], "points must have shape"),
        (None, "segmentation must be polygons or RLE, got NoneType"),
    ],
)
def test_damaged_segmentation_is_named(tmp_path: Path, segmentation: object, fault: str) -> None:
    file = write(tmp_path / "masks.json", [{"image_id": 6, "segmentation": segmentation}])
    with pytest.raises(
        InputError, match=rf"masks\.json has a damaged segmentation in annotation 0 of 10\.png: {fault}"
    ):
        open_masks(file)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is not an instance file of COCO, expected lists named images and annotations"),
        ('{"images": [], "annotations": []}', "names no image"),
        ('{"images": [{"id": 1}], "annotations": []}', "has no height in entry 0 of its images"),
        ('{"images": [], "annotations": [3]}', "has no image_id in entry 0 of its annotations"),
    ],
)
def test_file_that_is_not_of_coco(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "masks.json").write_text(text)
    with pytest.raises(InputError, match=rf"masks\.json {fault}"):
        open_masks(tmp_path / "masks.json")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"masks\.json does not exist"):
        CocoSequence(tmp_path / "masks.json", fps=Fraction(24))


def test_no_objects(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"masks\.json annotates no object in its 3 images"):
        open_masks(write(tmp_path / "masks.json", []))


def test_images_of_different_sizes(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.png", "height": 20 + i, "width": 30} for i in range(2)]
    annotation = {"image_id": 0, "segmentation": polygon(0, 0, 5, 5)}
    with pytest.raises(InputError, match=r"says that 1\.png is 30x21 pixels, expected 30x20 like 0\.png"):
        open_masks(write(tmp_path / "masks.json", [annotation], images=images))
