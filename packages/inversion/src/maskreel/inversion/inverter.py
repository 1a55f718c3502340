"""`MaskInverter`: frames from masks, by optimising pixels until a trained network sees the masks in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.inversion.config import InversionConfig
from maskreel.inversion.objective import Objective
from maskreel.inversion.statistics import FeatureStatistics
from maskreel.inversion.work import work_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.statistics import Reference
    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import Teacher
    from maskreel.inversion.work import Work

__all__ = ["MaskInverter"]


class MaskInverter:
    """Turns masks into frames.

        inverter = MaskInverter()
        frames = inverter.invert(targets)        # uint8 (T, 3, H, W)

    Args:
        config: How.
        teacher: The network to be inverted; None: the `shapes` Mask R-CNN that comes with maskreel-common.
        reference: Statistics to aim at instead of those in the teacher's norm layers.
        verifier: See `Objective`.

    Raises:
        ValueError: The teacher's norm layers hold no usable statistics; give a reference, or weigh statistics with 0.
    """

    def __init__(
        self,
        config: InversionConfig = InversionConfig(),  # noqa: B008 (frozen)
        teacher: Teacher | None = None,
        *,
        reference: Reference | None = None,
        verifier: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        from maskreel.inversion.teachers import open_teacher

        self.config = config
        self.teacher = open_teacher("shapes", settings=config.teacher) if teacher is None else teacher
        monitor = None
        if config.weights.statistics:
            monitor = FeatureStatistics(self.teacher.norm_layers(), config.statistics, reference=reference)
        self.objective = Objective(config, self.teacher, monitor, verifier)

    def work(self, targets: Sequence[FrameTarget]) -> Work:
        """The work that makes a sequence, for those who want to save and resume it."""
        return work_for(targets, self.objective, next(self.teacher.parameters()).device)

    def invert(
        self, targets: Sequence[FrameTarget], *, watch: Callable[[Progress], None] | None = None
    ) -> torch.Tensor:
        """Make a whole sequence.

        Args:
            targets: What each frame is to show; of one size, with the same objects in the same order.
            watch: Called after each step.

        Returns:
            uint8 (T, 3, H, W).
        """
        frames: dict[int, torch.Tensor] = {}

        def keep(start: int, made: torch.Tensor) -> None:
            frames.update(enumerate(made, start))

        self.work(targets).run(watch, keep)
        return torch.stack([frames[number] for number in range(len(targets))])
