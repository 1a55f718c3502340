"""`Objective`: all terms of the loss for a batch of frames."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

from maskreel.inversion.augment import draw
from maskreel.inversion.colours import colour_spread
from maskreel.inversion.competition import mask_competition
from maskreel.inversion.priors import (
    l2_norm,
    published_l2_norm,
    published_tv_l1,
    published_tv_l2,
    tv_l1,
    tv_l2,
)
from maskreel.inversion.start import IMAGENET_MEAN, IMAGENET_STD
from maskreel.inversion.video import temporal_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.statistics import FeatureStatistics
    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import Teacher
    from maskreel.inversion.video import SequenceMotion

__all__ = ["Objective"]

TEACHER_TERMS = {"class": "object_class", "background": "background", "objectness": "objectness", "mask": "mask"}
"""Names of a teacher's terms, and of their weights."""


class Objective:
    """Says by how much frames miss what they are to show.

    Args:
        config: Weights and settings.
        teacher: Judges the masks.
        monitor: Listens to the teacher; None: statistics do not count.
        verifier: Images float (B, 3, H, W) to logits (B, C, H', W') of the teacher's classes; frames on which it does
            not agree with the teacher are preferred (adaptive competition, Yin et al. 2020).
    """

    def __init__(
        self,
        config: InversionConfig,
        teacher: Teacher,
        monitor: FeatureStatistics | None,
        verifier: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.config, self.teacher, self.verifier = config, teacher, verifier
        self.monitor = monitor if config.weights.statistics else None

    def terms(
        self,
        images: torch.Tensor,
        targets: Sequence[FrameTarget],
        generator: torch.Generator,
        *,
        scale: float = 1.0,
        neighbours: torch.Tensor | None = None,
        motion: SequenceMotion | None = None,
        plain: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Terms with a weight above 0, by the names of `Weights`: float (B,), one value per image, or () for the batch.

        Args:
            images: float (B, 3, H, W).
            targets: What they are to show.
            generator: Of augmentation and random boxes.
            scale: Size of the images by that of the finished frames; shifts are meant for the latter.
            neighbours: float (N, 3, H, W), frames in order, these among them, for the temporal term.
            motion: Of the neighbours.
            plain: Without augmentation.
        """
        found = self._of_teacher(*self._view(images, targets, generator, scale, plain), generator)
        found |= self._of_pixels(images)
        if self.config.weights.colour:
            found["colour"] = colour_spread(images, targets)
        if motion is not None and neighbours is not None and len(motion):
            found["temporal"] = temporal_error(neighbours, motion).mean()
        return {name: term for name, term in found.items() if getattr(self.config.weights, name)}

    def _view(
        self,
        images: torch.Tensor,
        targets: Sequence[FrameTarget],
        generator: torch.Generator,
        scale: float,
        plain: bool,
    ) -> tuple[torch.Tensor, Sequence[FrameTarget]]:
        if plain:
            return images, targets
        size = images.shape[-2], images.shape[-1]
        view = draw(self.config.augment.scaled(scale), size, len(images), generator)
        return view.images(images), view.targets(targets)

    def _of_teacher(
        self, images: torch.Tensor, targets: Sequence[FrameTarget], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        precision = torch.autocast(images.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")
        with precision, self.monitor or nullcontext():
            answer = self.teacher.look(images)
        terms = self.teacher.terms(answer, targets, generator=generator)
        found = {TEACHER_TERMS[name]: term for name, term in terms.items()}
        if self.monitor is not None:
            found["statistics"] = self.monitor.loss()
        if self.verifier is not None and self.config.weights.competition:
            found["competition"] = self._competition(images, answer, targets)
        return found

    def _of_pixels(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        weights = self.config.weights
        if not self.config.published_losses:
            ours = {"tv_l1": tv_l1, "tv_l2": tv_l2, "l2": l2_norm}
            return {name: term(images) for name, term in ours.items() if getattr(weights, name)}
        mean, std = (images.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        theirs = {"tv_l1": published_tv_l1, "tv_l2": published_tv_l2, "l2": published_l2_norm}
        return {name: term((images - mean) / std) for name, term in theirs.items() if getattr(weights, name)}

    def _competition(self, images: torch.Tensor, answer: object, targets: Sequence[FrameTarget]) -> torch.Tensor:
        """1 where the verifier sees the objects as the teacher does, (B,)."""
        assert self.verifier is not None
        present = [target.present() for target in targets]
        taught = self.teacher.read(answer, present)
        logits = torch.nn.functional.interpolate(
            self.verifier(images), images.shape[-2:], mode="bilinear", align_corners=False
        )
        seen = [_of_labels(one.softmax(0), target.labels) for one, target in zip(logits, present, strict=True)]
        return torch.stack(
            [mask_competition(a, b).mean() if len(a) else b.new_ones(()) for a, b in zip(taught, seen, strict=True)]
        )


def _of_labels(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(N, H, W) of class probabilities (C, H, W); any class but the background for the label -1."""
    any_class = 1 - probabilities[0]
    found = [any_class if label < 0 else probabilities[label] for label in labels.tolist()]
    return torch.stack(found) if found else probabilities[:0]
