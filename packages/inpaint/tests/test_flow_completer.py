from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.flow.completer import BackgroundCompleter, FlowPair, LaplaceCompleter
from maskreel.inpaint.flow.completion import complete_flow
from maskreel.inpaint.painting.harmonic import harmonic_fill


def _pairs(count: int = 3, *, hole: bool = True) -> list[FlowPair]:
    rng = np.random.default_rng(0)
    region = np.zeros((40, 60), bool)
    region[10:25, 20:40] = hole
    flows = rng.normal(size=(count, 2, 40, 60, 2)).astype(np.float32)
    return [FlowPair(forward, backward, region) for forward, backward in flows]


@pytest.mark.parametrize("completer", [BackgroundCompleter(), LaplaceCompleter()], ids=repr)
def test_outside_the_region_the_flow_is_the_input_bit_for_bit(completer: BackgroundCompleter | LaplaceCompleter):
    pairs = _pairs()
    results = list(completer(pairs))
    assert len(results) == len(pairs)
    for pair, result in zip(pairs, results, strict=True):
        known = ~pair.region
        assert np.array_equal(result.forward[known], pair.forward[known])
        assert np.array_equal(result.backward[known], pair.backward[known])
        assert np.array_equal(result.region, pair.region)
        assert not np.array_equal(result.forward, pair.forward)


def test_background_completer_passes_its_settings_to_complete_flow():
    pair = _pairs(1)[0]
    (result,) = BackgroundCompleter(reject_px=0.5, fade_px=7)([pair])
    assert np.array_equal(result.forward, complete_flow(pair.forward, pair.region, reject_px=0.5, fade_px=7))
    assert np.array_equal(result.backward, complete_flow(pair.backward, pair.region, reject_px=0.5, fade_px=7))
    assert repr(BackgroundCompleter(fade_px=7)) != repr(BackgroundCompleter())


def test_laplace_completer_continues_a_linear_flow():
    y, x = np.mgrid[:40, :60].astype(np.float32)
    flow = np.stack([0.1 * x - 2, 0.05 * y], -1)
    pair = FlowPair(np.where(_pairs(1)[0].region[..., None], 99, flow), flow, _pairs(1)[0].region)
    (result,) = LaplaceCompleter()([pair])
    assert np.abs(result.forward - flow).max() < 0.1
    assert np.array_equal(result.backward, harmonic_fill(flow, pair.region))


@pytest.mark.parametrize("completer", [BackgroundCompleter(), LaplaceCompleter()], ids=repr)
def test_pairs_are_pulled_one_by_one(completer: BackgroundCompleter | LaplaceCompleter):
    source = iter(_pairs(3))
    stream = completer(source)
    next(stream)
    assert len(list(source)) == 2


def test_a_pair_is_checked_and_prints_its_size():
    flow, region = np.zeros((4, 6, 2), np.float32), np.zeros((4, 6), bool)
    region[0] = True
    assert repr(FlowPair(flow, flow, region)) == "FlowPair(4x6, 25.0% untrusted)"
    with pytest.raises(ValueError, match=r"region must be bool \(H, W\), got uint8 \(4, 6\)"):
        FlowPair(flow, flow, region.astype(np.uint8))
    with pytest.raises(ValueError, match=r"forward must be float32 \(4, 6, 2\), got float64"):
        FlowPair(flow.astype(np.float64), flow, region)
    with pytest.raises(ValueError, match=r"backward must be float32 \(4, 6, 2\), got float32 \(4, 5, 2\)"):
        FlowPair(flow, flow[:, :5], region)
