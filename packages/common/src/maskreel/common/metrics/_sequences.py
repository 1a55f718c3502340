"""What the scores of the frames of one video say together: recall and decay, by the definitions of DAVIS.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


def recall(scores: torch.Tensor | Sequence[float], threshold: float = 0.5) -> float:
    """The share of frames that score more than `threshold`.

    Args:
        scores: (T,) one score per frame, T at least 1, finite.
        threshold: not reached by a score equal to it.
    """
    return float((_check_scores(scores) > threshold).double().mean())


def decay(scores: torch.Tensor | Sequence[float]) -> float:
    """Mean score of the first quarter of the frames minus that of the last: 0 is steady, above 0 is getting worse.

    As in DAVIS, neighbouring quarters share the frame between them, and its index is rounded half up.

    Args:
        scores: (T,) one score per frame, in the order of time, T at least 1, finite.
    """
    scores = _check_scores(scores)
    last = len(scores) - 1
    first_end, last_start = ((i * last + 2) // 4 for i in (1, 3))  # round(i * last / 4)
    return float(scores[: first_end + 1].mean() - scores[last_start:].mean())


def _check_scores(scores: torch.Tensor | Sequence[float]) -> torch.Tensor:
    scores = scores.detach().cpu() if isinstance(scores, torch.Tensor) else scores
    scores = torch.as_tensor(scores, dtype=torch.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"scores must have shape (T,) with T at least 1, got {tuple(scores.shape)}")
    if not scores.isfinite().all():
        raise ValueError(f"scores must be finite, frame {int((~scores.isfinite()).nonzero()[0])} is not")
    return scores
