"""What is trained on what: the options of `maskreel inpaint train-dfc` that are not about the training itself."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Literal

from maskreel.common.training import TrainingConfig

__all__ = ["CompletionData", "CompletionLoss", "Network", "Stage", "preset"]

Network = Literal["small", "dfc-s"]
Stage = Literal["1", "2", "3", "joint"]

SMALL = TrainingConfig(
    steps=3000,
    batch_size=8,
    optimiser="adamw",
    lr=2e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.1,
    clip_norm=1.0,
    ema=0.99,
    checkpoint_every=50,
    evaluate_every=200,
    samples_every=500,
    log_every=25,
    best="epe",
    best_is="lowest",
)
"""What trains the small network."""

PUBLISHED = TrainingConfig(
    steps=100_000,
    batch_size=32,
    optimiser="sgd",
    momentum=0.9,
    lr=1e-4,
    weight_decay=4e-5,
    schedule="step",
    milestones=(0.3, 0.5),
    gamma=0.1,
    checkpoint_every=1000,
    evaluate_every=5000,
    samples_every=5000,
    log_every=25,
    best="epe",
    best_is="lowest",
)
"""What trained the first stage of DFC-S (github.com/nbei/Deep-Flow-Guided-Video-Inpainting, tools/train_initial.py)."""

_REFINING = {"steps": 500_000, "lr": 5e-5, "milestones": (0.1, 0.2, 0.6)}
_JOINT = {"steps": 50_000, "lr": 1e-5, "batch_size": 4, "milestones": (0.5, 0.8)}
PUBLISHED_HEAD_FACTOR = 10.0
"""Of the learning rate, for the layers after the ResNet."""


@dataclass(frozen=True)
class CompletionLoss:
    """What is minimised."""

    hard: float | None = None
    """Weight of the error over the harder half of the hole. By default 2 for a first stage of dfc-s and 1 else, the
    first two as published."""
    relative: float | None = None
    """Weigh every sample by 1 / (this + how much its flow deviates from its median, in pixels of the stage), so that
    scenes with little motion count too. By default 0.3 for small; dfc-s is not weighted, as published. 0 for none."""

    def __post_init__(self) -> None:
        for name in ("hard", "relative"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")

    def resolved(self, network: Network, stage: Stage) -> CompletionLoss:
        """With numbers in place of None."""
        hard = (2.0 if (network, stage) == ("dfc-s", "1") else 1.0) if self.hard is None else self.hard
        relative = (0.3 if network == "small" else 0.0) if self.relative is None else self.relative
        return CompletionLoss(hard, relative)


@dataclass(frozen=True)
class CompletionData:
    """What is learned from and measured on."""

    planes: int = 300
    """Clips of textured planes before a moving camera, with exact flow, to render."""
    world: int = 100
    """Clips of the procedural world (lectures, actors, tables), with exact flow, to render."""
    videos: Path | None = None
    """A folder of videos (and of folders of numbered frames): clips are cut from all of them, holes are made, and the
    truth is the flow that is estimated without holes."""
    videos_clips: int = 20
    """Clips of each video at most, evenly spread."""
    watched: int = 24
    """Clips to measure on, besides: with other seeds, in equal parts of what is learned from; of videos, from the end
    of each list of clips."""
    size: tuple[int, int] = (240, 432)
    """Height and width in pixels at which clips are rendered and flow is estimated."""
    frames: int = 13
    """Frames of a clip; 12 pairs fill a window of 11 flows."""
    cache: Path | None = None
    """The folder for prepared clips, by default OUTPUT/clips; runs may share it."""

    def __post_init__(self) -> None:
        for name in ("planes", "world"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if min(self.size) < 64:
            raise ValueError(f"size must be (height, width) of 64 or more each, got {self.size}")
        for name, least in (("frames", 2), ("watched", 1), ("videos_clips", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")


def preset(config: TrainingConfig, network: Network, stage: Stage) -> TrainingConfig:
    """For dfc-s the published settings in place of all that `config` leaves as in `SMALL`, the default."""
    if network == "small":
        return config
    published = replace(PUBLISHED, **({} if stage == "1" else _JOINT if stage == "joint" else _REFINING))
    given = {
        f.name: getattr(config, f.name) for f in fields(config) if getattr(config, f.name) != getattr(SMALL, f.name)
    }
    return replace(published, **given)
