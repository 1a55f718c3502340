"""The published forecaster of masks: SimVP on embeddings of class ids (eneserciyes/maskpredformer)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from maskreel.vfp.masks._network import NOTHING, MaskNetwork
from maskreel.vfp.networks import build_simvp
from maskreel.vfp.timeline import CLASSES, OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.masks._config import MaskNetworkConfig

__all__ = ["TokenMaskNetwork"]


class TokenMaskNetwork(MaskNetwork):
    """Every pixel's class id becomes a vector; SimVP works at half resolution; one logit per class id comes out.

    The modules have the published names. A pixel that belongs to several classes in part gets the mixture of their
    vectors, so probabilities can go in as well as label maps.

    Height and width must be multiples of 2 pixels times SimVP's stride.
    """

    cell = fine = 1

    def __init__(self, config: MaskNetworkConfig) -> None:
        super().__init__(config)
        width = config.embedding
        self.token_embeddings = nn.Embedding(CLASSES, width)
        self.down_conv = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.simvp = build_simvp(
            config.simvp(
                frames=OBSERVED,
                frames_out=OBSERVED if config.published_layout else len(config.targets),
                channels=width,
            )
        )
        self.up_conv = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.out_conv = nn.Conv2d(width, CLASSES, 1)

    def forward(self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None) -> torch.Tensor:
        logits = self.all_logits(classes, planes, prior)
        place = classes[:, None, :, None, None].expand(-1, logits.shape[1], -1, *logits.shape[-2:])
        known = torch.where(place > 0, logits.gather(2, place), NOTHING)
        return torch.cat([logits[:, :, :1], known], 2)

    def all_logits(
        self, classes: torch.Tensor, planes: torch.Tensor, prior: torch.Tensor | None = None
    ) -> torch.Tensor:
        """As `forward`, but of all class ids, observed or not: (B, len(config.targets), 49, H, W)."""
        self._check(classes, planes, prior)
        x = self._embedded(classes, planes)
        x = self.down_conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        x = self.simvp(x)[:, : len(self.config.targets)]
        return self.out_conv(self.up_conv(x.flatten(0, 1))).unflatten(0, x.shape[:2])

    def _embedded(self, classes: torch.Tensor, planes: torch.Tensor) -> torch.Tensor:
        """(B, T, embedding, H, W): what the vectors of the few classes of a clip add to that of the background."""
        background = self.token_embeddings.weight[0]
        difference = (self.token_embeddings(classes) - background) * (classes > 0)[..., None]
        mixed = torch.einsum("btkhw,bke->btehw", planes, difference)
        return mixed + background[:, None, None]
