"""How a training runs; every field is a flag of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MAY_CHANGE", "TrainingConfig"]

MAY_CHANGE = frozenset(
    {
        "checkpoint_every",
        "keep",
        "evaluate_every",
        "samples_every",
        "log_every",
        "best",
        "best_is",
        "tensorboard",
        "workers",
        "launcher",
        "device",
        "threads",
    }
)
"""Fields that an interrupted run may change: they do not steer the weights."""


@dataclass(frozen=True)
class TrainingConfig:
    """Length, optimiser, precision, record and processes of a training."""

    steps: int = 10_000
    """Optimiser steps."""
    epochs: float | None = None
    """Passes over the data set, in place of `steps`."""
    batch_size: int = 8
    """Samples in a step, over all processes and accumulated parts; must be a multiple of their number."""
    accumulate: int = 1
    """Parts in which each process works through its share of a batch, to save memory; batch norm sees one at a time."""
    optimiser: Literal["adam", "adamw", "sgd"] = "adamw"
    """How gradients become steps."""
    lr: float = 1e-3
    """Learning rate; the highest of the schedule."""
    weight_decay: float = 0.0
    """Weight decay of all the parameters (decoupled from the gradient in adamw)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the first and second moment in adam and adamw."""
    momentum: float = 0.9
    """Momentum of sgd."""
    schedule: Literal["constant", "onecycle", "cosine", "step"] = "constant"
    """Course of the learning rate: after the warm-up it stays, falls to nothing by a half cosine (cosine; onecycle also
    rises by one, as in Smith and Topin 2018), or falls at the milestones (step)."""
    warmup: float | None = None
    """Share of the steps in which the rate rises to `lr`, from 1/25 of it; by default 0.3 with onecycle, else 0."""
    milestones: tuple[float, ...] = (0.7, 0.9)
    """With the schedule step: shares of the steps after which the rate falls."""
    gamma: float = 0.1
    """With the schedule step: the factor by which the rate falls at each milestone."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Autocast of the forward pass; fp16 scales the loss and needs CUDA."""
    clip_norm: float | None = None
    """Longer gradients (L2 norm over all the parameters) are cut to this length."""
    ema: float | None = None
    """Decay, below 1, of an exponential moving average of the weights, which is then what is evaluated and kept."""
    checkpoint_every: int = 1000
    """Steps between checkpoints; there is one at the end, too."""
    keep: int = 2
    """Newest checkpoints that stay on disk."""
    evaluate_every: int = 1000
    """Steps between evaluations; there is one at the end, too."""
    samples_every: int = 1000
    """Steps between sample pictures; there is one at the end, too."""
    log_every: int = 50
    """Steps between lines of the log; each holds means over these steps."""
    best: str | None = None
    """The metric by which the best weights are kept."""
    best_is: Literal["highest", "lowest"] = "highest"
    """Whether more or less of the metric `best` is better."""
    tensorboard: bool = False
    """Write TensorBoard files beside the log."""
    seed: int = 0
    """Order of the data, random numbers of the samples and of the network. Weights are made by the caller."""
    workers: int = 0
    """Processes per training process that load data; 0 loads in the training process."""
    launcher: Literal["none", "pytorch", "slurm"] = "none"
    """What started the processes of this run: nothing (there is one), torchrun, or srun."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto is cuda where there is a device."""
    threads: int | None = None
    """Threads of torch in each training process; by default as it finds them."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "keep", "log_every"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        for name in ("checkpoint_every", "evaluate_every", "samples_every"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        for name in ("weight_decay", "seed", "workers"):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        self._require("epochs", self.epochs is None or self.epochs > 0, "above 0")
        self._require("lr", self.lr > 0, "above 0")
        self._require("gamma", 0 < self.gamma <= 1, "in (0, 1]")
        self._require("momentum", 0 <= self.momentum < 1, "in [0, 1)")
        self._require("betas", all(0 <= beta < 1 for beta in self.betas), "in [0, 1)")
        self._require("milestones", all(0 < share < 1 for share in self.milestones), "in (0, 1)")
        self._require("warmup", self.warmup is None or 0 <= self.warmup < 1, "in [0, 1)")
        self._require("clip_norm", self.clip_norm is None or self.clip_norm > 0, "above 0")
        self._require("ema", self.ema is None or 0 < self.ema < 1, "in (0, 1)")
        self._require("threads", self.threads is None or self.threads >= 1, "1 or more")

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {allowed}, got {getattr(self, name)}")
