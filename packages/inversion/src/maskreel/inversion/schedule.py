"""When what is done: the learning rate of every step, and the sizes from coarse to fine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stage", "learning_rate", "stages", "steps_of"]


def learning_rate(
    step: int, steps: int, base: float, warmup: int = 0, kind: Literal["cosine", "constant"] = "cosine"
) -> float:
    """The rate of step number `step`, from 0, of `steps`.

    It rises in equal parts to `base` at the last of `warmup` steps; after them it stays, or falls to nearly 0 along
    half a cosine. With cosine this is the curve of DeepInversion (Yin et al. 2020), which begins anew in every stage.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step must be in [0, {steps}), got {step}")
    if not 0 <= warmup <= steps:
        raise ValueError(f"warmup must be between 0 and {steps} steps, got {warmup}")
    if kind not in ("cosine", "constant"):
        raise ValueError(f"kind must be 'cosine' or 'constant', got {kind!r}")
    if step < warmup:
        return base * (step + 1) / warmup
    if kind == "constant":
        return base
    return base * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


@dataclass(frozen=True)
class Stage:
    """A part of the optimisation, at one size."""

    size: tuple[int, int]
    """(height, width) in pixels."""
    share: float
    """Of all steps, in (0, 1]."""


def stages(size: tuple[int, int], count: int, multiple: int = 8) -> list[Stage]:
    """Coarse to fine: every stage twice the size of the one before with half its steps; the last is `size` itself.

    Two stages are the 2,000 and 1,000 iterations of DeepInversion (Yin et al. 2020).

    Args:
        size: (height, width) in pixels.
        count: Number of stages, 1 or more.
        multiple: Coarse heights and widths are rounded to the nearest multiple of this, for networks that would pad.

    Raises:
        ValueError: `count` or `multiple` is below 1, or the coarsest stage would be smaller than one multiple.
    """
    if count < 1 or multiple < 1:
        raise ValueError(f"count and multiple must be 1 or more, got {count} and {multiple}")
    if min(size) < multiple * 2 ** (count - 1):
        raise ValueError(
            f"{count} stages halve the size {size} below {multiple} pixels: "
            f"height and width must be {multiple * 2 ** (count - 1)} or more"
        )
    halvings = range(count - 1, -1, -1)
    return [Stage(_coarser(size, 2**k, multiple), 2**k / (2**count - 1)) for k in halvings]


def steps_of(plan: Sequence[Stage], steps: int) -> list[int]:
    """Whole steps of every stage, which sum to `steps`; each has one at least.

    Raises ValueError for fewer steps than stages.
    """
    if steps < len(plan):
        raise ValueError(f"steps must be {len(plan)} or more, one for each stage, got {steps}")
    free = steps - len(plan)
    ends = [round(free * sum(stage.share for stage in plan[: k + 1])) for k in range(len(plan))]
    return [1 + end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _coarser(size: tuple[int, int], factor: int, multiple: int) -> tuple[int, int]:
    if factor == 1:
        return size
    height, width = (max(multiple, math.floor(side / factor / multiple + 0.5) * multiple) for side in size)
    return height, width
