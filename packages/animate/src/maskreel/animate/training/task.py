"""`AnimationTask`: one training step of all networks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.func import functional_call

from maskreel.animate.perturb import perturb_for_training
from maskreel.animate.training.settings import LossSettings
from maskreel.common.errors import InputError
from maskreel.common.job_folder import identify
from maskreel.common.training import TrainingTask, same_in_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.training.held_out import HeldOutPairs
    from maskreel.common.perceptual import FeatureLoss

__all__ = ["LOSSES", "AnimationTask"]

LOSSES = ("low", "high", "refined", "truth", "consistency", "base", "swap")
"""In every step; those that are off are 0."""

_LEAST = 1e-3
"""Masks count as no surer than this against true ones: beyond it half precision has little left to learn from."""


class AnimationTask(TrainingTask):
    """Trains an `AnimationModel` on pairs of frames of the same video.

    Batches are dicts of float tensors in [0, 1]: `source`, `driving` and `target` (N, 3, S, S), where `target` is the
    driving frame with the colour jitter of the source and `driving` the same frame with another; and, for data that
    has them, the true masks `source_mask` and `driving_mask` (N, 1, s, s), and `twin` with `twin_mask`: somebody else
    in the driving frame's pose.

    Losses (Shalev and Wolf 2020, section 3): `low` and `high`, perceptual, of L and H; `refined`, of r against m;
    `base` and `swap`, perceptual, of the background swap; and if wanted `truth`, of m and r, and `consistency`, of H
    against the masks that it draws in. H, r and the swap are fed detached tensors, so each network learns from its own
    losses only, m and L from `low`.

    Args:
        model: what to train.
        loss: compares pictures.
        settings: when and how much.
        steps_per_epoch: optimiser steps that one pass over the data takes.
        held_out: what the quality is measured on, and pictures are made of.
    """

    idle_parameters = True
    same_layers = True

    def __init__(
        self,
        model: AnimationModel,
        loss: FeatureLoss,
        settings: LossSettings | None = None,
        *,
        steps_per_epoch: float,
        held_out: HeldOutPairs | None = None,
    ) -> None:
        if steps_per_epoch <= 0:
            raise ValueError(f"steps_per_epoch must be above 0, got {steps_per_epoch}")
        self.module = model
        self.settings = settings or LossSettings()
        self._loss, self._steps_per_epoch, self._held_out = loss, steps_per_epoch, held_out

    def identity(self) -> Mapping[str, Any]:
        settings, weights = asdict(self.settings), self.settings.vgg
        return settings | {"vgg": None if weights is None else identify(weights)["sha256"]}

    def losses(self, module: Any, batch: Any) -> Mapping[str, Tensor]:
        self._check(batch)
        loss = self._loss.to(batch["source"].device)
        source_mask, masks = (self._masks(module, batch[name]) for name in ("source", "driving"))
        source = module.source(batch["source"], source_mask)
        values: dict[str, Tensor] = dict.fromkeys(LOSSES, masks.new_zeros(()))
        found, drawn = [(source_mask, "source_mask"), (masks, "driving_mask")], masks
        if self._reached(self.settings.refine_from):
            if self._draw(self.settings.crossed or 0):
                twin_mask = self._masks(module, batch["twin"])
                found.append((twin_mask, "twin_mask"))
                refined = module.refined(source, twin_mask)
            else:
                refined = module.refined(source, self._perturbed(module, masks), perturbed=True)
            found.append((refined, "driving_mask"))
            error = (refined.float() - masks.detach().float()).abs().mean()
            values["refined"] = self.settings.mask_weight * error
            if self._draw(self.settings.redrawn):
                drawn = refined.detach()
        values["truth"] = self._truth(found, batch)
        if not self._reached(self.settings.pictures_from):
            return values
        pictures = module.pictures(source, drawn)
        values["consistency"] = self._consistency(module, pictures[1], drawn)
        target = loss.target(batch["target"])
        if not self._reached(self.settings.swap_from):
            values["low"], values["high"] = loss.each(pictures, target)
        elif self._draw(self.settings.pseudo_pairs):
            values["low"], values["high"] = loss.each(pictures, target)
            swapped, composite = self._swapped_wholly(module, batch, masks, pictures[1])
            values["base"], values["swap"] = loss.each(swapped, loss.target(composite))
        else:
            foreground = self._foreground(batch, pictures[1])
            swapped = module.swapped(foreground, masks, source.image, source.mask)
            together = loss.each([*pictures, *swapped], target)
            values["low"], values["high"], values["base"], values["swap"] = together
        return values

    def evaluate(self, module: Any) -> Mapping[str, float]:
        return {} if self._held_out is None else self._held_out.measure(module)

    def samples(self, module: Any) -> Tensor | None:
        return None if self._held_out is None else self._held_out.sheet(module)

    def _masks(self, module: Any, images: Tensor) -> Tensor:
        """m's; as in inference, and without gradient, once m has learnt enough."""
        if self.settings.masks_until is None or not self._reached(self.settings.masks_until):
            return module.masks(images)
        with torch.no_grad():
            module.mask_generator.eval()
            masks = module.masks(images)
            module.mask_generator.train()
        return masks

    def _reached(self, epoch: float) -> bool:
        return self.step >= epoch * self._steps_per_epoch

    @staticmethod
    def _perturbed(module: Any, masks: Tensor) -> Tensor:
        config = module.config
        return perturb_for_training(masks, threshold=config.threshold, strength=config.train_strength)

    def _consistency(self, module: Any, picture: Tensor, drawn: Tensor) -> Tensor:
        """Mean absolute error; m, as it is, judges and learns nothing."""
        if not self.settings.consistency_weight:
            return drawn.new_zeros(())
        judge = module.mask_generator
        frozen = {name: value.detach() for name, value in judge.named_parameters()}
        frozen |= {name: value.clone() for name, value in judge.named_buffers()}  # batch norm counts what it sees
        error = (functional_call(judge, frozen, picture).float() - drawn.detach().float()).abs().mean()
        return self.settings.consistency_weight * error

    def _check(self, batch: Mapping[str, Tensor]) -> None:
        if self.settings.pseudo_pairs and len(batch["source"]) < 2:
            raise InputError(
                "pseudo_pairs needs two samples or more at a time, for frames of another video, but each process gets "
                "one: make batch_size larger, or accumulate or the number of processes smaller"
            )
        if self.settings.truth_weight and not {"source_mask", "driving_mask"} <= batch.keys():
            raise InputError(
                f"truth_weight is {self.settings.truth_weight:g}, but the data have no true masks: it must be 0"
            )
        if self.settings.pictures_from and not self.settings.truth_weight:
            raise InputError(
                f"pictures_from is {self.settings.pictures_from:g}, but without truth_weight m learns from pictures "
                "only: it must be 0"
            )
        if self.settings.crossed and "twin" not in batch:
            raise InputError(
                f"crossed is {self.settings.crossed:g}, but the data show nobody else in the same motion: it must be 0"
            )

    def _truth(self, found: Sequence[tuple[Tensor, str]], batch: Mapping[str, Tensor]) -> Tensor:
        """Cross entropy; by hand, because torch's own refuses to run under autocast."""
        if not self.settings.truth_weight:
            return batch["source"].new_zeros(())
        masks, true = torch.cat([mask for mask, _ in found]), torch.cat([batch[name] for _, name in found])
        if masks.shape != true.shape:
            raise ValueError(f"true masks must have the shape {tuple(masks.shape[1:])}, got {tuple(true.shape[1:])}")
        sure = masks.float().clamp(_LEAST, 1 - _LEAST)
        return -self.settings.truth_weight * (true * sure.log() + (1 - true) * (-sure).log1p()).mean()

    def _swapped_wholly(
        self, module: Any, batch: Mapping[str, Tensor], masks: Tensor, animated: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """What the swap makes of whole frames of other videos, and what it should be."""
        backdrop = batch["target"].roll(1, dims=0)
        swapped = module.swapped(self._foreground(batch, animated), masks, backdrop, torch.zeros_like(masks))
        cover = module.enlarge(masks.detach())
        return swapped, cover * batch["target"] + (1 - cover) * backdrop

    def _foreground(self, batch: Mapping[str, Tensor], animated: Tensor) -> Tensor:
        return animated.detach() if self._draw(self.settings.generated) else batch["target"]

    @staticmethod
    def _draw(share: float) -> bool:
        """Whether it happens this time, in all processes alike, as they share their batch norm; nothing is drawn if it
        never does, so that the published training is itself."""
        return share > 0 and same_in_all(float(torch.rand((), device="cpu"))) < share
