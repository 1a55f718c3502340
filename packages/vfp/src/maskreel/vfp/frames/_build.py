"""From a `PredictorConfig` to a `FramePredictor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from maskreel.vfp.frames._predictor import FramePredictor
from maskreel.vfp.frames._recurrent import build_recurrent
from maskreel.vfp.networks import SimVPConfig, build_simvp
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.frames._config import PredictorConfig

__all__ = ["build_predictor"]

_TRANSLATORS: dict[str, Literal["incepu", "gsta", "tau"]] = {
    "simvp": "gsta",
    "tau": "tau",
    "incepu": "incepu",
    "original": "incepu",
}


def build_predictor(config: PredictorConfig) -> FramePredictor:
    """A new predictor in training mode, with first values from torch's global generator."""
    if config.network == "convlstm":
        return FramePredictor(config, build_recurrent(config), stride=config.patch, patch=1)
    network = build_simvp(_simvp_config(config))
    if config.residual:
        nn.init.zeros_(network.dec.readout.weight)
        assert network.dec.readout.bias is not None
        nn.init.zeros_(network.dec.readout.bias)
    wrapped = _RollOut(network, residual=config.residual) if config.head == "rollout" else _OnePass(network)
    return FramePredictor(config, wrapped, stride=network.config.stride * config.patch, patch=config.patch)


def _simvp_config(config: PredictorConfig) -> SimVPConfig:
    return SimVPConfig(
        frames=OBSERVED,
        frames_out=FRAMES - OBSERVED if config.head == "all" else 1,
        channels=3 * config.patch**2,
        spatial_width=config.spatial_width,
        temporal_width=config.temporal_width,
        spatial_depth=config.spatial_depth,
        temporal_depth=config.temporal_depth,
        translator=_TRANSLATORS[config.network],
        mlp_ratio=config.mlp_ratio,
        drop_path=config.drop_path,
        layout="original" if config.network == "original" else "openstl",
        newest_skip=config.newest_skip,
    )


class _OnePass(nn.Module):
    """All frames that the network makes, at once."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: torch.Tensor, steps: int) -> torch.Tensor:
        del steps
        return self.network(frames)


class _RollOut(nn.Module):
    """One frame at a time, each made from the 11 before it."""

    def __init__(self, network: nn.Module, *, residual: bool) -> None:
        super().__init__()
        self.network = network
        self.residual = residual

    def forward(self, frames: torch.Tensor, steps: int) -> torch.Tensor:
        """The frames that follow, or, with the residual, their change since the newest one given."""
        newest, change = frames[:, -1:], torch.zeros_like(frames[:, -1:])
        made: list[torch.Tensor] = []
        for _ in range(steps):
            output = self.network(frames)
            change = change + output
            following = newest + change if self.residual else output
            made.append(change if self.residual else output)
            frames = torch.cat([frames[:, 1:], following], dim=1)
        return torch.cat(made, dim=1)
