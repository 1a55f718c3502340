"""Which process of a group saves, for commands that have not imported torch yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.common.training._config import TrainingConfig

__all__ = ["is_first"]


def is_first(config: TrainingConfig) -> bool:
    """Whether this process measures and saves; the others of a group only help to train."""
    name = {"none": None, "pytorch": "RANK", "slurm": "SLURM_PROCID"}[config.launcher]
    return name is None or os.environ.get(name, "0") == "0"
