from __future__ import annotations

import pytest
import torch

from maskreel.inpaint.dfc import PUBLISHED_SIZES, resize_flows, resize_masks, stage_sizes


def test_sizes_of_the_stages():
    assert stage_sizes((480, 840)) == ((240, 424), (320, 560), (480, 840))
    assert [height for height, _ in PUBLISHED_SIZES] == [240, 320, 480]
    assert stage_sizes((1080, 1920)) == ((240, 424), (320, 568), (480, 856))
    assert stage_sizes((1080, 1920), work_height=None)[-1] == (1080, 1920)
    assert stage_sizes((240, 432), fractions=(1.0,), work_height=480) == ((240, 432),)
    assert stage_sizes((5, 3), fractions=(0.5,)) == ((8, 8),)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="size must be positive"):
        stage_sizes((0, 3))
    with pytest.raises(ValueError, match="fractions must be above 0 and at most 1, and at least one, got"):
        stage_sizes((8, 8), fractions=(0.5, 1.5))
    with pytest.raises(ValueError, match="fractions must be"):
        stage_sizes((8, 8), fractions=())
    with pytest.raises(ValueError, match="work_height must be positive or None, got 0"):
        stage_sizes((8, 8), work_height=0)


def test_resized_flow_still_leads_to_the_same_places():
    flow = torch.tensor([6.0, -4.0])[:, None, None].expand(3, 2, 40, 60)
    small = resize_flows(flow, (20, 15))
    assert small.shape == (3, 2, 20, 15)
    torch.testing.assert_close(small[:, 0], torch.full((3, 20, 15), 6 * 15 / 60))
    torch.testing.assert_close(small[:, 1], torch.full((3, 20, 15), -4 * 20 / 40))
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    zoom = torch.stack([(x + 0.5) * 0.1, (y + 0.5) * 0.1])  # x = 0 at the image's edge, at any size
    inner = resize_flows(zoom, (80, 120))[:, 2:-2, 2:-2]
    expected = ((torch.arange(120.0) + 0.5) * 0.1)[None, 2:-2].expand(76, -1)
    torch.testing.assert_close(inner[0], expected)


def test_flow_is_limited_to_the_image_and_gradients_pass():
    flow = torch.tensor([500.0, -500.0])[:, None, None].expand(2, 10, 20)
    assert resize_flows(flow, (10, 20))[:, 0, 0].tolist() == [20, -10]
    assert resize_flows(flow, (5, 40))[:, 0, 0].tolist() == [40, -5]
    leaf = torch.ones(2, 10, 20, requires_grad=True)
    resize_flows(leaf, (5, 5)).sum().backward()
    assert leaf.grad is not None
    assert float(leaf.grad.sum()) == pytest.approx(25 * (5 / 20 + 5 / 10))


def test_a_small_mask_is_set_wherever_a_pixel_under_it_is():
    mask = torch.zeros(2, 1, 40, 60)
    mask[1, 0, 21, 33] = 1
    small = resize_masks(mask, (10, 20))
    assert small.sum((1, 2, 3)).tolist() == [0, 1]
    assert bool(small[1, 0, 5, 11])
    odd = torch.zeros(1, 1, 7, 7, dtype=torch.bool)
    odd[0, 0, 3] = True
    assert resize_masks(odd, (2, 7)).all()
    assert resize_masks(odd, (2, 7)).dtype == torch.bool
