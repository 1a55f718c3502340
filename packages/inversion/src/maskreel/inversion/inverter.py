"""`MaskInverter`: frames from masks, by optimising pixels until a trained network sees the masks in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.inversion.config import InversionConfig
from maskreel.inversion.objective import Objective
from maskreel.inversion.per_frame import check_per_frame
from maskreel.inversion.statistics import FeatureStatistics
from maskreel.inversion.work import work_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        per_frame: Weights of single frames by their numbers, in place of the config's; for `coherence` "none" and
            `batch` 1 only.

    Raises:
        ValueError: The teacher's norm layers hold no usable statistics; give a reference, or weigh statistics with 0.
            Or the teacher's network is in training mode.
    """

    def __init__(
        self,
        config: InversionConfig = InversionConfig(),  # noqa: B008 (frozen)
        teacher: Teacher | None = None,
        *,
        reference: Reference | None = None,
        verifier: Callable[[torch.Tensor], torch.Tensor] | None = None,
        per_frame: Mapping[int, Mapping[str, float]] | None = None,
    ) -> None:
        from maskreel.inversion.teachers import open_teacher

        self.config = config
        self.teacher = open_teacher("shapes", settings=config.teacher) if teacher is None else teacher
        if any(part.training for part in self.teacher.modules()):
            raise ValueError("teacher is in training mode, where images change its statistics; call .eval()")
        self._per_frame = {number: dict(weights) for number, weights in (per_frame or {}).items()}
        single = {number: config.with_weights(**weights) for number, weights in self._per_frame.items()}
        monitor = None
        if any(one.weights.statistics for one in (config, *single.values())):
            monitor = FeatureStatistics(self.teacher.norm_layers(), config.statistics, reference=reference)
        self.objective = Objective(config, self.teacher, monitor, verifier)
        self._single = {number: Objective(one, self.teacher, monitor, verifier) for number, one in single.items()}

    def work(self, targets: Sequence[FrameTarget]) -> Work:
        """The work that makes a sequence, for those who want to save and resume it.

        Raises:
            ValueError: There are no targets, or the weights per frame do not go with them or with the config.
        """
        check_per_frame(self._per_frame, self.config, len(targets))
        return work_for(targets, self.objective, next(self.teacher.parameters()).device, single=self._single)

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
