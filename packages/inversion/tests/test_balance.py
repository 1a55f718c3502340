"""The balance: wanted shares are reached, whatever the factor of a term, the batch and the size."""

from __future__ import annotations

import math

import pytest
import torch

from maskreel.inversion.balance import Balance, Measure, balance, measure
from maskreel.inversion.priors import l2_norm, tv_l1, tv_l2

SHARES = {"tv_l1": 0.5, "tv_l2": 0.3, "l2": 0.2}


def terms_of(images: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"tv_l1": tv_l1(images), "tv_l2": tv_l2(images), "l2": l2_norm(images)}


def noise(batch: int = 2, side: int = 32) -> torch.Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(1)).requires_grad_()


def test_weights_by_hand() -> None:
    measures = {"mask": Measure(1.0, 4.0), "tv": Measure(1.0, 0.5)}
    found = balance(measures, {"mask": 3, "tv": 1})
    assert found.weights == pytest.approx({"mask": 0.75 / 4, "tv": 0.25 / 0.5})
    assert found.shares == pytest.approx({"mask": 0.75, "tv": 0.25})


def test_the_measured_gradient_by_hand() -> None:
    # the slope of the mean square is 2 x / n: its root mean square, times n, is 2 rms(x)
    images = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 4, 5).clone().requires_grad_()
    found = measure({"square": images.square().mean(dim=(1, 2, 3))}, images)
    assert found["square"].value == pytest.approx(5.0)
    assert found["square"].gradient == pytest.approx(4.0)


def test_the_shares_are_those_of_the_gradient_of_the_weighted_terms() -> None:
    images = noise(batch=1)
    terms = terms_of(images)
    found = balance(measure(terms, images), SHARES)
    norms = {}
    for name, term in terms.items():
        (slope,) = torch.autograd.grad(found.weights[name] * term.sum(), images, retain_graph=True)
        norms[name] = float(slope.norm())
    whole = sum(norms.values())
    assert {name: norm / whole for name, norm in norms.items()} == pytest.approx(SHARES, rel=1e-4)


@pytest.mark.parametrize("factor", [1e-3, 1000.0])
@pytest.mark.parametrize("bound", [1.01, 10.0])
def test_a_factor_of_a_term_divides_its_weight_and_changes_no_other(factor: float, bound: float) -> None:
    images = noise()
    terms = terms_of(images)
    plain = balance(measure(terms, images), SHARES, bound=bound)
    scaled = balance(measure({**terms, "tv_l2": factor * terms["tv_l2"]}, images), SHARES, bound=bound)
    assert scaled.weights == pytest.approx({**plain.weights, "tv_l2": plain.weights["tv_l2"] / factor}, rel=1e-4)


def test_weights_depend_neither_on_the_size_nor_on_the_batch() -> None:
    found = []
    for batch, side in ((1, 32), (6, 32), (2, 128)):
        images = noise(batch, side)
        found.append(balance(measure(terms_of(images), images), SHARES).weights)
    assert found[1] == pytest.approx(found[0], rel=0.05)
    assert found[2] == pytest.approx(found[0], rel=0.05)


def test_a_term_for_the_whole_batch_weighs_as_one_for_each_image() -> None:
    images = noise(4)
    terms = terms_of(images)
    each = measure(terms, images)
    whole = measure({name: term.mean() for name, term in terms.items()}, images)
    for name in terms:
        assert whole[name].gradient == pytest.approx(each[name].gradient)
        assert whole[name].value == pytest.approx(each[name].value)


def test_measuring_leaves_the_graph_and_the_gradients_alone() -> None:
    images = noise()
    terms = terms_of(images)
    measure(terms, images)
    assert images.grad is None
    sum(term.sum() for term in terms.values()).backward()  # pyright: ignore[reportAttributeAccessIssue]
    assert images.grad is not None


def test_measuring_twice_gives_the_same() -> None:
    images = noise()
    assert measure(terms_of(images), images) == measure(terms_of(images), images)


