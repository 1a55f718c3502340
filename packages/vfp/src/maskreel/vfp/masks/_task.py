"""Training of a network that forecasts masks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from maskreel.common.metrics import MeanIoU
from maskreel.common.show import contact_sheet
from maskreel.common.training import TrainingTask
from maskreel.vfp.masks._config import KNOWN
from maskreel.vfp.masks._forecaster import MaskSpaceForecaster
from maskreel.vfp.masks._loss_config import MaskLoss
from maskreel.vfp.masks._losses import forecast_loss
from maskreel.vfp.masks._object_network import ObjectMaskNetwork
from maskreel.vfp.masks._planes import classes_in, coverage
from maskreel.vfp.masks._prior import gathered_prior
from maskreel.vfp.masks._token_network import TokenMaskNetwork
from maskreel.vfp.show import draw_labels
from maskreel.vfp.timeline import CLASSES, OBSERVED, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.vfp.masks._network import MaskNetwork
    from maskreel.vfp.occupancy import Occupancy

__all__ = ["MaskForecastTask"]

SHOWN = 6
GREY = 128
USUAL_THRESHOLD = 0.35
"""As long as none has been chosen."""


class MaskForecastTask(TrainingTask):
    """Trains a `MaskNetwork` on the samples of `LabelWindows`.

    Args:
        network: The network to train.
        held_out: Label maps, uint8 (22, H, W), that the quality is measured on, by the names of their groups.
        loss: What is minimised.
        prior: For a network that takes one: the forecaster of `LabelWindows`, for the held-out clips.

    Raises:
        ValueError: The parts do not fit together.
    """

    def __init__(
        self,
        network: MaskNetwork,
        held_out: Mapping[str, Sequence[torch.Tensor]] | None = None,
        *,
        loss: MaskLoss | None = None,
        prior: Callable[[torch.Tensor], Occupancy] | None = None,
    ) -> None:
        self.module = network
        self.held_out, self.loss, self.prior = dict(held_out or {}), loss or MaskLoss(), prior
        self._threshold = network.config.threshold or USUAL_THRESHOLD
        if self.loss.feedback_chance and not network.config.feeds_back:
            raise ValueError(
                f"feedback_chance must be 0 for the targets {network.config.targets}, which do not feed back"
            )
        if not self.loss.presence and not isinstance(network, TokenMaskNetwork):
            raise ValueError("presence must be True for a network of objects, which knows no other classes")
        if (prior is not None) != network.config.prior:
            raise ValueError(
                f"prior must be {'given' if network.config.prior else 'None'} for this network (config.prior)"
            )

    def identity(self) -> Mapping[str, Any]:
        return asdict(self.loss)

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        labels = batch["labels"]
        classes = classes_in(labels[:, :OBSERVED])
        planes = coverage(labels[:, :OBSERVED], classes, cell=module.cell)
        prior = gathered_prior(batch["prior"], classes) if module.config.prior else None
        targets = module.config.targets
        if self.loss.feedback_chance and torch.rand(()) < self.loss.feedback_chance:
            with torch.set_grad_enabled(self.loss.feedback_gradient):
                planes = module.rolled_out(classes, planes, self.loss.feedback_steps)
            targets = (OBSERVED + self.loss.feedback_steps,)
        losses = {"entropy": self._entropy(module, labels[:, list(targets)], classes, planes, prior)}
        if isinstance(module, ObjectMaskNetwork) and module.draft.network is not None:
            future = coverage(labels[:, list(module.config.drafts)], classes, cell=module.cell)
            losses["draft"] = self.loss.draft_weight * module.draft_loss(classes, planes, future)
        return losses

    def _entropy(
        self,
        module: Any,
        future: torch.Tensor,
        classes: torch.Tensor,
        planes: torch.Tensor,
        prior: torch.Tensor | None,
    ) -> torch.Tensor:
        if self.loss.presence:
            logits = module(classes, planes, prior)
        else:
            logits = module.all_logits(classes, planes, prior)
            classes = torch.arange(1, KNOWN + 1, device=classes.device).expand(len(classes), -1)
        return forecast_loss(
            logits,
            coverage(future, classes, cell=module.fine),
            frame_weights=self._frame_weights(module.config.targets, logits.device),
            object_weight=self.loss.object_weight,
        )

    def _frame_weights(self, targets: Sequence[int], device: torch.device) -> torch.Tensor:
        weights = [self.loss.target_weight if frame == TARGET else 1.0 for frame in targets]
        return torch.tensor(weights, device=device) * (len(weights) / sum(weights))

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """Pooled IoU of frame 21 in each group: of the likeliest class, with a threshold, and of frame 10, copied."""
        rank, processes = _process()
        forecast = MaskSpaceForecaster(module, mirror=False)
        scores: dict[str, float] = {}
        for name, clips in self.held_out.items():
            found = {key: MeanIoU(CLASSES) for key in ("likeliest", "iou", "copy_last")}
            for labels in clips[rank::processes]:
                occupancy, truth = self._forecast(forecast, labels), labels[TARGET]
                found["likeliest"].update(occupancy.likeliest(), truth)
                found["iou"].update(occupancy.above(self._threshold), truth)
                found["copy_last"].update(labels[OBSERVED - 1], truth)
            scores |= {f"{name}_{key}": metric.reduce().compute() for key, metric in found.items()}
        return scores

    def samples(self, module: Any) -> torch.Tensor | None:
        """Frame 10, the truth of frame 21 and, below it, the forecast, for the first clips of all groups in turn."""
        shown = [labels for clips in zip(*self.held_out.values(), strict=False) for labels in clips][:SHOWN]
        if not shown:
            return None
        forecast = MaskSpaceForecaster(module, mirror=False)
        answers = [self._forecast(forecast, labels).above(self._threshold) for labels in shown]
        rows = [*(labels[OBSERVED - 1] for labels in shown), *(labels[TARGET] for labels in shown), *answers]
        floor = torch.full((3, *shown[0].shape[1:]), GREY, dtype=torch.uint8)
        return contact_sheet([draw_labels(floor, row) for row in rows], columns=len(shown))

    def _forecast(self, forecast: MaskSpaceForecaster, labels: torch.Tensor) -> Occupancy:
        observed = labels[:OBSERVED]
        return forecast(observed, None if self.prior is None else self.prior(observed))


def _process() -> tuple[int, int]:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
