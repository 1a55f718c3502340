"""Networks that give every pixel a class, as teachers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.inversion.teachers._teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from maskreel.inversion.targets import FrameTarget


class SemanticTeacher(Teacher):
    """Any network that gives every pixel a class; a subclass has `class_names` and one method.

        class Mine(SemanticTeacher):
            class_names = ("background", "person")

            def logits(self, images):
                return self.network((images - 0.5) / 0.25)

        teacher = Mine(my_network)

    Its one term, "mask", is the cross entropy of the pixels. An object with the label -1 may be of any class but the
    background; where masks overlap, the later object counts.

    Args:
        network: It is put into evaluation mode and frozen.
        balanced: The background counts half and the objects half, each object the same; otherwise every pixel does.
        short_side: Images are resized so that their shorter side has this many pixels; None: not at all.
    """

    def __init__(self, network: nn.Module, *, balanced: bool = True, short_side: int | None = None) -> None:
        super().__init__(network)
        if short_side is not None and short_side < 1:
            raise ValueError(f"short_side must be 1 or more pixels, got {short_side}")
        self.balanced, self.short_side = balanced, short_side

    @abstractmethod
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Class logits (B, C, h, w) for RGB images (B, 3, H, W) in [0, 1], at any stride."""

    def _look(self, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 (B, C, H, W)."""
        size = images.shape[-2:]
        if self.short_side is not None:
            scale = self.short_side / min(size)
            inner = [max(1, round(side * scale)) for side in size]
            images = functional.interpolate(images, inner, mode="bilinear", align_corners=False)
        logits = self.logits(images)
        if logits.ndim != 4 or logits.shape[1] != len(self.class_names):
            raise ValueError(f"logits() must give (B, {len(self.class_names)}, h, w), got {tuple(logits.shape)}")
        return functional.interpolate(logits.float(), size, mode="bilinear", align_corners=False)

    def terms(
        self, answer: torch.Tensor, targets: Sequence[FrameTarget], *, generator: torch.Generator | None = None
    ) -> dict[str, torch.Tensor]:
        """See `Teacher`; nothing is drawn at random."""
        self._check(answer, targets)
        maps = [_label_maps(target, answer.device) for target in targets]
        classes, objects = (torch.stack(part) for part in zip(*maps, strict=True))
        losses = _cross_entropy(answer, classes)
        counted = objects >= 0
        weights = _balanced(objects) if self.balanced else counted.float()
        total = weights.flatten(1).sum(1)
        return {"mask": (losses * weights).flatten(1).sum(1) / total.clamp(min=torch.finfo(total.dtype).tiny)}

    @torch.no_grad()
    def read(self, answer: torch.Tensor, targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """See `Teacher`. The probability of an object's class, in its box.

        Such a network does not tell two objects of a class apart: where another one's mask is, it is 0.
        """
        self._check(answer, targets)
        return [_read(one.softmax(0), target.to(answer.device)) for one, target in zip(answer, targets, strict=True)]

    def _check(self, answer: torch.Tensor, targets: Sequence[FrameTarget]) -> None:
        size = tuple(answer.shape[-2:])
        if len(targets) != len(answer):
            raise ValueError(f"targets must be one for each of {len(answer)} images, got {len(targets)}")
        if any(target.size != size for target in targets):
            raise ValueError(f"targets must have the images' size {size}, got {sorted({one.size for one in targets})}")
        labels = torch.cat([target.labels for target in targets])
        highest = len(self.class_names) - 1
        if wrong := labels[(labels == 0) | (labels < -1) | (labels > highest)].tolist():
            raise ValueError(f"labels must be 1 to {highest}, or -1 for any, got {wrong}")


def _label_maps(target: FrameTarget, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Per pixel the class (0: background, -1: any object) and the object (0: none, i + 1, -1: void), int64 (H, W)."""
    classes = torch.zeros(target.size, dtype=torch.int64, device=device)
    objects = torch.zeros_like(classes)
    for index, (mask, label) in enumerate(zip(target.masks.to(device), target.labels.tolist(), strict=True)):
        classes = classes.masked_fill(mask, label)
        objects = objects.masked_fill(mask, index + 1)
    return classes, objects if target.void is None else objects.masked_fill(target.void.to(device), -1)


def _cross_entropy(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(B, H, W); where the class is -1, of any class but the background."""
    losses = functional.cross_entropy(logits, classes.clamp(min=0), reduction="none")
    if not (classes < 0).any():
        return losses
    return torch.where(classes < 0, logits.logsumexp(1) - logits[:, 1:].logsumexp(1), losses)


def _balanced(objects: torch.Tensor) -> torch.Tensor:
    """Weights float32 (B, H, W) with which the background counts half, and the objects half, each the same."""
    return torch.stack([_balanced_one(one) for one in objects])


def _balanced_one(objects: torch.Tensor) -> torch.Tensor:
    counts = torch.bincount(objects.clamp(min=-1).flatten() + 1)[1:].float()  # without void
    if not len(counts):
        return torch.zeros_like(objects, dtype=torch.float32)
    there = int((counts[1:] > 0).sum())
    shares = torch.where(counts > 0, 0.5 / max(there, 1) / counts.clamp(min=1), 0)
    if counts[0] > 0:
        shares[0] = (0.5 if there else 1.0) / counts[0]
    return torch.where(objects >= 0, shares[objects.clamp(min=0)], 0)


def _read(probabilities: torch.Tensor, target: FrameTarget) -> torch.Tensor:
    read = probabilities.new_zeros(target.masks.shape)
    rows, columns = (torch.arange(side, device=probabilities.device) for side in target.size)
    there = target.masks.flatten(1).any(1)
    boxes = iter(target.present().boxes)
    for index in there.nonzero()[:, 0].tolist():
        x0, y0, x1, y1 = next(boxes)
        inside = ((rows >= y0) & (rows < y1))[:, None] & ((columns >= x0) & (columns < x1))
        mask, label = target.masks[index], int(target.labels[index])
        others = target.masks.any(0) & ~mask
        found = 1 - probabilities[0] if label < 0 else probabilities[label]
        read[index] = found * (inside & ~others)
    return read