def test_a_term_that_does_not_see_the_images_has_no_weight_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    images, other = noise(), torch.ones(2, requires_grad=True)
    terms = {"tv": tv_l1(images), "constant": torch.ones(2), "elsewhere": 2 * other}
    with caplog.at_level("WARNING"):
        found = balance(measure(terms, images), dict.fromkeys(terms, 1.0))
    assert [record.args for record in caplog.records] == [("constant",), ("elsewhere",)]
    assert found.weights["constant"] == found.weights["elsewhere"] == 0
    assert found.shares == {"tv": 1.0, "constant": 0.0, "elsewhere": 0.0}


def test_a_share_of_nothing_is_a_weight_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        found = balance({"a": Measure(1, 1), "b": Measure(1, 1)}, {"a": 2.0, "b": 0.0})
    assert found.weights == {"a": 1.0, "b": 0.0}
    assert not caplog.records


def test_a_vanished_slope_far_from_done_does_not_take_over() -> None:
    measures = {"a": Measure(1, 1), "b": Measure(2, 1), "saturated": Measure(9, 1e-9)}
    found = balance(measures, dict.fromkeys(measures, 1.0), bound=10)
    # the weighted values are 1/3, 2/3 and 3e9; the median of them, for a share of 1/3 each, is 2/3
    assert found.weights["saturated"] * 9 == pytest.approx(10 * 2 / 3)
    assert found.weights["a"] == pytest.approx(1 / 3)


def test_weights_stay_near_the_previous_ones() -> None:
    before = balance({"a": Measure(1, 1), "b": Measure(1, 1), "c": Measure(1, 1)}, {"a": 1, "b": 1, "c": 1})
    now = {"a": Measure(1e-4, 1e-4), "b": Measure(50, 50), "c": Measure(1.0, 2.0)}
    found = balance(now, {"a": 1, "b": 1, "c": 1}, previous=before, bound=10)
    assert found.weights == pytest.approx({"a": 10 / 3, "b": 1 / 30, "c": 1 / 6})


def test_a_term_that_falls_silent_keeps_its_weight() -> None:
    shares = {"a": 1.0, "b": 1.0}
    before = balance({"a": Measure(1, 1), "b": Measure(1, 4)}, shares)
    found = balance({"a": Measure(1, 1), "b": Measure(0, 0)}, shares, previous=before)
    assert found.weights["b"] == before.weights["b"] == 0.125
    off = balance({"a": Measure(1, 1), "b": Measure(1, 4)}, {"a": 1.0, "b": 0.0}, previous=before)
    assert off.weights["b"] == 0


def test_the_total_is_the_weighted_sum_of_means() -> None:
    found = Balance({"a": 2.0, "b": 0.5}, {"a": 0.5, "b": 0.5}, {"a": Measure(1, 1), "b": Measure(1, 1)})
    assert found.total({"a": torch.tensor([1.0, 3.0]), "b": torch.tensor(4.0)}).item() == 6.0


def test_prints_one_line() -> None:
    found = balance({"mask": Measure(0.7, 4), "tv_l1": Measure(0.25, 0.5)}, {"mask": 3, "tv_l1": 1})
    assert str(found) == "mask 0.188 (75%, loss 0.7) | tv_l1 0.5 (25%, loss 0.25)"


def test_refuses_what_it_cannot_balance() -> None:
    measures = {"a": Measure(1, 1)}
    with pytest.raises(ValueError, match=r"shares must name the terms \['a'\], got \['b'\]"):
        balance(measures, {"b": 1.0})
    for share in (-1.0, 0.0, math.inf):
        with pytest.raises(ValueError, match="shares must be 0 or more and one of them above 0"):
            balance(measures, {"a": share})
    with pytest.raises(ValueError, match="bound must be above 1, got 1"):
        balance(measures, {"a": 1.0}, bound=1)
    with pytest.raises(ValueError, match="the term 'a' must be finite"):
        balance({"a": Measure(1, math.nan)}, {"a": 1.0})
