"""What the verbs that train have in common: the record beside the weights."""

from __future__ import annotations

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
    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.common.training import provenance

    return TrainingRecord(data=data, quality=quality, **provenance(config, result))
