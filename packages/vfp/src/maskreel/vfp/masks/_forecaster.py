"""`MaskSpaceForecaster`: label maps of a clip in, a forecast of frame 21 out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.vfp.masks._planes import classes_in, coverage
from maskreel.vfp.masks._prior import prior_planes
from maskreel.vfp.occupancy import Occupancy
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.masks._network import MaskNetwork

__all__ = ["MaskSpaceForecaster"]


class MaskSpaceForecaster:
    """Forecasts frame 21 by a network on masks; called with the label maps of one clip.

    Args:
        network: In evaluation mode, on the device to compute on.
        mirror: Forecast the mirrored clip, too, and take the mean: the camera sees left and right alike.
    """

    def __init__(self, network: MaskNetwork, *, mirror: bool = True) -> None:
        if network.training:
            raise ValueError("network must be in evaluation mode, got one in training mode; call .eval()")
        self.network, self.mirror = network, mirror

    @torch.no_grad()
    def __call__(self, labels: torch.Tensor, prior: Occupancy | None = None) -> Occupancy:
        """The classes that were observed, each with its probability in frame 21.

        Args:
            labels: uint8 (11, H, W).
            prior: Another forecast of frame 21, for a network that was built for one; classes that `labels` does not
                hold are left out.
        """
        if labels.dtype != torch.uint8 or labels.ndim != 3 or len(labels) != OBSERVED:
            raise ValueError(f"labels must be uint8 ({OBSERVED}, H, W), got {labels.dtype} {tuple(labels.shape)}")
        views = [labels, labels.flip(-1)] if self.mirror else [labels]
        maps = torch.stack(views).to(next(self.network.parameters()).device)
        classes = classes_in(maps)
        if not classes.shape[1]:
            return Occupancy((), torch.zeros(0, *labels.shape[1:]))
        planes = coverage(maps, classes, cell=self.network.cell)
        given = None
        if prior is not None:
            given = prior_planes([prior, prior.mirrored()][: len(views)], classes, cell=self.network.cell)
        share = self._share(self.network.target_logits(classes, planes, given), labels.shape[-2:])
        return Occupancy(tuple(classes[0].tolist()), share.cpu())

    def _share(self, logits: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        if logits.shape[-2:] != size:
            logits = functional.interpolate(logits, list(size), mode="bilinear", align_corners=False)
        shares = logits.float().softmax(1)[:, 1:]
        if self.mirror:
            shares = torch.stack([shares[0], shares[1].flip(-1)])
        return shares.mean(0)
