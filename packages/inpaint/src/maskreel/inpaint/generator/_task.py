"""Training of the network on crops with holes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.metrics import psnr, ssim
from maskreel.common.show import contact_sheet
from maskreel.common.training import TrainingTask
from maskreel.inpaint.generator._losses import FillLoss, fill_losses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.inpaint.generator._network import FillNetwork

__all__ = ["FillTask"]

_BATCH = 8
_SHOWN = 6


class FillTask(TrainingTask):
    """Trains a `FillNetwork`; batches are collated samples of `HoleSamples`.

    Args:
        network: What is trained.
        watched: Held-out samples, such as `[samples[n] for n in range(48)]`, that the quality is measured on.
        loss: What is minimised.
    """

    def __init__(
        self,
        network: FillNetwork,
        watched: Sequence[Mapping[str, torch.Tensor]] = (),
        *,
        loss: FillLoss | None = None,
    ) -> None:
        self.module = network
        self.watched = watched
        self.loss = loss or FillLoss()

    def identity(self) -> Mapping[str, Any]:
        return asdict(self.loss)

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        painted = module(batch["input"])
        return fill_losses(painted, batch["truth"], batch["input"][:, 3:4], self.loss)

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """PSNR and SSIM in the holes, and the ratio of the slopes there, of the network and of the first guess."""
        if not self.watched:
            return {}
        scores = [
            _scores(module, self.watched[start : start + _BATCH]) for start in range(0, len(self.watched), _BATCH)
        ]
        means = torch.cat(scores).mean(0).tolist()
        names = (f"{guess}{measure}" for measure in ("psnr", "ssim", "sharpness") for guess in ("", "guess_"))
        return dict(zip(names, means, strict=True))

    def samples(self, module: Any) -> torch.Tensor | None:
        """Masked, first guess, painted and true, one row each, of some held-out samples."""
        if not self.watched:
            return None
        step = max(1, len(self.watched) // _SHOWN)
        batch = _stacked(self.watched[::step][:_SHOWN])
        painted = _painted(module, batch["input"])
        masked = batch["input"][:, :3] * (1 - batch["input"][:, 3:4])
        rows = (masked, batch["input"][:, :3], painted, batch["truth"])
        return contact_sheet([_bytes(image) for row in rows for image in row], columns=len(painted), gap=3)


def _scores(module: Any, samples: Sequence[Mapping[str, torch.Tensor]]) -> torch.Tensor:
    """(N, 6)."""
    batch = _stacked(samples)
    truth, guess, hole = batch["truth"], batch["input"][:, :3], batch["input"][:, 3] > 0
    answers = (_painted(module, batch["input"]).clamp(0, 1), guess)
    columns = [measure(answer, truth, hole) for measure in (_psnr, _ssim, _sharpness) for answer in answers]
    return torch.stack(columns, 1)


def _psnr(answer: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    return psnr(answer, truth, mask=hole).clamp(max=60)  # else one perfect guess would make the mean infinite


def _ssim(answer: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    return ssim(answer, truth, mask=hole)


def _sharpness(answer: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    return _energy(answer, hole) / _energy(truth, hole).clamp(min=1e-4)


def _energy(image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    """Mean absolute slope in the hole, (N,)."""
    across, down = image.diff(dim=-1)[..., :-1, :].abs().mean(1), image.diff(dim=-2)[..., :-1].abs().mean(1)
    inside = hole[:, :-1, :-1]
    return ((across + down) * inside).sum((-2, -1)).double() / inside.sum((-2, -1)).clamp(min=1)


def _painted(module: Any, batch: torch.Tensor) -> torch.Tensor:
    return module(batch.to(next(module.parameters()).device)).cpu()


def _stacked(samples: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {key: torch.stack([sample[key] for sample in samples]) for key in ("input", "truth")}


def _bytes(image: torch.Tensor) -> torch.Tensor:
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
