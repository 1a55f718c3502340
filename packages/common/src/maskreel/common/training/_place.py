"""Which process of a group this is, for commands that have not imported torch yet or no group so far."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.common.training._config import TrainingConfig

__all__ = ["is_first", "place_in_group", "same_in_all"]


def place_in_group(config: TrainingConfig) -> tuple[int, int]:
    """Rank of this process and the number of processes, as the launcher of `config` tells them."""
    if config.launcher == "none":
        return 0, 1
    names = ("RANK", "WORLD_SIZE") if config.launcher == "pytorch" else ("SLURM_PROCID", "SLURM_NTASKS")
    return int(os.environ.get(names[0], "0")), int(os.environ.get(names[1], "1"))


def is_first(config: TrainingConfig) -> bool:
    """Whether this process measures and saves; the others of a group only help to train."""
    return place_in_group(config)[0] == 0


def same_in_all(value: float) -> float:
    """What the first process gives, in every process of the group; all must call it. Alone: `value`."""
    import torch
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return value
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    shared = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(shared, 0)
    return float(shared)
