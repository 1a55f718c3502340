from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from maskreel.inpaint.flow.estimation import DISFlow


def texture(height: int, width: int) -> np.ndarray:
    """Smooth random texture, uint8 (H, W, 3)."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.interp(blurred, (blurred.min(), blurred.max()), (0, 255)).astype(np.uint8)


def batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]


def shifted_pair(dx: int, dy: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of one texture; a pixel p of the first lies at p + (dx, dy) in the second."""
    plane = texture(180, 220)
    return batch(plane[20:148, 20:180]), batch(plane[20 - dy : 148 - dy, 20 - dx : 180 - dx])


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_finds_a_shift(preset, scale):
    first, second = shifted_pair(5, -3)
    flow = DISFlow(preset, scale=scale)(first, second)
    assert flow.shape == (1, 2, 128, 160)
    assert flow.dtype == torch.float32
    inner = flow[0, :, 16:-16, 16:-16]
    torch.testing.assert_close(inner.flatten(1).median(1).values, torch.tensor([5.0, -3.0]), atol=0.25, rtol=0)
    assert (inner - torch.tensor([5.0, -3.0])[:, None, None]).norm(dim=0).quantile(0.9) < 0.5


def test_is_deterministic_for_any_number_of_threads():
    first, second = shifted_pair(4, 2)
    before = cv2.getNumThreads()
    try:
        flows = []
        for threads in (1, 2, 3):
            cv2.setNumThreads(threads)
            flows.append(DISFlow()(first, second))
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(flows[0], flows[1])
    assert torch.equal(flows[0], flows[2])


def test_pairs_of_a_batch_are_independent():
    first, second = shifted_pair(4, 2)
    flow = DISFlow("fast")(torch.cat([first, second]), torch.cat([second, first]))
    assert torch.equal(flow[:1], DISFlow("fast")(first, second))
    assert torch.equal(flow[1:], DISFlow("fast")(second, first))


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (50, 3), (11, 11), (12, 7), (17, 33)])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_any_size(size, scale):
    image = batch(texture(*size))
    flow = DISFlow(scale=scale)(image, image)
    assert flow.shape == (1, 2, *size)
    assert flow.abs().max() < 0.5


def test_no_pairs():
    frames = torch.zeros((0, 3, 20, 30), dtype=torch.uint8)
    assert DISFlow()(frames, frames).shape == (0, 2, 20, 30)


def test_refuses_what_it_does_not_know():
    frames = torch.zeros((1, 3, 20, 20), dtype=torch.uint8)
    with pytest.raises(ValueError, match="preset must be one of ultrafast, fast, medium, got 'slow'"):
        DISFlow("slow")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="scale must be above 0 and at most 1, got 0"):
        DISFlow(scale=0)
    with pytest.raises(TypeError, match=r"second must be a torch\.uint8 tensor, got torch\.float32"):
        DISFlow()(frames, frames.float())
    with pytest.raises(ValueError, match=r"first must have shape \(N, 3, H, W\), got \(3, 20, 20\)"):
        DISFlow()(frames[0], frames)
    with pytest.raises(ValueError, match="must have one shape"):
        DISFlow()(frames, frames[..., :10])
