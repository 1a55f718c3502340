"""All that is measured about some runs, before it becomes a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from maskreel.inversion.report.distribution import KernelDistance
    from maskreel.inversion.report.memorisation import Nearest
    from maskreel.inversion.report.score import VerifierScore
    from maskreel.inversion.report.temporal import Steadiness

__all__ = ["Evidence", "Opinion"]


@dataclass
class Opinion:
    """What one verifier says."""

    name: str
    is_teacher: bool = False
    scores: dict[str, list[VerifierScore]] = field(default_factory=dict)
    """Kind of picture -> one score per sequence."""
    strips: dict[str, torch.Tensor] = field(default_factory=dict)
    """Sequence -> picture, uint8 (3, H, W)."""


@dataclass
class Evidence:
    """What `examine` measures; kinds of picture are those of `KINDS`."""

    sequences: list[str]
    frames: list[int]
    """Frames of each sequence that were looked at."""
    total_frames: list[int]
    min_pixels: int
    opinions: list[Opinion] = field(default_factory=list)
    teacher: str | None = None
    self_scores: dict[str, list[VerifierScore]] = field(default_factory=dict)
    """Kind of picture -> one score per sequence, by the teacher, boxes and classes given."""
    statistics: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """Kind of picture -> distance of each layer, per sequence."""
    statistics_batch: int = 0
    flow_source: str | None = None
    steadiness: dict[str, dict[str, Steadiness]] = field(default_factory=dict)
    """Sequence -> kind of picture -> numbers."""
    nearest: dict[str, dict[str, list[Nearest]]] = field(default_factory=dict)
    """Kind of picture -> "own video" or "other videos" -> the nearest real frames, all sequences together."""
    distribution: dict[str, KernelDistance | str] = field(default_factory=dict)
    """Kind of picture -> distance from real frames, or why there is none."""
    records: list[Mapping[str, Any]] = field(default_factory=list)
    """What each run wrote down."""
    notes: list[str] = field(default_factory=list)
    """What was not measured, and why."""
