from __future__ import annotations

import numpy as np
import pytest
import torch

from maskreel.inpaint.deepfill.attention import attention_weights, contextual_attention


def patch(array: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """A square of an array (C, H, W), zeros beyond the border."""
    result = np.zeros((len(array), side, side))
    for y in range(side):
        for x in range(side):
            if 0 <= top + y < array.shape[1] and 0 <= left + x < array.shape[2]:
                result[:, y, x] = array[:, top + y, left + x]
    return result


def along_diagonal(scores: dict, order: list) -> dict:
    """Add to each score those of both pixels' predecessors and of both pixels' successors in an order."""
    place = {pixel: number for number, pixel in enumerate(order)}
    fused = dict.fromkeys(scores, 0.0)
    for p, q in scores:
        for step in (-1, 0, 1):
            a, b = place[p] + step, place[q] + step
            if 0 <= a < len(order) and 0 <= b < len(order):
                fused[p, q] += scores[order[a], order[b]]
    return fused


def slow_weights(features: np.ndarray, hole: np.ndarray) -> dict:
    """(at, from) -> weight, pair of patches by pair of patches."""
    height, width = hole.shape
    rows = [(y, x) for y in range(height) for x in range(width)]
    columns = [(y, x) for x in range(width) for y in range(height)]
    patches = {(y, x): patch(features, y - 1, x - 1, 3) for y, x in rows}
    usable = {(y, x): not patch(hole[None], y - 1, x - 1, 3).any() for y, x in rows}
    lengths = {q: max(np.sqrt((patches[q] ** 2).sum()), 1e-4) for q in rows}
    scores = {(p, q): (patches[p] * patches[q]).sum() / lengths[q] for p in rows for q in rows}
    scores = along_diagonal(along_diagonal(scores, rows), columns)
    powers = {(p, q): np.exp(10 * scores[p, q] * usable[q]) for p, q in scores}
    return {(p, q): powers[p, q] / sum(powers[p, r] for r in rows) * usable[q] for p, q in scores}


def slow_attention(features: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The map rebuilt by pasting patches of 4x4 pixels over each other."""
    canvas = np.zeros((len(features), features.shape[1] + 2, features.shape[2] + 2))
    for ((y, x), (v, u)), weight in slow_weights(features[:, ::2, ::2], hole).items():
        canvas[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += weight * patch(features, 2 * v - 1, 2 * u - 1, 4)
    return canvas[:, 1:-1, 1:-1] / 4


def random_case(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    features = torch.rand(3, 2 * height, 2 * width, generator=torch.Generator().manual_seed(1))
    hole = torch.zeros(height, width)
    hole[1, 2] = 1
    return features * 0.3, hole  # small, so that several patches share the weight


@pytest.mark.parametrize("size", [(4, 5), (6, 3), (1, 4), (5, 5)])
def test_agrees_with_loops_over_patches(size):
    features, hole = random_case(*(max(side, 3) for side in size))
    features, hole = features[:, : 2 * size[0], : 2 * size[1]], hole[: size[0], : size[1]]
    weights = attention_weights(features[:, ::2, ::2], hole)
    for (p, q), expected in slow_weights(features[:, ::2, ::2].numpy(), hole.numpy()).items():
        assert weights[(*p, *q)].item() == pytest.approx(expected, abs=1e-5)
    result = contextual_attention(features[None], hole[None, None])[0]
    np.testing.assert_allclose(result, slow_attention(features.numpy(), hole.numpy()), atol=1e-5)


def test_patches_that_touch_the_hole_are_not_used():
    features, hole = random_case(5, 6)
    weights = attention_weights(features[:, ::2, ::2], hole)
    assert not weights[:, :, :3, 1:4].any()
    assert weights[:, :, 3:].min() > 0
    assert weights.sum((2, 3)).max() <= 1 + 1e-6


def test_a_repeated_pattern_is_carried_on_into_the_hole():
    tile = torch.rand(8, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    features = (5 * tile).repeat(1, 4, 4)
    hole = torch.zeros(16, 16)
    hole[6:10, 6:10] = 1
    rebuilt = contextual_attention(features[None], hole[None, None])[0]
    inside = np.s_[:, 12:20, 12:20]
    torch.testing.assert_close(rebuilt[inside], features[inside], atol=1e-3, rtol=0)


def test_without_a_patch_outside_the_hole_there_is_nothing():
    features, hole = random_case(3, 4)
    assert not contextual_attention(features[None], torch.ones_like(hole)[None, None]).any()


def test_maps_of_a_batch_do_not_mix():
    features, hole = random_case(5, 4)
    batch, holes = torch.stack([features, features.flip(1)]), torch.stack([hole, hole.flip(0)])[:, None]
    together = contextual_attention(batch, holes)
    for i in range(2):
        alone = contextual_attention(batch[i : i + 1], holes[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone)
    assert not torch.allclose(together[0], together[1])
