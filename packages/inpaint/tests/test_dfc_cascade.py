from __future__ import annotations

import pytest
import torch
from torch import nn

from maskreel.inpaint.dfc import Cascade, resize_flows, resize_masks


def _stage(channels_in: int, channels_out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels_in, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, channels_out, 3, padding=1))


@pytest.fixture
def cascade() -> Cascade:
    torch.manual_seed(0)
    return Cascade(_stage(33, 2), _stage(66, 4), _stage(66, 4))


def _clip(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(count)
    masks = torch.zeros(2, count, 1, 32, 48)
    masks[:, :, :, 8:20, 16:36] = 1
    return torch.randn(2, count, 2, 32, 48), torch.randn(2, count, 2, 32, 48), masks


def test_known_flow_is_handed_on_from_stage_to_stage(cascade: Cascade):
    forward, backward, masks = _clip(3)
    results = cascade(forward, backward, masks)
    assert [tuple(result.forward.shape) for result in results] == [
        (2, 3, 2, 16, 24),
        (2, 3, 2, 24, 32),
        (2, 3, 2, 32, 48),
    ]
    flows = (forward, backward)
    for result in results:
        size = (result.forward.shape[-2], result.forward.shape[-1])
        flows = tuple(resize_flows(flow, size) for flow in flows)
        assert torch.equal(result.masks, resize_masks(masks, size))
        known = (result.masks == 0).expand_as(result.forward)
        for found, given in zip((result.forward, result.backward), flows, strict=True):
            assert torch.equal(found[known], given[known])
            assert not torch.equal(found, given)
        flows = (result.forward, result.backward)


def test_kept_pairs_are_those_of_the_whole(cascade: Cascade):
    forward, backward, masks = _clip(30)
    with torch.no_grad():
        whole = cascade(forward[:1], backward[:1], masks[:1])
        some = cascade(forward[:1], backward[:1], masks[:1], keep=[29, 4])
    assert some[-1].pairs == (4, 29)
    assert some[1].pairs == (*range(11), *range(23, 30))
    for full, part in zip(whole, some, strict=True):
        rows = full.rows(part.pairs)
        assert torch.allclose(full.forward[:, rows], part.forward, atol=1e-6)
        assert torch.allclose(full.backward[:, rows], part.backward, atol=1e-6)


def test_three_stages_see_fifteen_flows_and_a_frame_on_either_side(cascade: Cascade):
    forward, backward = (torch.zeros(1, 40, 2, 8, 8, requires_grad=True) for _ in range(2))
    result = cascade(forward, backward, torch.ones(1, 40, 1, 8, 8), sizes=[(8, 8)] * 3, keep=[20])[-1]
    (result.forward.sum() + result.backward.sum()).backward()
    # Pair 20 is completed at frames 20 and 21; there stand forward flows 20 and 21, backward flows 19 and 20.
    for flows, first in ((forward, 20 - 15), (backward, 19 - 15)):
        assert flows.grad is not None
        used = flows.grad.abs().sum((0, 2, 3, 4)).nonzero()[:, 0].tolist()
        assert used == list(range(first, first + 15 + 1 + 15 + 1))


def test_all_stages_learn_from_the_last_result(cascade: Cascade):
    forward, backward, masks = _clip(2)
    result = cascade(forward, backward, masks)[-1]
    (result.forward.square().sum() + result.backward.square().sum()).backward()
    for name, parameter in cascade.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_a_clip_of_one_pair(cascade: Cascade):
    assert cascade(*_clip(1))[-1].forward.shape == (2, 1, 2, 32, 48)


def test_missing_stages_do_not_count():
    assert len(Cascade(_stage(33, 2)).sizes((480, 840))) == 1
    assert Cascade(_stage(33, 2)).sizes((480, 840)) == ((240, 424),)
    assert Cascade(_stage(33, 2), fractions=(1.0,)).sizes((480, 840), work_height=240) == ((240, 424),)


def test_wrong_use_is_refused(cascade: Cascade):
    with pytest.raises(ValueError, match="stage3 needs a stage2, which is None"):
        Cascade(_stage(33, 2), None, _stage(66, 4))
    with pytest.raises(ValueError, match="fractions must name a size for each of 2 stages"):
        Cascade(_stage(33, 2), _stage(66, 4), fractions=(1.0,))
    with pytest.raises(ValueError, match=r"keep must name pairs of 0..1, got \[2\]"):
        cascade(*_clip(2), keep=[2])
    with pytest.raises(ValueError, match=r"sizes must be one .* for each of 3 stages"):
        cascade(*_clip(2), sizes=[(8, 8)])
