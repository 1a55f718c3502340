"""What is inverted and for which masks, as plain values that can be sent to another process and written down."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (of fields)
from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.sources import open_masks
from maskreel.inversion.statistics import Reference
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import open_teacher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.sources import MaskSequence, Resolution, Year
    from maskreel.inversion.teachers import Teacher

__all__ = ["Masks", "TeacherChoice", "targets_of"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Masks:
    """Where masks come from."""

    path: Path
    sequence: str | None = None
    year: Year = "2017"
    split: str | None = None
    resolution: Resolution = "480p"
    classes: tuple[str, ...] = ()
    height: int | None = None
    first: int = 0
    last: int | None = None
    step: int = 1

    def open(self) -> MaskSequence:
        """The sequence, at the wanted size and with the wanted frames.

        Raises:
            InputError: It cannot be read, or no frame is left.
        """
        found = open_masks(
            self.path,
            sequence=self.sequence,
            year=self.year,
            split=self.split,
            resolution=self.resolution,
            classes=self.classes or None,
        )
        if self.height is not None:
            found = found.resized(self.height)
        if (self.first, self.last, self.step) == (0, None, 1):
            return found
        try:
            return found.part(self.first, self.last, self.step)
        except ValueError as error:
            raise InputError(f"{self.path}: {error}") from error


@dataclass(frozen=True)
class TeacherChoice:
    """Which network is inverted."""

    name: str = "shapes"
    weights: Path | None = None
    short_side: int | None = None
    statistics: Path | None = None
    verifier: str | None = None
    """To compete against, see `Objective`; as `open_verifier` of the report takes it."""

    def inverter(
        self, config: InversionConfig, device: str, per_frame: Mapping[int, Mapping[str, float]] | None = None
    ) -> MaskInverter:
        """The network, with its statistics, ready for work.

        Raises:
            InputError: Weights, statistics or the verifier cannot be used.
        """
        teacher = open_teacher(
            self.name, weights=self.weights, short_side=self.short_side, settings=config.teacher, device=device
        )
        reference = None if self.statistics is None else Reference.load(self.statistics, teacher)
        verifier = None if self.verifier is None else _verifier(self.verifier, teacher, device)
        try:
            return MaskInverter(config, teacher, reference=reference, verifier=verifier, per_frame=per_frame)
        except ValueError as error:
            raise InputError(str(error)) from error


def targets_of(sequence: MaskSequence, teacher: Teacher) -> list[FrameTarget]:
    """What each frame is to show, in the teacher's classes; -1, any class, where it has none of that name."""
    labels = torch.tensor([_label(name, teacher) for name in sequence.class_names])
    return [FrameTarget(frame.masks, labels, frame.void) for frame in sequence]


def _verifier(name: str, teacher: Teacher, device: str) -> nn.Module:
    from maskreel.inversion.report import SemanticVerifier, open_verifier

    found = open_verifier(name, device=device)
    if not isinstance(found, SemanticVerifier) or tuple(found.class_names) != teacher.class_names:
        raise InputError(f"{name} cannot compete: it must name the class of every pixel, with the teacher's classes")
    return found.network


def _label(name: str | None, teacher: Teacher) -> int:
    if name is None:
        return -1
    try:
        return teacher.label(name)
    except InputError:
        logger.warning("the teacher has no class %r, any of its classes will do for that object", name)
        return -1
