"""SimVP: encode every frame, translate all of them together, decode every frame.

Gao et al. 2022 (arXiv 2206.05099) and its second version, Tan et al. 2022 (arXiv 2211.12509), with the translators
IncepU, gSTA and TAU (arXiv 2206.12126).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import nn

from maskreel.vfp.networks._attention import AttentionTranslator
from maskreel.vfp.networks._fast import in_chunks
from maskreel.vfp.networks._inception import GROUPS, InceptionTranslator
from maskreel.vfp.networks._spatial import Decoder, Encoder, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

Translator = Literal["incepu", "gsta", "tau"]


@dataclass(frozen=True)
class SimVPConfig:
    """The shape of a SimVP; in brackets the symbols of the paper."""

    frames: int = 11
    """Input frames."""
    frames_out: int = 11
    """Output frames of one pass; `roll_out` gives more."""
    channels: int = 3
    channels_out: int | None = None
    """Of an output frame; None: as the input."""
    spatial_width: int = 64
    """Channels of the encoder and decoder [hid_S]."""
    temporal_width: int = 256
    """Channels of the translator [hid_T]."""
    spatial_depth: int = 4
    """Layers of the encoder, and of the decoder, an even number [N_S]; every second halves the resolution."""
    temporal_depth: int = 8
    """Blocks of the translator [N_T]."""
    translator: Translator = "gsta"
    mlp_ratio: float = 8.0
    """Hidden channels of a block's MLP by its channels (gsta, tau)."""
    drop_path: float = 0.0
    """Chance to skip the last block in training; linear from 0.01 in the first, none anywhere if 0 (gsta, tau)."""
    layout: Layout = "openstl"
    """"original": SimVP's first version, with leaky ReLU and a concatenated skip, for incepu only."""
    newest_skip: bool = False
    """Output frames get the full-resolution features of the newest input frame, not of the one in their place."""

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_sizes()
        if self.frames_out > self.frames and not self.newest_skip:
            raise ValueError(
                f"frames_out must be {self.frames} (frames) or less, got {self.frames_out}; "
                "newest_skip=True or roll_out give more"
            )

    @property
    def stride(self) -> int:
        """Height and width of the frames must be multiples of it."""
        return 2 ** (self.spatial_depth // 2)

    def _check_choices(self) -> None:
        if self.translator not in get_args(Translator):
            raise ValueError(f"translator must be one of {get_args(Translator)}, got {self.translator!r}")
        if self.layout not in get_args(Layout):
            raise ValueError(f"layout must be one of {get_args(Layout)}, got {self.layout!r}")
        if self.layout == "original" and self.translator != "incepu":
            raise ValueError(f"translator must be 'incepu' in the original layout, got {self.translator!r}")

    def _check_sizes(self) -> None:
        for name in ("frames", "frames_out", "channels", "channels_out", "spatial_width", "temporal_width"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.spatial_depth < 2 or self.spatial_depth % 2:
            raise ValueError(f"spatial_depth must be 2, 4, 6, ..., got {self.spatial_depth}")
        if self.spatial_width % 2:
            raise ValueError(f"spatial_width must be even, for its group norms, got {self.spatial_width}")
        if self.temporal_depth < 2:
            raise ValueError(f"temporal_depth must be 2 or more, got {self.temporal_depth}")
        if not 0.0 <= self.drop_path < 1.0:
            raise ValueError(f"drop_path must be in [0, 1), got {self.drop_path}")
        if self.mlp_ratio * self.temporal_width < 1:
            raise ValueError(f"mlp_ratio must leave an MLP of 1 channel or more, got {self.mlp_ratio}")
        grouped = self.translator == "incepu" and self.temporal_width // 2 % GROUPS == 0
        if grouped and self.frames_out * self.spatial_width % GROUPS:
            raise ValueError(
                f"frames_out * spatial_width must be a multiple of {GROUPS} for incepu, "
                f"got {self.frames_out} * {self.spatial_width}"
            )


class SimVP(nn.Module):
    """Past frames (B, frames, channels, H, W) to future frames (B, frames_out, channels_out, H, W), floating point.

    Output i of fewer than `frames` outputs gets the skip of the input that is as far from the end, so that a single
    output gets that of the newest input.

    Raises:
        ValueError: The input has another number of frames or channels, or H or W is no multiple of `config.stride`.
    """

    def __init__(self, config: SimVPConfig) -> None:
        super().__init__()
        self.config = config
        width, depth, layout = config.spatial_width, config.spatial_depth, config.layout
        self.enc = Encoder(config.channels, width, depth, layout=layout)
        self.hid = _translator(config)
        self.dec = Decoder(width, config.channels_out or config.channels, depth, layout=layout)

    def forward(self, x: torch.Tensor, *, slots: Sequence[int] | None = None) -> torch.Tensor:
        """Predict; of `slots`, output frames counted from 0, only these are decoded, which saves much of the work."""
        self._check(x)
        batch, outputs = x.shape[0], self.config.frames_out
        frames = x.flatten(0, 1)
        elements = self.config.spatial_width * x.shape[-2] * x.shape[-1]
        encoded = in_chunks(self.enc, frames, elements=elements)
        features, skip = (_joined(parts).unflatten(0, (batch, -1)) for parts in zip(*encoded, strict=True))
        hidden = self.hid(features.flatten(1, 2)).unflatten(1, (outputs, -1))
        sources = [-1 if self.config.newest_skip else i - outputs for i in range(outputs)]
        if slots is not None:
            hidden, sources = hidden[:, list(slots)], [sources[i] for i in slots]
        if sources != list(range(-self.config.frames, 0)):
            skip = skip[:, sources]
        decoded = in_chunks(self.dec, hidden.flatten(0, 1), skip.flatten(0, 1), elements=elements)
        return _joined(decoded).contiguous().unflatten(0, (batch, -1))

    def _check(self, x: torch.Tensor) -> None:
        frames, channels, stride = self.config.frames, self.config.channels, self.config.stride
        if x.ndim != 5 or x.shape[1:3] != (frames, channels) or x.shape[3] % stride or x.shape[4] % stride:
            raise ValueError(
                f"expected x of shape (B, {frames}, {channels}, H, W) with H and W multiples of {stride}, "
                f"got {x.shape = }"
            )


def build_simvp(config: SimVPConfig) -> SimVP:
    """A SimVP with fresh weights."""
    return SimVP(config)


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts))


def _translator(config: SimVPConfig) -> nn.Module:
    channels_in, channels_out = config.frames * config.spatial_width, config.frames_out * config.spatial_width
    width, depth = config.temporal_width, config.temporal_depth
    if config.translator == "incepu":
        return InceptionTranslator(channels_in, width, channels_out, depth=depth)
    return AttentionTranslator(
        channels_in,
        width,
        channels_out,
        depth=depth,
        attention=config.translator,
        mlp_ratio=config.mlp_ratio,
        drop_path=config.drop_path,
    )
