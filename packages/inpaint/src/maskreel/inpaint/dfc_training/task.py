"""Training of the stages of DFC-Net, one at a time or all together."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.flow import flow_to_colour
from maskreel.common.show import contact_sheet
from maskreel.common.training import TrainingTask
from maskreel.inpaint.dfc.dfc_s import FrozenBatchNorm
from maskreel.inpaint.dfc_training.losses import hard_example_loss, hole_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.inpaint.dfc import Cascade, Completed
    from maskreel.inpaint.dfc_training.settings import CompletionLoss, Stage

__all__ = ["CompletionTask", "scaled_learning_rate"]

SHOWN = 4
_CENTRE = slice(15, 17)  # channels of the middle flow in a window of 11 times u, v, hole


class CompletionTask(TrainingTask):
    """Trains a `Cascade` on `WindowSamples` (stage 1) or `ClipSamples` (all else).

    Args:
        cascade: Stages up to the one that is trained; those before it stay as they are unless `stage` is joint. Batch
            norm of DFC-S stays as it is in any case.
        stage: What is trained; joint: all stages that there are, with a loss after each.
        loss: What is minimised, with numbers (`CompletionLoss.resolved`).
        held_out: Samples that the quality is measured on, of the same kind as those that are learned from.
        pixels: Pixels of a frame on a side of a pixel of the samples, for the quality.
    """

    def __init__(
        self,
        cascade: Cascade,
        stage: Stage,
        *,
        loss: CompletionLoss,
        held_out: Sequence[Mapping[str, torch.Tensor]] = (),
        pixels: float = 1.0,
    ) -> None:
        wanted = len(cascade.stages) if stage == "joint" else int(stage)
        if len(cascade.stages) != wanted:
            raise ValueError(f"cascade must have {wanted} stages to train stage {stage}, got {len(cascade.stages)}")
        if loss.hard is None or loss.relative is None:
            raise ValueError("loss must have numbers; see CompletionLoss.resolved")
        for number, part in enumerate(cascade.stages, 1):
            part.requires_grad_(stage == "joint" or number == wanted)
        for module in cascade.modules():
            if isinstance(module, FrozenBatchNorm):
                module.requires_grad_(False)
        self.module, self._stage, self._loss = cascade, stage, loss
        self._hard, self._relative = loss.hard, loss.relative
        self._held_out, self._pixels = held_out, pixels

    def identity(self) -> Mapping[str, Any]:
        return {"stage": self._stage} | asdict(self._loss)

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        found = self._found(module, batch, int(batch["centre"][0]) if "centre" in batch else None)
        chosen = found if self._stage == "joint" else found[-1:]
        plain = torch.stack([hole_loss(flow, truth, hole, self._weight(truth)) for flow, truth, hole in chosen])
        hard = torch.stack([hard_example_loss(flow, truth, hole, self._weight(truth)) for flow, truth, hole in chosen])
        return {"hole": plain.sum(), "hard": self._hard * hard.sum()}

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """Mean endpoint error in the hole, in pixels of the frame: epe, of what the network was given (epe_input), and
        the share of samples in which it is smaller after than before (better); nothing without held-out samples."""
        errors = [self._errors(module, sample) for sample in self._held_out]
        if not errors:
            return {}
        before, after = torch.tensor(errors).T * self._pixels
        return {
            "epe": float(after.mean()),
            "epe_input": float(before.mean()),
            "better": float((after < before).float().mean()),
        }

    def samples(self, module: Any) -> torch.Tensor | None:
        """Rows of the first held-out samples: what the network is given, its answer and the truth, as colours."""
        pictures = []
        shown = self._held_out[:: max(1, len(self._held_out) // SHOWN)][:SHOWN]
        for sample in shown:
            given, found, truth, hole = (part[0, :2].float().cpu() for part in self._compared(module, sample))
            middle = truth.flatten(1).median(1).values[:, None, None]
            rows = [given - middle, torch.where(hole[:1] > 0, found, given) - middle, truth - middle]
            norm = max(float(rows[-1].square().sum(0).sqrt().flatten().quantile(0.99)), 0.1)
            pictures += [_outlined(flow_to_colour(row, max_norm=norm), hole[0] > 0) for row in rows]
        return (
            contact_sheet(pictures, columns=3, titles=["input", "completed", "truth"] * len(shown))
            if pictures
            else None
        )

    def _found(
        self, module: Any, batch: Any, centre: int | None
    ) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """After every stage: flow, truth, and hole, (N, C, h, w) each."""
        if centre is None:
            return [(module.stage1(batch["windows"]), batch["truth"], batch["hole"])]
        size = (batch["holes"].shape[-2], batch["holes"].shape[-1])
        stages = module(
            batch["forward"], batch["backward"], batch["holes"], sizes=[size] * len(module.stages), keep=[centre]
        )
        return [_both(completed, batch, centre) for completed in stages]

    def _weight(self, truth: torch.Tensor) -> torch.Tensor | None:
        if not self._relative:
            return None
        with torch.no_grad():
            middle = truth.flatten(2).median(-1).values[..., None, None]
            spread = (truth - middle).unflatten(1, (-1, 2)).square().sum(2).sqrt().flatten(1).mean(1)
            return 1 / (self._relative + spread)

    def _errors(self, module: Any, sample: Mapping[str, torch.Tensor]) -> tuple[float, float]:
        """Mean endpoint errors in the hole before and after."""
        given, found, truth, hole = self._compared(module, sample)
        return _endpoint_error(given, truth, hole), _endpoint_error(found, truth, hole)

    def _compared(self, module: Any, sample: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """What was given, found and true, and the hole, of one sample, (1, C, h, w) each."""
        device = next(module.parameters()).device
        batch = {name: value[None].to(device) for name, value in sample.items()}
        if "windows" in batch:
            found, truth, hole = self._found(module, batch, None)[-1]
            return batch["windows"][:, _CENTRE], found, truth, hole
        centre = int(sample["centre"])
        found, truth, hole = self._found(module, batch, centre)[-1]
        given = torch.cat([batch["forward"][:, centre], batch["backward"][:, centre]], 1)
        return given, found, truth, hole


def scaled_learning_rate(parameters: Sequence[torch.nn.Parameter], factor: float, *, weight_decay: float) -> None:
    """Have plain SGD move parameters `factor` times as fast, weight decay included, by way of their gradients.

    With fp16, whose gradients are scaled when this sees them, the decay stays as it was.
    """

    def scaled(parameter: torch.nn.Parameter) -> None:
        parameter.register_hook(lambda gradient: factor * gradient + (factor - 1) * weight_decay * parameter.detach())

    for parameter in parameters:
        scaled(parameter)


def _both(completed: Completed, batch: Any, centre: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    row = completed.rows([centre])[0]
    found = torch.cat([completed.forward[:, row], completed.backward[:, row]], 1)
    truth = torch.cat([batch["true_forward"][:, centre], batch["true_backward"][:, centre]], 1)
    return found, truth, batch["holes"][:, centre]


def _endpoint_error(found: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor) -> float:
    length = (found - truth).unflatten(1, (-1, 2)).square().sum(2).sqrt().mean(1, keepdim=True)
    return float((length * hole).sum() / hole.sum().clamp(min=1))


def _outlined(picture: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    """A picture with a black line around the hole."""
    grown = torch.nn.functional.max_pool2d(hole[None].float(), 3, 1, 1)[0] > 0
    return torch.where((grown & ~hole)[None], torch.zeros_like(picture), picture)
