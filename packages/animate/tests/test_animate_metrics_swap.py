from __future__ import annotations

import math

import pytest
import torch

from maskreel.animate.metrics import SwapScore, bleed, leak, regions, seam
from maskreel.common.masks import feather


def pictures(count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Animated frames, what comes behind, and where the subject is."""
    rng = torch.Generator().manual_seed(0)
    animated, backdrop = (torch.rand(count, 3, 40, 40, generator=rng) for _ in range(2))
    subject = torch.zeros(count, 40, 40, dtype=torch.bool)
    subject[:, 10:30, 12:28] = True
    return animated, backdrop[:1].expand_as(animated).contiguous(), subject


def pasted(animated: torch.Tensor, backdrop: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
    return torch.where(subject[:, None], animated, backdrop)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_leak_is_the_share_of_the_old_background(share):
    animated, backdrop, subject = pictures()
    out = share * animated + (1 - share) * backdrop
    assert leak(out, animated, backdrop, ~subject).tolist() == pytest.approx([share] * 3, abs=1e-6)
    assert bleed(out, animated, backdrop, subject).tolist() == pytest.approx([1 - share] * 3, abs=1e-6)


def test_leak_of_bytes_and_of_nothing():
    animated, backdrop, _ = (x.mul(255).byte() for x in pictures())
    everywhere = torch.ones(3, 40, 40, dtype=torch.bool)
    assert leak(animated, animated, backdrop, everywhere).tolist() == pytest.approx([1] * 3)
    assert leak(backdrop, animated, backdrop, ~everywhere).isnan().all()
    assert leak(backdrop, backdrop, backdrop, everywhere).isnan().all()


def test_a_mistake_that_has_nothing_to_do_with_the_old_background_is_no_leak():
    backdrop, animated = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    animated[:, 0] = 1  # red was there
    out = torch.zeros(1, 3, 8, 8)
    out[:, 1] = 0.7  # green is there
    assert leak(out, animated, backdrop, torch.ones(1, 8, 8, dtype=torch.bool)).item() == 0


def test_a_hard_composite_has_neither_leak_nor_bleed():
    animated, backdrop, subject = pictures()
    score = SwapScore()
    for part in range(3):
        one = slice(part, part + 1)
        score.update(pasted(animated, backdrop, subject)[one], animated[one], backdrop[one], subject[one])
    values = score.compute()
    assert values["leak"] == values["bleed"] == values["background_l1"] == values["flicker"] == values["drift"] == 0
    assert values["background_psnr"] == math.inf
    assert math.isnan(values["ghost"])
    assert values["seam"] > 0.01


def test_no_swap_at_all_leaks_wholly():
    animated, backdrop, subject = pictures()
    score = SwapScore()
    score.update(animated, animated, backdrop, subject)
    values = score.compute()
    assert values["leak"] == pytest.approx(1)
    assert values["bleed"] == 0
    outside = regions(subject).outside
    expected = (animated - backdrop).abs().sum(1)[outside].mean() / 3
    assert values["background_l1"] == pytest.approx(expected.item(), rel=1e-5)
    assert values["flicker"] > 0.2


def test_the_backdrop_alone_bleeds_wholly():
    animated, backdrop, subject = pictures()
    score = SwapScore()
    score.update(backdrop, animated, backdrop, subject)
    assert score.compute()["bleed"] == pytest.approx(1)
    assert score.compute()["leak"] == 0


def test_the_outline_itself_does_not_count():
    animated, backdrop, subject = pictures()
    found = regions(subject, margin=4)
    out = pasted(animated, backdrop, subject)
    out = torch.where(found.boundary[:, None], 0.5, out)
    wide, narrow = SwapScore(margin=4), SwapScore(margin=2)
    for score in (wide, narrow):
        score.update(out, animated, backdrop, subject)
    assert wide.compute()["leak"] == wide.compute()["bleed"] == 0
    assert narrow.compute()["leak"] > 0
    assert narrow.compute()["bleed"] > 0


def test_the_third_subject_is_a_ghost_in_its_hole_only():
    animated, plate, subject = pictures()
    holes = torch.zeros_like(subject)
    holes[:, 20:36, 30:38] = True
    backdrop = torch.where(holes[:, None], 1.0, plate)
    clean, haunted = SwapScore(margin=1), SwapScore(margin=1)
    clean.update(pasted(animated, plate, subject), animated, backdrop, subject, holes=holes, plate=plate)
    haunted.update(pasted(animated, backdrop, subject), animated, backdrop, subject, holes=holes, plate=plate)
    expected = (1 - plate)[holes[:, None].expand_as(plate)].mean()
    assert clean.compute()["ghost"] == 0
    assert haunted.compute()["ghost"] == pytest.approx(expected.item(), rel=1e-5)
    for score in (clean, haunted):  # what is in the hole is no old background
        assert score.compute()["leak"] == score.compute()["background_l1"] == score.compute()["flicker"] == 0


def test_seam_is_none_for_the_soft_composite_and_grows_with_a_halo():
    animated, backdrop = torch.full((1, 3, 40, 40), 0.6), torch.full((1, 3, 40, 40), 0.4)
    subject = pictures(1)[2]
    band = regions(subject).boundary
    cover = feather(subject, 2)[:, None]
    soft = cover * animated + (1 - cover) * backdrop
    assert seam(soft, animated, backdrop, subject, band).item() == pytest.approx(0, abs=1e-7)
    halo = torch.where((regions(subject, margin=1).boundary & ~subject)[:, None], 1.0, soft)
    assert seam(halo, animated, backdrop, subject, band).item() > 0.05
    blurred = torch.full_like(soft, 0.5)
    assert seam(blurred, animated, backdrop, subject, band).item() < 0


def test_seam_by_hand():
    animated, backdrop = torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20)
    out = torch.zeros(1, 3, 20, 20)
    out[..., 10:] = 0.5  # one edge
    subject = torch.zeros(1, 20, 20, dtype=torch.bool)
    where = torch.zeros(1, 20, 20, dtype=torch.bool)
    where[:, 4:8, 8:12] = True
    assert seam(out, animated, backdrop, subject, where).item() == pytest.approx(0.5 / 4)


def test_a_plate_needs_holes():
    animated, backdrop, subject = pictures()
    with pytest.raises(ValueError, match="holes must be given with plate"):
        SwapScore().update(animated, animated, backdrop, subject, plate=backdrop)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("animated", torch.zeros(3, 3, 40, 41), ValueError),
        ("backdrop", torch.zeros(1, 3, 40, 40), ValueError),
        ("subject", torch.zeros(3, 40, 40), TypeError),
        ("holes", torch.zeros(3, 40, 41).bool(), ValueError),
    ],
)
def test_what_does_not_fit_is_named(name, value, error):
    animated, backdrop, subject = pictures()
    given = {"animated": animated, "backdrop": backdrop, "subject": subject, "holes": subject} | {name: value}
    with pytest.raises(error, match=f"{name} must"):
        SwapScore().update(animated, **given)
