"""ConvLSTM: one frame in, the next frame out (Shi et al. 2015, arXiv 1506.04214), as OpenSTL builds it.

There are no peepholes, and the parameters of OpenSTL's cells that never reach an output (conv_o, conv_last) are left
out. The names of the others are those of the published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class ConvLSTMConfig:
    """The shape of a ConvLSTM."""

    channels: int = 3
    """Of a frame."""
    widths: tuple[int, ...] = (128, 128, 128, 128)
    """Channels of the state of each layer."""
    kernel: int = 5
    """Height and width of the convolutions, odd."""
    patch: int = 4
    """Blocks of this many pixels, in height and in width, become channels first."""

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be 1, 3, 5, ..., got {self.kernel}")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths must be one or more positive numbers, got {self.widths}")
        if self.channels < 1 or self.patch < 1:
            raise ValueError(f"channels and patch must be 1 or more, got {self.channels} and {self.patch}")


class ConvLSTM(nn.Module):
    """Frames, floating point (B, T, channels, H, W), to the frames that follow, (B, steps, channels, H, W)."""

    def __init__(self, config: ConvLSTMConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels * config.patch**2
        inputs = (channels, *config.widths[:-1])
        self.cell_list = nn.ModuleList(_Cell(c, w, config.kernel) for c, w in zip(inputs, config.widths, strict=True))
        self.conv_last = nn.Conv2d(config.widths[-1], channels, 1, bias=False)

    def forward(self, x: torch.Tensor, steps: int, feed: torch.Tensor | None = None) -> torch.Tensor:
        """The answers to the last `steps` of all inputs.

        Without `feed`, the inputs are the T frames and then the network's own answers, so the result follows the last
        frame of `x`. With it, there are as many inputs as `feed` has columns: for training on a clip of T frames, give
        `x = clip[:, :-1]`, `steps = T - 1` and a `feed` of T - 1 columns; the result then belongs to `clip[:, 1:]`.

        Args:
            x: Frames (B, T, channels, H, W); H and W are multiples of the patch.
            steps: Number of frames to return.
            feed: bool (B, inputs) with True where the true frame is the input, and False where the network's answer to
                the input before is; from `ScheduledSampling` or `ReverseScheduledSampling`.

        Raises:
            ValueError: A shape does not fit, `steps` is out of range, or `feed` starts without a true frame.
        """
        self._check(x, steps, feed)
        inputs = x.shape[1] + steps - 1 if feed is None else feed.shape[1]
        blocks = _to_blocks(x, self.config.patch)
        states: list[_State | None] = [None] * len(self.cell_list)
        answers: list[torch.Tensor] = []
        for step in range(inputs):
            answer, states = self._step(_input(blocks, answers, step, feed), states)
            answers.append(answer)
        return _to_pixels(torch.stack(answers[-steps:], dim=1), self.config.patch)

    def _step(self, x: torch.Tensor, states: list[_State | None]) -> tuple[torch.Tensor, list[_State | None]]:
        after: list[_State | None] = []
        for cell, state in zip(self.cell_list, states, strict=True):
            hidden, memory = cell(x, state)
            after.append((hidden, memory))
            x = hidden
        return self.conv_last(x), after

    def _check(self, x: torch.Tensor, steps: int, feed: torch.Tensor | None) -> None:
        channels, patch = self.config.channels, self.config.patch
        if x.ndim != 5 or x.shape[2] != channels or x.shape[3] % patch or x.shape[4] % patch:
            raise ValueError(
                f"expected x of shape (B, T, {channels}, H, W) with H and W multiples of {patch}, got {x.shape = }"
            )
        if steps < 1 or (feed is not None and steps > feed.shape[1]):
            most = "" if feed is None else f" to {feed.shape[1]}, the inputs of feed"
            raise ValueError(f"steps must be 1{most or ' or more'}, got {steps}")
        if feed is None:
            return
        if feed.dtype != torch.bool or feed.ndim != 2 or len(feed) != len(x) or feed.shape[1] > x.shape[1]:
            raise ValueError(
                f"expected feed of bool ({len(x)}, {x.shape[1]} or fewer), got {feed.dtype} of {tuple(feed.shape)}"
            )
        if not feed[:, 0].all():
            raise ValueError("feed must be True in its first column, because no answer comes before the first frame")


def build_convlstm(config: ConvLSTMConfig) -> ConvLSTM:
    """A ConvLSTM with fresh weights."""
    return ConvLSTM(config)


_State = tuple[torch.Tensor, torch.Tensor]


class _Cell(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        # One-element sequences, because the published names have the index: conv_x.0.weight.
        self.conv_x = nn.Sequential(nn.Conv2d(channels, 4 * width, kernel, padding=kernel // 2, bias=False))
        self.conv_h = nn.Sequential(nn.Conv2d(width, 4 * width, kernel, padding=kernel // 2, bias=False))

    def forward(self, x: torch.Tensor, state: _State | None) -> _State:
        gates = self.conv_x(x)
        if state is not None:  # the first state is all zeros, and so is what comes of it
            gates = gates + self.conv_h(state[0])
        enter, keep, new, leave = gates.chunk(4, dim=1)
        memory = enter.sigmoid() * new.tanh()
        if state is not None:
            memory = memory + keep.sigmoid() * state[1]
        return leave.sigmoid() * memory.tanh(), memory


def _input(blocks: torch.Tensor, answers: list[torch.Tensor], step: int, feed: torch.Tensor | None) -> torch.Tensor:
    if feed is None or step == 0:
        return blocks[:, step] if step < blocks.shape[1] else answers[-1]
    return torch.where(feed[:, step, None, None, None], blocks[:, step], answers[-1])


def _to_blocks(x: torch.Tensor, patch: int) -> torch.Tensor:
    # The published order of the channels is (row, column, channel); pixel_unshuffle has the channel first.
    blocks = x.unflatten(4, (-1, patch)).unflatten(3, (-1, patch))
    return blocks.permute(0, 1, 4, 6, 2, 3, 5).flatten(2, 4)


def _to_pixels(blocks: torch.Tensor, patch: int) -> torch.Tensor:
    pixels = blocks.unflatten(2, (patch, patch, -1)).permute(0, 1, 4, 5, 2, 6, 3)
    return pixels.flatten(5, 6).flatten(3, 4)
