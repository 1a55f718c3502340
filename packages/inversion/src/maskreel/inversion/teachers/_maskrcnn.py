"""Mask R-CNN (He et al. 2017) as a teacher, whichever library it comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from maskreel.common.maskrcnn import paste_probabilities
from maskreel.inversion.settings import MaskRCNNSettings
from maskreel.inversion.teachers._coverage import free_boxes
from maskreel.inversion.teachers._forward_order import in_forward_order
from maskreel.inversion.teachers._heads import (
    background_losses,
    class_logits,
    class_losses,
    likeliest,
    mask_logits,
    pixel_centre,
)
from maskreel.inversion.teachers._mask_loss import mask_losses
from maskreel.inversion.teachers._objectness_loss import objectness_losses
from maskreel.inversion.teachers._objects import Objects, gather, image_means
from maskreel.inversion.teachers._regions import Regions, parts, stitch, whole
from maskreel.inversion.teachers._teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from maskreel.common.maskrcnn import Features, MaskRCNN
    from maskreel.inversion.targets import FrameTarget


class MaskRCNNTeacher(Teacher):
    """Its mask head is asked in the boxes of the given masks, past the proposals.

    Terms, each a mean over what belongs to an image: "mask", binary cross entropy of the mask logits; and, as the
    settings say, "class", cross entropy of the box head at the objects; "background", the same for the background at
    random boxes without objects; "objectness", of the proposal network at its anchors. With the last three the whole
    detector, which is not given any boxes, finds the objects too. How the box head moves boxes is not asked:
    `maskreel.common.maskrcnn` does not give it.

    An object with the label -1 counts as what the box head finds likeliest at its box, and its class term asks for any
    class but the background.

    Args:
        model: It is put into evaluation mode and frozen.
        settings: Which terms, and which targets for the masks.
    """

    def __init__(self, model: MaskRCNN, settings: MaskRCNNSettings = MaskRCNNSettings()) -> None:  # noqa: B008 (frozen)
        super().__init__(model)
        self.class_names = model.class_names
        self.settings = settings

    @property
    def model(self) -> MaskRCNN:
        """The network behind the teacher."""
        return self.network  # pyright: ignore[reportReturnType]

    def _look(self, images: torch.Tensor) -> Features:
        answer = self.model.features(images)
        # Under autocast they are of half precision, and boxes, which the heads take in the maps' type, would be coarse.
        return replace(answer, maps={name: level.float() for name, level in answer.maps.items()})

    def terms(
        self, answer: Features, targets: Sequence[FrameTarget], *, generator: torch.Generator | None = None
    ) -> dict[str, torch.Tensor]:
        """See `Teacher`."""
        objects, settings = self._objects(answer, targets), self.settings
        empty = _empty_boxes(objects, settings.background_boxes, generator) if settings.background_term else None
        classes, backgrounds = self._classes(answer, objects, empty)
        losses = {"mask": self._mask_term(answer, objects, likeliest(objects.labels, classes))}
        if settings.class_term:
            found = class_losses(classes, objects.labels)
            losses["class"] = image_means(found, objects.images, torch.ones_like(found), objects.batch)
        if empty is not None:
            losses["background"] = background_losses(backgrounds, empty)
        if settings.objectness_term:
            losses["objectness"] = objectness_losses(self.model.objectness(answer), objects)
        nothing = _nothing(answer)
        return {name: loss + nothing for name, loss in losses.items()}

    @torch.no_grad()
    def read(self, answer: Features, targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """See `Teacher`. Where the settings have tiles, large objects are put together from them."""
        objects = self._objects(answer, targets)
        classes, _ = self._classes(answer, objects)
        pasted = iter(self._pasted(answer, objects, likeliest(objects.labels, classes)))
        read = [objects.boxes.new_zeros(target.masks.shape) for target in targets]
        for probabilities, target in zip(read, targets, strict=True):
            for index in target.masks.flatten(1).any(1).nonzero()[:, 0].tolist():
                probabilities[index] = next(pasted)
        return read

    @torch.no_grad()
    def certainty(self, answer: Features, targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """See `Teacher`: of the class, as the box head sees it in the box of the mask."""
        objects = self._objects(answer, targets)
        logits, _ = class_logits(self.model, answer, objects)
        found = iter(-class_losses(logits, objects.labels))
        sure = [objects.boxes.new_zeros(len(target.labels)) for target in targets]
        for values, target in zip(sure, targets, strict=True):
            for index in target.masks.flatten(1).any(1).nonzero()[:, 0].tolist():
                values[index] = next(found)
        return sure

    def norm_layers(self) -> dict[str, nn.Module]:
        """Those of the backbone; the heads see a handful of crops, whose statistics mean little."""
        layers = {name: one for name, one in self.model.batch_norm_layers().items() if name.startswith("backbone.")}
        return in_forward_order(layers, self._look, next(self.network.parameters()))

    def _objects(self, answer: Features, targets: Sequence[FrameTarget]) -> Objects:
        device = next(iter(answer.maps.values())).device
        objects = gather(targets, batch=answer.batch, size=answer.image_size, device=device)
        highest = len(self.class_names) - 1
        wrong = (objects.labels == 0) | (objects.labels < -1) | (objects.labels > highest)
        if wrong.any():
            raise ValueError(f"labels must be 1 to {highest}, or -1 for any, got {objects.labels[wrong].tolist()}")
        return objects.of_any_class() if self.settings.class_agnostic else objects

    def _classes(
        self, answer: Features, objects: Objects, empty: list[torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Class logits at the objects, all 0 where nobody needs them, and at boxes without an object."""
        if empty is not None or self.settings.class_term or (objects.labels < 0).any():
            return class_logits(self.model, answer, objects, empty)
        unused = objects.boxes.new_zeros(len(objects.labels), len(self.class_names))
        return unused, unused[:0]

    def _mask_term(self, answer: Features, objects: Objects, labels: torch.Tensor) -> torch.Tensor:
        if not len(labels):
            return objects.boxes.new_zeros(objects.batch)
        regions = self._regions(answer, objects, labels, coarse=self.settings.coarse)
        losses, known = mask_losses(
            mask_logits(self.model, answer, objects, regions, labels),
            objects,
            regions,
            centre=pixel_centre(self.model, answer),
            thresholded=self.settings.targets == "thresholded",
        )
        return image_means(losses, objects.images[regions.objects], regions.weights * (known > 0), objects.batch)

    def _regions(self, answer: Features, objects: Objects, labels: torch.Tensor, *, coarse: bool) -> Regions:
        if self.settings.tiles == 1:
            return whole(objects.boxes)
        with torch.no_grad():
            side = mask_logits(self.model, answer, objects, whole(objects.boxes).first(), labels).shape[-1]
        return parts(objects.boxes, self.settings.tiles, side=side, coarse=coarse)

    def _pasted(self, answer: Features, objects: Objects, labels: torch.Tensor) -> list[torch.Tensor]:
        """Probabilities (H, W) of each object."""
        if not len(labels):
            return []
        regions = self._regions(answer, objects, labels, coarse=False)
        logits = mask_logits(self.model, answer, objects, regions, labels)
        counts = torch.bincount(regions.objects).tolist()
        size, centre = answer.image_size, pixel_centre(self.model, answer)
        return [
            stitch(one, boxes, size, centre=centre)
            if len(boxes) > 1
            else paste_probabilities(one, boxes, size, centre=centre)[0]
            for one, boxes in zip(logits.sigmoid().split(counts), regions.boxes.split(counts), strict=True)
        ]


def _empty_boxes(objects: Objects, count: int, generator: torch.Generator | None) -> list[torch.Tensor]:
    """Random boxes per image that hold neither an object's pixel nor one of which nothing is known."""
    return free_boxes(objects.occupied(), count, generator=generator)


def _nothing(answer: Features) -> torch.Tensor:
    """Zeros (B,) that depend on the images, so that frames without objects have a gradient, too: of zeros."""
    return next(iter(answer.maps.values())).flatten(1)[:, 0] * 0
