"""What a frame predictor is made of and learns from; every field is a flag of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Literal

from maskreel.vfp.timeline import FRAMES, OBSERVED

__all__ = ["Export", "FeedConfig", "FrameLoss", "PredictorConfig", "SourceConfig", "WindowConfig"]

Export = Literal["npy", "png", "gif", "mp4", "strip"]
"""Files of predicted clips, see `export_clip` and `array_file`."""


@dataclass(frozen=True)
class PredictorConfig:
    """Network, head and normalisation of a `FramePredictor`. The defaults are those of the weights that we ship."""

    network: Literal["simvp", "tau", "incepu", "original", "convlstm"] = "simvp"
    """SimVP with gated spatiotemporal attention (v2), with the temporal attention unit (TAU), or with Inception blocks
    (IncepU) in OpenSTL's layout; the original SimVP (v1); or ConvLSTM."""
    head: Literal["all", "direct", "rollout"] = "all"
    """All 11 future frames in one pass; only the last of them, frame 22; or the next frame, fed back 11 times."""
    patch: Literal[1, 2, 4] = 4
    """Blocks of patch x patch pixels are laid into the channels, so that the network works at 1/patch of the size."""
    residual: bool = True
    """The network gives the change since the newest observed frame, and an untrained one none: it copies."""
    newest_skip: bool = True
    """Every future frame is drawn onto the full-resolution features of the newest observed frame, not of the frame 11
    before it (SimVP only)."""
    spatial_width: int = 32
    """Channels of a frame in encoder and decoder (SimVP only)."""
    spatial_depth: int = 2
    """Layers of the encoder and of the decoder (SimVP only)."""
    temporal_width: int = 128
    """Channels of the translator, or of every layer of a ConvLSTM (its convolutions are 5x5)."""
    temporal_depth: int = 5
    """Blocks of the translator, or ConvLSTM layers."""
    mlp_ratio: float = 2.5
    """Width of the mixers in a block of simvp and tau, in units of temporal_width."""
    drop_path: float = 0.0
    """Highest rate at which blocks of simvp and tau are left out in training."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Of the red, green and blue values of the data, in [0, 1]."""
    std: tuple[float, float, float] = (0.06, 0.06, 0.06)
    """Of the red, green and blue values of the data."""

    def __post_init__(self) -> None:
        for name in ("spatial_width", "spatial_depth", "temporal_width", "temporal_depth"):
            _require(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        _require("mlp_ratio", self.mlp_ratio, self.mlp_ratio > 0, "above 0")
        _require("drop_path", self.drop_path, 0 <= self.drop_path < 1, "in [0, 1)")
        _require("std", self.std, min(self.std) > 0, "above 0")
        _require("patch", self.patch, self.patch in (1, 2, 4), "1, 2 or 4")
        if self.network == "convlstm" and self.head == "direct":
            raise ValueError("head must be all or rollout with the network convlstm, which works frame by frame")


@dataclass(frozen=True)
class WindowConfig:
    """Which windows are cut from clips, and how they are varied.

    With a stride of k a window is made of every k-th frame, so that everything moves k times as fast (the frame-skip
    augmentation of the original project). Eleven frames of stride 2 fill a clip of 22, so for strides above 1 fewer
    frames are asked for: before the first frame of the clip the window shows that first frame, as if the scene had
    stood still, and what comes after the last one is not known and not learned from.

    Pictures are mirrored left to right only: the camera looks down on a floor, so upside down is no view of it.
    """

    ahead: int = FRAMES - OBSERVED
    """Future frames of a window; fewer than 11 give more windows per clip, for the head "rollout" and ConvLSTM."""
    strides: tuple[int, ...] = (1,)
    """Windows are cut with each of these frame skips."""
    least_observed: int = 6
    """With strides above 1: observed frames that a window must really have."""
    least_future: int = 5
    """With strides above 1: future frames that a window must really have, or all if it has fewer."""
    mirror: bool = True
    """Mirror left and right half of the times."""
    brightness: float = 0.05
    """Multiply the colours of a window by a number that differs from 1 by up to this much."""

    def __post_init__(self) -> None:
        _require("ahead", self.ahead, self.ahead >= 1, "1 or more")
        _require("least_observed", self.least_observed, 1 <= self.least_observed <= OBSERVED, f"1 to {OBSERVED}")
        _require("least_future", self.least_future, self.least_future >= 1, "1 or more")
        _require("brightness", self.brightness, 0 <= self.brightness < 1, "in [0, 1)")
        fine = self.strides and min(self.strides) >= 1 and len(set(self.strides)) == len(self.strides)
        _require("strides", self.strides, bool(fine), "different numbers of 1 or more")


@dataclass(frozen=True)
class FrameLoss:
    """What is minimised in training: the mean squared error in units of the data's standard deviation, and more."""

    l1: float = 0.0
    """Weight of the mean absolute error, in the same units."""
    divergence: float = 0.0
    """Weight of the differential divergence of TAU (there 0.1)."""
    changed: float = 1.0
    """Weight of pixels that differ from the newest observed frame; all the others have 1."""

    def __post_init__(self) -> None:
        for name in ("l1", "divergence", "changed"):
            _require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")


@dataclass(frozen=True)
class FeedConfig:
    """What a ConvLSTM is fed in training; it then learns from its answers to all frames, the observed ones, too."""

    feed: Literal["own", "scheduled", "reverse"] = "own"
    """After the observed frames its own answers, as in use, and it learns from these alone; true frames ever more
    seldom (scheduled sampling); or that and, the other way round, ever more often in place of observed frames."""
    feed_start: int = 25_000
    """With reverse: until this step both chances of a true frame are 1/2."""
    feed_stop: int = 50_000
    """From this step on, no frame after the observed ones is a true one."""
    feed_decay: float = 2e-5
    """With scheduled: how much the chance of a true frame falls in a step."""
    feed_scale: float = 5000.0
    """With reverse: steps in which the chance that an observed frame is not fed falls by the factor e."""

    def __post_init__(self) -> None:
        fits = self.feed != "reverse" or 0 <= self.feed_start < self.feed_stop
        _require("feed_start", self.feed_start, fits, "0 or more, below feed_stop")
        _require("feed_decay", self.feed_decay, self.feed_decay > 0, "above 0")
        _require("feed_scale", self.feed_scale, self.feed_scale > 0, "above 0")


@dataclass(frozen=True)
class SourceConfig:
    """How clips on disk are opened for training."""

    decoded: Literal["disk", "memory", "none"] = "disk"
    """Where decoded clips are kept: in OUTPUT/cache, which may be deleted afterwards, or in memory; or nowhere, so that
    they are decoded each time."""
    quarantine: Path | None = None
    """Videos of vfp data sets to leave out, as written by check-data."""
    skip_bad: bool = False
    """Read all videos of vfp data sets first and leave out the bad ones by name; else the first ends the run."""


def _require(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {allowed}, got {value}")
