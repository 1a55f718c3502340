"""Masks from COCO's JSON: every image is a frame, every annotation the mask of one object in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip
from maskreel.inversion._picture import read_picture
from maskreel.inversion.sources._coco_file import CocoOrder, decode_segmentation, load_coco, ordered_images
from maskreel.inversion.sources._sequence import MaskFrame, MaskSequence

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from fractions import Fraction

MOST_OBJECTS = 254
"""A label map has no more numbers."""
NO_CLASS = "object"
"""The category that our exports give to an object without class."""


class _Object(NamedTuple):
    """What two annotations of the same object have in common; sorts tracks before others, and by category then."""

    untracked: bool
    category: int
    number: int
    """The track, or the place among the annotations of the category in an image."""


class CocoSequence(MaskSequence):
    """The images of a COCO file, all of one size.

    COCO does not say which annotations in two images are the same object. Those with the same `track_id` are; without
    it, the first annotation of a category in each image is one object, the second another, and so on. Regions with
    `iscrowd` 1 hold nobody knows how many objects: they are void.

    Args:
        path: The .json file.
        fps: Frames per second.
        order: Frames in the order of their file names ("2.png" before "10.png") or of their ids.
        sequence: Only images in a folder of this name; None: all.

    Raises:
        InputError: The file is not COCO's, or names no image of the sequence.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: Fraction,
        order: CocoOrder = "name",
        sequence: str | None = None,
    ) -> None:
        self.path, self.fps = Path(path), fps
        self.name = sequence or self.path.stem
        data = load_coco(self.path)
        self._images = ordered_images(self.path, data["images"], order, sequence)
        self._categories = {one["id"]: str(one["name"]) for one in data["categories"]}
        self._by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in sorted(data["annotations"], key=lambda one: one.get("id", 0)):
            self._by_image[annotation["image_id"]].append(annotation)

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @cached_property
    def _size(self) -> tuple[int, int]:
        first = self._images[0]
        for image in self._images:
            if (image["height"], image["width"]) != (first["height"], first["width"]):
                raise InputError(
                    f"{self.path} says that {image['file_name']} is {image['width']}x{image['height']} pixels, "
                    f"expected {first['width']}x{first['height']} like {first['file_name']}"
                )
        return int(first["height"]), int(first["width"])

    @cached_property
    def _objects(self) -> tuple[_Object, ...]:
        found: set[_Object] = set()
        for image in self._images:
            for one, mask in self._decoded_objects(image):
                if mask.any():
                    found.add(one)
                if len(found) > MOST_OBJECTS:
                    raise InputError(f"{self.path} annotates more than {MOST_OBJECTS} objects; choose fewer images")
        if not found:
            raise InputError(f"{self.path} annotates no object in its {len(self)} images, expected one or more")
        return tuple(sorted(found))

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The tracks, if every object has one of its own; else 1, 2, 3, ..."""
        tracks = [one.number for one in self._objects if not one.untracked]
        if len(set(tracks)) == len(self._objects) and min(tracks) > 0:
            return tuple(tracks)
        return tuple(range(1, len(self._objects) + 1))

    @property
    def class_names(self) -> tuple[str | None, ...]:
        names = (self._categories.get(one.category) for one in self._objects)
        return tuple(None if name == NO_CLASS else name for name in names)

    def __len__(self) -> int:
        return len(self._images)

    def frame(self, index: int) -> MaskFrame:
        image = self._images[index]
        masks = torch.zeros(len(self._objects), *self.size, dtype=torch.bool)
        for one, mask in self._decoded_objects(image):
            if mask.any():
                masks[self._objects.index(one)] |= mask
        crowds = [self._decoded(image, one) for one in self._by_image[image["id"]] if one.get("iscrowd")]
        void = torch.stack(crowds).any(dim=0) & ~masks.any(dim=0) if crowds else None
        return MaskFrame(masks, void)

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        files = [self._picture(image) for image in self._images]
        if not all(files):
            return None
        frames = [read_picture(file, self.size) for file in files[start:stop] if file]
        return Clip(torch.stack(frames) if frames else torch.empty(0, 3, *self.size, dtype=torch.uint8), self.fps)

    def _decoded_objects(self, image: dict[str, Any]) -> Iterator[tuple[_Object, torch.Tensor]]:
        places: Counter[int] = Counter()
        for annotation in self._by_image[image["id"]]:
            if annotation.get("iscrowd"):
                continue
            category, track = annotation.get("category_id", 0), annotation.get("track_id")
            places[category] += 1
            number = places[category] if track is None else int(track)
            yield _Object(track is None, category, number), self._decoded(image, annotation)

    def _decoded(self, image: dict[str, Any], annotation: dict[str, Any]) -> torch.Tensor:
        try:
            return decode_segmentation(annotation.get("segmentation"), self.size)
        except (ValueError, TypeError) as error:
            where = f"annotation {annotation.get('id')} of {image['file_name']}"
            raise InputError(f"{self.path} has a damaged segmentation in {where}: {error}") from error

    def _picture(self, image: dict[str, Any]) -> Path | None:
        places = (self.path.parent / folder / image["file_name"] for folder in (".", "images"))
        return next((file for file in places if file.is_file()), None)
