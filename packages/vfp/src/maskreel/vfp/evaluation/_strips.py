"""Clips worth looking at: the best, the middling and the worst forecasts, with what is wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.vfp.show import draw_labels, error_map, strip
from maskreel.vfp.timeline import OBSERVED, TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from maskreel.common.datasets import VfpSequence

__all__ = ["Picked", "clip_strip", "pick_clips"]


@dataclass(frozen=True)
class Picked:
    """Places of clips in the data set."""

    best: tuple[int, ...]
    median: tuple[int, ...]
    worst: tuple[int, ...]


def pick_clips(scores: Sequence[float], count: int = 3) -> Picked:
    """The `count` best, most middling and worst clips; none stands in two of the lists.

    Args:
        scores: One for each clip.
        count: Fewer where there are fewer than three times as many clips.
    """
    if not scores:
        raise ValueError("scores must hold at least one clip's")
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    count = max(1, min(count, len(order) // 3))
    best, rest = order[:count], order[count:]
    between, worst = rest[:-count], rest[-count:]
    start = (len(between) - count + 1) // 2 if len(between) > count else 0
    return Picked(tuple(best), tuple(between[start : start + count]), tuple(reversed(worst)))


def clip_strip(video: VfpSequence, forecast: torch.Tensor) -> torch.Tensor:
    """The last observed frame, the last frame with the truth, the forecast over it, and where it is wrong.

    Args:
        video: With label maps.
        forecast: uint8 (H, W), of the last label map.

    Returns:
        uint8 (3, height, width), RGB.
    """
    labels = video.labels(TARGET, TARGET + 1)
    assert labels is not None, "only videos with label maps are evaluated"
    seen, last = video.frames(OBSERVED - 1, OBSERVED)[0], video.frames(TARGET, TARGET + 1)[0]
    pictures = (seen, draw_labels(last, labels[0]), draw_labels(last, forecast), error_map(forecast, labels[0]))
    return strip(pictures, ("frame 11", "truth over frame 22", "forecast over frame 22", "errors"))
