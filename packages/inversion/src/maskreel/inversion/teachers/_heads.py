"""The heads of a Mask R-CNN, asked about the objects of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.inversion.teachers._objects import image_means

if TYPE_CHECKING:
    from maskreel.common.maskrcnn import Features, MaskRCNN
    from maskreel.inversion.teachers._objects import Objects
    from maskreel.inversion.teachers._regions import Regions


def class_logits(
    model: MaskRCNN, answer: Features, objects: Objects, others: list[torch.Tensor] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Class logits at the objects (N, C) and at `others`, boxes per image, (n, C): one pass of the box head."""
    own = objects.by_image(objects.boxes)
    others = [part[:0] for part in own] if others is None else others
    boxes = [torch.cat(pair) for pair in zip(own, others, strict=True)]
    if not any(map(len, boxes)):
        nothing = objects.boxes.new_zeros(0, len(model.class_names))
        return nothing, nothing
    logits = model.class_logits(answer, boxes).float()
    is_own = torch.cat(
        [torch.arange(len(both), device=logits.device) < len(part) for both, part in zip(boxes, own, strict=True)]
    )
    return logits[is_own], logits[~is_own]


def class_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy (N,); where the label is -1, of any class but the background."""
    every = logits.logsumexp(1)
    known = logits.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    return every - torch.where(labels < 0, logits[:, 1:].logsumexp(1), known)


def background_losses(logits: torch.Tensor, boxes: list[torch.Tensor]) -> torch.Tensor:
    """Mean cross entropy of the background at the boxes of each image, (B,); 0 where there are none."""
    counts = torch.tensor([len(part) for part in boxes], device=logits.device)
    images = torch.arange(len(boxes), device=logits.device).repeat_interleave(counts)
    losses = functional.cross_entropy(logits, torch.zeros_like(images), reduction="none")
    return image_means(losses, images, torch.ones_like(losses), len(boxes))


def likeliest(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The labels (N,), with the best class but the background of the logits (N, C) in the place of every -1."""
    return torch.where(labels < 0, logits[:, 1:].argmax(1) + 1, labels)


def mask_logits(
    model: MaskRCNN, answer: Features, objects: Objects, regions: Regions, labels: torch.Tensor
) -> torch.Tensor:
    """Mask logits of the objects' classes in the regions, float32 (R, M, M)."""
    counts = torch.bincount(objects.images[regions.objects], minlength=objects.batch).tolist()
    chosen = labels[regions.objects]
    return model.mask_logits(answer, regions.boxes.split(counts), chosen.split(counts)).float()


def pixel_centre(model: MaskRCNN, answer: Features) -> tuple[float, float]:
    """Where the model's masks have the centre of pixel 0 of the image, in x and y; see `paste_masks`."""
    across, down = (0.5 - (0.5 - model.mask_centre) / scale for scale in answer.scale)
    return across, down
