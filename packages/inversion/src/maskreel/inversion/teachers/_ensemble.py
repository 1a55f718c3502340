"""Several teachers as one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from maskreel.inversion.teachers._teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget


class Ensemble(Teacher):
    """Teachers that all see the images; each term is the mean over those that have it, and so are probabilities.

    Labels are those of the first teacher. The others get the class of the same name, or "any class" where they have
    none of that name.

    Raises:
        ValueError: There is no teacher.
    """

    network: nn.ModuleList

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        if not teachers:
            raise ValueError("teachers must be one or more, got none")
        super().__init__(nn.ModuleList(teachers))
        self.class_names = teachers[0].class_names
        self._labels = [_translation(self.class_names, one.class_names) for one in teachers]

    @property
    def teachers(self) -> list[Teacher]:
        """The parts."""
        return list(self.network)  # pyright: ignore[reportReturnType]

    def _look(self, images: torch.Tensor) -> tuple[Any, ...]:
        return tuple(one.look(images) for one in self.teachers)

    def terms(
        self, answer: tuple[Any, ...], targets: Sequence[FrameTarget], *, generator: torch.Generator | None = None
    ) -> dict[str, torch.Tensor]:
        """See `Teacher`."""
        found: dict[str, list[torch.Tensor]] = {}
        for teacher, part, labels in zip(self.teachers, answer, self._labels, strict=True):
            for name, loss in teacher.terms(part, _translated(targets, labels), generator=generator).items():
                found.setdefault(name, []).append(loss)
        return {name: torch.stack(losses).mean(0) for name, losses in found.items()}

    @torch.no_grad()
    def read(self, answer: tuple[Any, ...], targets: Sequence[FrameTarget]) -> list[torch.Tensor]:
        """See `Teacher`."""
        parts = zip(self.teachers, answer, self._labels, strict=True)
        read = [teacher.read(part, _translated(targets, labels)) for teacher, part, labels in parts]
        return [torch.stack(one).mean(0) for one in zip(*read, strict=True)]

    def norm_layers(self) -> dict[str, nn.Module]:
        """Those of all, with names that start with the teacher's position."""
        return {
            f"{position}.{name}": layer
            for position, teacher in enumerate(self.teachers)
            for name, layer in teacher.norm_layers().items()
        }


def _translation(names: tuple[str, ...], others: tuple[str, ...]) -> torch.Tensor:
    """int64 (C + 1,): the label among the others per label, -1 where the name is not there; the last is for -1."""
    labels = [others.index(name) if others.count(name) == 1 else -1 for name in names]
    return torch.tensor([0, *labels[1:], -1])


def _translated(targets: Sequence[FrameTarget], labels: torch.Tensor) -> list[FrameTarget]:
    return [replace(one, labels=labels.to(one.labels.device)[one.labels]) for one in targets]
