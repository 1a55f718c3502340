"""ConvLSTM as the network of a frame predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from maskreel.vfp.networks import ConvLSTM, ConvLSTMConfig
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.frames._config import PredictorConfig

__all__ = ["Recurrent", "build_recurrent"]


class Recurrent(nn.Module):
    """A ConvLSTM, and how many batches it has learned from, by which the true frames that it is fed grow rarer."""

    num_batches_tracked: torch.Tensor

    def __init__(self, network: ConvLSTM, *, residual: bool) -> None:
        super().__init__()
        self.network = network
        self.residual = residual
        # the name is that of the counter in batch norms, which weights files leave out
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, frames: torch.Tensor, steps: int, feed: torch.Tensor | None = None) -> torch.Tensor:
        """The frames that follow, or, with the residual, their change since the newest observed one."""
        answers = self.network(frames, steps, feed)
        return answers - frames[:, OBSERVED - 1 : OBSERVED] if self.residual else answers


class _ResidualConvLSTM(ConvLSTM):
    """Every answer is a change of the frame that was fed, so that what is fed back is a frame again."""

    def _step(self, x: torch.Tensor, states: list) -> tuple[torch.Tensor, list]:
        change, states = super()._step(x, states)
        return x + change, states


def build_recurrent(config: PredictorConfig) -> Recurrent:
    """The ConvLSTM of a configuration, with first values from torch's global generator."""
    widths = (config.temporal_width,) * config.temporal_depth
    shape = ConvLSTMConfig(widths=widths, patch=config.patch)
    network = _ResidualConvLSTM(shape) if config.residual else ConvLSTM(shape)
    if config.residual:
        nn.init.zeros_(network.conv_last.weight)
    return Recurrent(network, residual=config.residual)
