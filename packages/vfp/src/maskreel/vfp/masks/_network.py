"""`MaskNetwork`: what all networks that forecast masks from masks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.timeline import OBSERVED, TARGET

if TYPE_CHECKING:
    from maskreel.vfp.masks._config import MaskNetworkConfig

__all__ = ["NOTHING", "MaskNetwork"]

NOTHING = -1e4
"""Logit of what cannot be; finite, because 0 times infinity is not a number, and within half precision."""


class MaskNetwork(nn.Module, ABC):
    """Observed masks, as shares of the classes in cells of pixels, to logits of the same classes in frames to come.

    An answer can only be a class that was observed, or the background: no forecaster can know what has not come yet,
    and whatever else a network says is wrong.
    """

    cell: int
    """Side in pixels of the cells that the input is given in."""
    fine: int
    """Side in pixels of the cells that the output is given in."""

    def __init__(self, config: MaskNetworkConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None) -> torch.Tensor:
        """One pass.

        Args:
            classes: int64 (B, K) class ids as `classes_in` gives; 0 where a clip has fewer objects.
            planes: float (B, 11, K, H / cell, W / cell) in [0, 1]: what `coverage` gives, or probabilities.
            prior: float (B, K, H / cell, W / cell): another forecast of frame 21; given if and only if `config.prior`.

        Returns:
            float (B, len(config.targets), 1 + K, H / fine, W / fine) logits: of the background, then of the classes.
        """

    def target_logits(
        self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits (B, 1 + K, H / fine, W / fine) of frame 21; a network of the next frame is fed back until there."""
        if not self.config.feeds_back:
            return self(classes, planes, prior)[:, self.config.targets.index(TARGET)]
        return self(classes, self.rolled_out(classes, planes, TARGET - OBSERVED))[:, 0]

    def rolled_out(self, classes: torch.Tensor, planes: torch.Tensor, steps: int) -> torch.Tensor:
        """The window `steps` frames later, its newest frames being the network's own.

        What is fed back is probabilities, not the likeliest class, so that doubt is kept.
        """
        if not self.config.feeds_back:
            raise ValueError(f"a network of the targets {self.config.targets} does not feed back, only one of (11,)")
        for _ in range(steps):
            shares = self(classes, planes)[:, 0].softmax(1)[:, 1:]
            if self.cell != self.fine:
                shares = functional.avg_pool2d(shares, self.cell // self.fine)
            planes = torch.cat([planes[:, 1:], shares[:, None]], 1)
        return planes

    def _check(self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None) -> None:
        expected = (len(classes), OBSERVED, classes.shape[1])
        if planes.ndim != 5 or planes.shape[:3] != expected:
            raise ValueError(f"planes must have shape {expected} and (h, w), got {tuple(planes.shape)}")
        if (prior is not None) != self.config.prior:
            raise ValueError(
                f"prior must be {'given' if self.config.prior else 'None'} for this network (config.prior)"
            )
        if prior is not None and prior.shape != planes[:, 0].shape:
            raise ValueError(f"prior must have shape {tuple(planes[:, 0].shape)}, got {tuple(prior.shape)}")
