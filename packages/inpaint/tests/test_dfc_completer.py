from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.inpaint.dfc import DFCS, Cascade, DFCCompleter, Precision, initialise
from maskreel.inpaint.dfc.dfc_s import MultiScaleHead
from maskreel.inpaint.flow.completer import FlowPair

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = (64, 96)
SIZES = ((32, 48), (40, 64), SIZE)


class Coarse(nn.Module):
    """Sees 8 to 28 pixels, on a grid of 8 pixels, so that a crop that is not aligned gives itself away."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels_in, 6, 8, stride=8)
        self.near = nn.Conv2d(channels_in, 6, 5, padding=2)
        self.out = nn.Conv2d(6, channels_out, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        coarse = self.down(x).repeat_interleave(8, -1).repeat_interleave(8, -2)
        return self.out(torch.tanh(coarse + self.near(x)))


class Centre(nn.Module):
    """Answers the middle flow of its window plus a constant."""

    def __init__(self, plus: tuple[float, float] = (0.0, 0.0), *, both: bool = False) -> None:
        super().__init__()
        self.both, self.plus = both, torch.tensor(plus)[:, None, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, 15:17] + self.plus, *([x[:, 48:50] + self.plus] if self.both else [])], 1)


class Failing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("there is nothing to complete")


def _coarse_cascade() -> Cascade:
    torch.manual_seed(0)
    return Cascade(Coarse(33, 2), Coarse(66, 4), Coarse(66, 4))


def _pairs(count: int, *, size: tuple[int, int] = SIZE, without: tuple[int, ...] = ()) -> list[FlowPair]:
    """A hole that moves; some pairs have none."""
    rng = np.random.default_rng(1)
    flows = 3 * rng.normal(size=(count, 2, *size, 2)).astype(np.float32)
    regions = np.zeros((count, *size), bool)
    for t in range(count):
        if t not in without:
            regions[t, 20:44, 4 * t : 4 * t + 30] = True
    return [FlowPair(forward, backward, region) for (forward, backward), region in zip(flows, regions, strict=True)]


def _at_once(cascade: Cascade, pairs: list[FlowPair]) -> list[FlowPair]:
    """The whole clip through `Cascade`, uncropped."""

    def stacked(flows: list[np.ndarray]) -> torch.Tensor:
        first = [initialise(flow, pair.region) for flow, pair in zip(flows, pairs, strict=True)]
        return torch.from_numpy(np.stack(first)).permute(0, 3, 1, 2)[None]

    masks = torch.from_numpy(np.stack([pair.region for pair in pairs]))[None, :, None]
    forward, backward = stacked([pair.forward for pair in pairs]), stacked([pair.backward for pair in pairs])
    with torch.no_grad():
        result = cascade(forward, backward, masks, sizes=SIZES[-len(cascade.stages) :])[-1]
    forward, backward = result.forward[0], result.backward[0]
    return [
        FlowPair(_inside(p.forward, forward[i], p.region), _inside(p.backward, backward[i], p.region), p.region)
        for i, p in enumerate(pairs)
    ]


def _inside(given: np.ndarray, flow: torch.Tensor, region: np.ndarray) -> np.ndarray:
    return np.where(region[..., None], flow.permute(1, 2, 0).numpy(), given)


def _same(found: list[FlowPair], expected: list[FlowPair], atol: float = 1e-5) -> bool:
    return len(found) == len(expected) and all(
        np.allclose(a.forward, b.forward, atol=atol) and np.allclose(a.backward, b.backward, atol=atol)
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("count", [1, 3, 17])
@pytest.mark.parametrize(
    "options", [{"context": None}, {"context": 24}, {"context": 24, "tile": 80, "batch": 5}], ids=str
)
def test_streamed_crops_and_tiles_equal_the_whole_at_once(count: int, options: dict[str, Any]):
    cascade, pairs = _coarse_cascade(), _pairs(count, without=(4, 5))
    found = list(DFCCompleter(cascade, sizes=SIZES, **options)(pairs))
    assert _same(found, _at_once(cascade, pairs))
    assert not _same(found, pairs, atol=1e-2)
    for pair, result in zip(pairs, found, strict=True):
        known = ~pair.region
        assert np.array_equal(result.forward[known], pair.forward[known])
        assert np.array_equal(result.backward[known], pair.backward[known])


def test_too_little_context_shows():
    cascade, pairs = _coarse_cascade(), _pairs(3)
    assert not _same(list(DFCCompleter(cascade, sizes=SIZES, context=0)(pairs)), _at_once(cascade, pairs))


def test_a_hole_that_comes_and_goes_far_away():
    cascade, pairs = _coarse_cascade(), _pairs(40, without=(*range(14), 15, *range(17, 39)))
    found = list(DFCCompleter(cascade, sizes=SIZES, context=24)(iter(pairs)))
    assert _same(found, _at_once(cascade, pairs))
    assert found[3] is pairs[3]


def test_time_ordered_first_stages():
    cascade, pairs = _coarse_cascade(), _pairs(7)
    cascade.stage1.__dict__["time_ordered"] = True
    assert _same(list(DFCCompleter(cascade, sizes=SIZES, context=None)(pairs)), _at_once(cascade, pairs))


def test_pairs_without_holes_reach_no_network():
    pairs = _pairs(30, without=tuple(range(30)))
    found = list(DFCCompleter(Cascade(Failing(), Failing()))(pairs))
    assert all(a is b for a, b in zip(found, pairs, strict=True))
    assert list(DFCCompleter(Cascade(Failing()))([])) == []


@pytest.mark.parametrize(("stages", "batch", "most"), [(1, 1, 6), (3, 1, 20), (3, 4, 29)])
def test_a_bounded_number_of_pairs_is_pulled_ahead(stages: int, batch: int, most: int):
    networks = [Centre(), Centre(both=True), Centre(both=True)][:stages]
    pulled = 0

    def source() -> Iterator[FlowPair]:
        nonlocal pulled
        for pair in _pairs(60, size=(16, 24)):
            pulled += 1
            yield pair

    ahead = [pulled - done for done, _ in enumerate(DFCCompleter(Cascade(*networks), batch=batch)(source()), 1)]
    assert len(ahead) == 60
    assert 5 < max(ahead) <= most


def test_the_first_guess_survives_where_the_networks_leave_it():
    pairs = _pairs(3, size=(101, 150))
    cascade = Cascade(Centre(), Centre(both=True))
    for how in ("laplace", "background"):
        found = list(DFCCompleter(cascade, initial=how, work_height=60)(pairs))
        guesses = [
            FlowPair(initialise(p.forward, p.region, how), initialise(p.backward, p.region, how), p.region)
            for p in pairs
        ]
        # One stage stretches what the other has shrunk; that loss alone is left.
        assert _same(found, guesses, atol=2.5)
        single = DFCCompleter(Cascade(Centre()), initial=how, work_height=60)
        assert _same(list(single(pairs)), guesses, atol=1e-5)


def test_what_a_stage_adds_at_a_small_size_is_scaled_to_the_frame():
    pairs = _pairs(2, size=(96, 160))
    completer = DFCCompleter(Cascade(Centre((1.0, -2.0))), sizes=[(24, 80)])
    for pair, result in zip(pairs, completer(pairs), strict=True):
        change = result.forward - initialise(pair.forward, pair.region)
        deep = np.zeros_like(pair.region)
        deep[28:36, 8:22] = True  # inside of both holes, away from their rims
        assert np.allclose(change[deep], [1 * 160 / 80, -2 * 96 / 24], atol=1e-4)
        assert (change[~pair.region] == 0).all()


def test_completion_is_deterministic_and_leaves_its_input_alone():
    cascade, pairs = _coarse_cascade(), _pairs(5)
    copies = [FlowPair(p.forward.copy(), p.backward.copy(), p.region.copy()) for p in pairs]
    state = {key: value.clone() for key, value in cascade.state_dict().items()}
    completer = DFCCompleter(cascade)
    assert _same(list(completer(pairs)), list(completer(pairs)), atol=0)
    assert _same(pairs, copies, atol=0)
    assert all(torch.equal(value, state[key]) for key, value in cascade.state_dict().items())
    assert cascade.training


def test_dfc_s_is_folded_without_a_difference():
    torch.manual_seed(0)
    network = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=(1, 1, 1, 1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4)
    pairs = _pairs(1)
    found = list(DFCCompleter(Cascade(network), sizes=[SIZE], context=None)(pairs))
    assert _same(found, _at_once(Cascade(network), pairs), atol=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near(precision: Precision):
    cascade, pairs = Cascade(_coarse_cascade().stage1), _pairs(1)
    full, half = (list(DFCCompleter(cascade, precision=p)(pairs)) for p in ("auto", precision))
    assert _same(half, full, atol=0.1)
    assert not _same(half, full, atol=1e-6)


def test_a_batch_that_overflows_is_done_again():
    class Large(Centre):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.conv2d(x, torch.full((2, 33, 1, 1), 3e4)) * 1e-6

    pairs = _pairs(2)
    full, half = (list(DFCCompleter(Cascade(Large()), precision=p)(pairs)) for p in ("float32", "float16"))
    assert _same(half, full, atol=0)


def test_broken_weights_are_told():
    with pytest.raises(InputError, match=r"DFC-Net x.pth answers NaN or infinity; its weights or the flow are broken"):
        list(DFCCompleter(Cascade(Centre((float("nan"), 0.0))), name="x.pth")(_pairs(1)))


def test_repr_tells_what_decides_the_flows():
    cascade = Cascade(Centre())
    shown = repr(DFCCompleter(cascade, name="small 1234abcd"))
    assert shown == (
        "DFCCompleter('small 1234abcd', initial='laplace', fractions=(0.5,), work_height=480, context=64, tile=512, "
        "dtype=torch.float32)"
    )
    others = [{"initial": "background"}, {"work_height": 240}, {"sizes": [(8, 8)]}, {"context": 16}, {"tile": 200}]
    assert len({repr(DFCCompleter(cascade, **other)) for other in others} | {shown}) == 6
    assert repr(DFCCompleter(cascade, name="small 1234abcd", batch=7)) == shown


def test_wrong_use_is_refused(monkeypatch: pytest.MonkeyPatch):
    cascade = Cascade(Centre())
    with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
        DFCCompleter(cascade, batch=0)
    with pytest.raises(ValueError, match="initial must be one of laplace, background, got 'zero'"):
        DFCCompleter(cascade, initial="zero")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="precision must be one of auto, float32, bfloat16, float16, got 'half'"):
        DFCCompleter(cascade, precision="half")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="sizes must be one for each of 1 stages"):
        DFCCompleter(cascade, sizes=SIZES)
    with pytest.raises(ValueError, match="work_height must be positive"):
        DFCCompleter(cascade, work_height=0)
    with pytest.raises(ValueError, match=r"pairs must be of one size, got \(16, 24\) after \(64, 96\)"):
        list(DFCCompleter(cascade)([*_pairs(1), *_pairs(1, size=(16, 24))]))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device"):
        DFCCompleter(cascade, device="cuda")
