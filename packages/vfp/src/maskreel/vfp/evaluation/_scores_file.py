"""The outcome of a test as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskreel.vfp.evaluation._evaluation import Evaluation

__all__ = ["as_json"]


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything in an evaluation as JSON knows it; what is infinite, such as the PSNR of a perfect frame, is null."""
    return _plain(asdict(evaluation))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
