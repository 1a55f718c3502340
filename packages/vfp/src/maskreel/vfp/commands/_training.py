"""What the verbs that train have in common: what they measure on, and the record beside the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.common.training import TrainingConfig, TrainingResult

__all__ = ["measured_on", "record"]


def measured_on(held_out: Sequence[Path], data: Sequence[Path]) -> list[Path]:
    """Data sets with a val split to measure on: those that are named, else those of the training that have one."""
    return list(held_out) or [root for root in data if (root / "val").is_dir()]


def record(
    config: TrainingConfig, result: TrainingResult, *, data: str, quality: Mapping[str, float]
) -> TrainingRecord:
    """How weights came about: data in words, this command, hardware, time and measured quality."""
    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.common.training import provenance

    return TrainingRecord(data=data, quality=quality, **provenance(config, result))
