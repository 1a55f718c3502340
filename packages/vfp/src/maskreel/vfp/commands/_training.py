"""What the verbs that train have in common: the record beside the weights."""

from __future__ import annotations

import platform
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.common.training import TrainingConfig, TrainingResult

__all__ = ["record"]


def record(
    config: TrainingConfig, result: TrainingResult, *, data: str, quality: Mapping[str, float]
) -> TrainingRecord:
    """How weights came about: data in words, this command, hardware, time and measured quality."""
    import torch

    from maskreel.common.maskrcnn import TrainingRecord

    device = torch.cuda.get_device_name() if torch.cuda.is_available() and config.device != "cpu" else None
    return TrainingRecord(
        data=data,
        command=shlex.join(["maskreel", *sys.argv[1:]]),
        steps=result.steps,  # with --epochs, not the config's
        hardware=device or f"{platform.machine()} CPU, {config.threads or torch.get_num_threads()} threads",
        seconds=round(result.seconds),
        quality=quality,
    )
