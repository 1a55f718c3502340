"""What the record beside weights tells of how they came about."""

from __future__ import annotations

import platform
import shlex
import sys
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from maskreel.common.training._config import TrainingConfig
    from maskreel.common.training._outcome import TrainingResult


class Provenance(TypedDict):
    """Of trained weights."""

    command: str
    steps: int
    hardware: str
    seconds: int


def provenance(config: TrainingConfig, result: TrainingResult) -> Provenance:
    """This command, the steps that were done, the device and the time that they took."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() and config.device != "cpu" else None
    return {
        "command": shlex.join(["maskreel", *sys.argv[1:]]),
        "steps": result.steps,  # with `epochs`, not the config's
        "hardware": device or f"{platform.machine()} CPU, {config.threads or torch.get_num_threads()} threads",
        "seconds": round(result.seconds),
    }
