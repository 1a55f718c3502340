"""Contextual attention (Yu et al., CVPR 2018, section 4.1): features of the hole as mixtures of patches around it.

Foreground and background are the same map here. It is matched at half its size, that is every other pixel of it: patch
p is the 3x3 pixels around p, zeros beyond the border. (The published code has these pixels picked by `grid_sample`,
halfway between two, so that rounding and the version of torch decide which; they are 2 p wherever rounding is exact.)

The score of two patches is the sum, over the nine places in a patch, of dot products of single pixels, so the scores of
all pairs are one matrix product followed by sums along diagonals. Pasting patches of 4x4 pixels at stride 2 is taken
apart in the same way. Compared with products of whole patches, as in the published code, that takes a ninth and a
quarter of the multiplications.
"""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["attention_weights", "contextual_attention"]

_LEAST_NORM = 1e-4
_SOFTMAX_SCALE = 10.0


def contextual_attention(features: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    """Rebuild a map of features from its own patches outside the hole.

    Memory: three matrices of (h w)^2 floats at a time, for one map of the batch at a time.

    Args:
        features: float (N, C, 2 h, 2 w).
        hole: float (N, 1, h, w), above 0 in the hole.

    Returns:
        float (N, C, 2 h, 2 w); zeros where no patch lies outside the hole.
    """
    rebuilt = [_paste(attention_weights(x[:, ::2, ::2], y[0]), x) for x, y in zip(features, hole, strict=True)]
    return torch.stack(rebuilt)


def attention_weights(features: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    """How much of each patch goes where.

    Args:
        features: float (C, h, w).
        hole: float (h, w), above 0 in the hole. Patches that touch the hole are not used.

    Returns:
        float (h, w, h, w): [at, from], at least 0. The sums over "from" are at most 1, for patches that are not used
        take their share of the softmax with a score of 0, as in the published code.
    """
    height, width = hole.shape
    usable = functional.max_pool2d(hole[None], 3, 1, 1)[0] == 0
    scores = _fused(_scores(features)).view(height, width, -1)
    scores = scores.mul_(usable.flatten() * _SOFTMAX_SCALE).softmax(-1)
    return scores.mul_(usable.flatten()).view(height, width, height, width)


def _scores(features: torch.Tensor) -> torch.Tensor:
    """Cosine of patches but for the length of the first one: (C, h, w) -> (h, w, h, w)."""
    channels, height, width = features.shape
    flat = features.reshape(channels, -1)
    products = (flat.T @ flat).view(height, width, height, width)
    products = _diagonal_sum(products, 0, 2)
    products = _diagonal_sum(products, 1, 3)
    squares = functional.avg_pool2d(features.square().sum(0)[None], 3, 1, 1)[0] * 9
    return products.div_(squares.sqrt().clamp(min=_LEAST_NORM))


def _fused(scores: torch.Tensor) -> torch.Tensor:
    """Favour patches whose neighbours match each other's neighbours, along rows and then along columns.

    Sums along the diagonal of the matrix of all scores, with pixels numbered row by row and then column by column. The
    last pixel of a row has the first of the next row as its neighbour; this is how the network was trained.
    """
    count = scores.shape[0] * scores.shape[1]
    for _ in range(2):
        scores = _diagonal_sum(scores.view(count, count), 0, 1).view(scores.shape)
        scores = scores.permute(1, 0, 3, 2).contiguous()
    return scores


def _diagonal_sum(scores: torch.Tensor, at: int, source: int) -> torch.Tensor:
    """scores[.. i .. j ..] + scores[.. i - 1 .. j - 1 ..] + scores[.. i + 1 .. j + 1 ..], zero beyond the ends."""
    return _add_shifted(_add_shifted(scores.clone(), scores, at, source, 1), scores, at, source, -1)


def _add_shifted(total: torch.Tensor, scores: torch.Tensor, at: int, source: int, step: int) -> torch.Tensor:
    """total[i, j] += scores[i - step, j - step] along the dimensions `at` and `source`; step is 1 or -1."""
    into, out_of = (slice(1, None), slice(None, -1))[::step]
    here, there = ([slice(None)] * scores.ndim for _ in range(2))
    here[at] = here[source] = into
    there[at] = there[source] = out_of
    total[tuple(here)] += scores[tuple(there)]
    return total


def _paste(weights: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Paste weighted 4x4 patches at stride 2, four to a pixel: (h, w, h, w), (C, 2 h, 2 w) -> (C, 2 h, 2 w).

    Patch q covers the rows 2 q - 1 to 2 q + 2. So row 2 p lies in the patches pasted at p and at p - 1, and shows the
    row 2 q of the map in both where these come from q and q - 1; row 2 p + 1 lies in those pasted at p and at p + 1.
    """
    channels, height, width = features.shape[0], *weights.shape[:2]
    result = torch.empty_like(features)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = _add_shifted(weights.clone(), weights, 0, 2, 1 - 2 * row)
        share = _add_shifted(share.clone(), share, 1, 3, 1 - 2 * column)
        pixels = features[:, row::2, column::2].reshape(channels, -1)
        result[:, row::2, column::2] = (pixels @ share.view(height * width, -1).T).view(channels, height, width)
    return result / 4
