"""Competition against values worked out by hand and SciPy's distance."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from maskreel.inversion.competition import Competition, class_competition, mask_competition, published_competition


def logits(*probabilities: float, temperature: float = 1.0) -> torch.Tensor:
    """(1, C) with these probabilities at the temperature."""
    return temperature * torch.tensor([probabilities]).log()


def bits(p: float) -> float:
    return -p * math.log2(p) if p else 0.0


def test_the_divergence_by_hand() -> None:
    # M = (.5, .5) has an entropy of 1 bit; JS = H(M) - (H(P) + H(Q)) / 2, and both entropies are the same
    expected = bits(0.9) + bits(0.1)
    first, second = logits(0.9, 0.1, temperature=3), logits(0.1, 0.9, temperature=3)
    assert class_competition(first, second).item() == pytest.approx(expected)
    assert class_competition(second, first).item() == pytest.approx(expected)


def test_the_published_form_by_hand() -> None:
    # KL(M | P) = .5 ln(.5 / .9) + .5 ln(.5 / .1), and the same of Q
    divergence = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    found = published_competition(logits(0.9, 0.1, temperature=3), logits(0.1, 0.9, temperature=3))
    assert found.item() == pytest.approx(1 - divergence)


def test_the_published_form_is_that_of_torchs_divergence() -> None:
    teacher, verifier = torch.randn(5, 7) * 9, torch.randn(5, 7) * 9
    p, q = (verifier / 3).softmax(1), (teacher / 3).softmax(1)
    m = (0.5 * (p + q)).clamp(0.01, 0.99)
    p, q = p.clamp(0.01, 0.99), q.clamp(0.01, 0.99)
    assert ((p == 0.01).any(), (p.sum(1) > 1).any()) == (True, True)  # the clamps are at work
    halves = [functional.kl_div(part.log(), m, reduction="batchmean") / 2 for part in (p, q)]
    expected = 1 - (halves[0] + halves[1]).clamp(0, 1)
    torch.testing.assert_close(published_competition(teacher, verifier), expected)


def test_the_published_form_is_held_at_zero() -> None:
    # M = (.5, .5), clamped P = (.99, .01): KL = .5 ln(.25 / .0099) = 1.61, above 1
    assert published_competition(logits(1 - 1e-9, 1e-9, temperature=3), logits(1e-9, 1.0, temperature=3)).item() == 0


@pytest.mark.parametrize("competition", [class_competition, published_competition])
def test_agreement_costs_one(competition) -> None:
    same = torch.randn(2, 5, 3, 4)
    torch.testing.assert_close(competition(same, same.clone()).mean(), torch.tensor(1.0))


def test_opposite_certainty_costs_nothing_and_its_slope_is_a_number() -> None:
    teacher = torch.tensor([[500.0, -500.0]], requires_grad=True)
    verifier = torch.tensor([[-500.0, 500.0]], requires_grad=True)
    found = class_competition(teacher, verifier)
    found.sum().backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert teacher.grad is not None
    assert torch.isfinite(teacher.grad).all()


def test_each_image_has_the_mean_of_its_own_pixels() -> None:
    teacher, verifier = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    pixels = class_competition(teacher.permute(0, 2, 3, 1).reshape(40, 3), verifier.permute(0, 2, 3, 1).reshape(40, 3))
    torch.testing.assert_close(class_competition(teacher, verifier), pixels.view(2, 20).mean(1))


def test_only_counted_pixels_count() -> None:
    teacher, verifier = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    counted = torch.zeros(2, 4, 4, dtype=torch.bool)
    counted[0, :2] = True
    found = class_competition(teacher, verifier, counted=counted)
    torch.testing.assert_close(found[:1], class_competition(teacher[:1, :, :2], verifier[:1, :, :2]))
    assert found[1].item() == 1


@pytest.mark.parametrize("competition", [class_competition, published_competition, mask_competition])
def test_gradients_are_right(competition) -> None:
    # computed in float32, so that steps must be large and the tolerance, too
    teacher = torch.rand(2, 3, 2).mul(0.8).add(0.1).requires_grad_()
    verifier = torch.rand(2, 3, 2).mul(0.8).add(0.1).requires_grad_()
    (slope,) = torch.autograd.grad(competition(teacher, verifier).sum(), verifier)
    step = torch.randn_like(slope) * 5e-3
    with torch.no_grad():
        change = competition(teacher, verifier + step).sum() - competition(teacher, verifier - step).sum()
    assert change.item() == pytest.approx(2 * (slope * step).sum().item(), rel=0.05, abs=1e-6)


def test_masks_are_two_classes() -> None:
    teacher, verifier = torch.rand(3, 4, 5) * 0.98 + 0.01, torch.rand(3, 4, 5) * 0.98 + 0.01
    both = [torch.stack([masks.logit(), torch.zeros_like(masks)], dim=1) for masks in (teacher, verifier)]
    torch.testing.assert_close(mask_competition(teacher, verifier), class_competition(*both))


def test_certain_masks_are_compared_without_infinities() -> None:
    certain = torch.ones(1, 2, 2, requires_grad=True)
    found = mask_competition(certain, torch.zeros(1, 2, 2), temperature=1.0)
    found.sum().backward()
    assert found.item() == pytest.approx(0, abs=1e-4)
    assert certain.grad is not None
    assert torch.isfinite(certain.grad).all()


def verifier_of_two_classes(images: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(images[:, :2] * 4, 2)


def test_a_competition_calls_the_verifier_and_resizes_its_answer() -> None:
    images, teacher = torch.rand(2, 3, 8, 8), torch.randn(2, 2, 8, 8)
    answer = verifier_of_two_classes(images)
    resized = functional.interpolate(answer, (8, 8), mode="bilinear", align_corners=False)
    found = Competition(verifier_of_two_classes, temperature=2.0)(images, teacher)
    torch.testing.assert_close(found, class_competition(teacher, resized, temperature=2.0))


@pytest.mark.parametrize("detach", [False, True])
def test_the_gradient_goes_through_the_verifier_unless_detached(detach: bool) -> None:
    images = torch.rand(1, 3, 4, 4, requires_grad=True)
    teacher = torch.randn(1, 2, 2, 2, requires_grad=True)
    Competition(verifier_of_two_classes, detach=detach)(images, teacher).sum().backward()
    assert (images.grad is None) == detach
    assert teacher.grad is not None


def test_a_step_down_drives_the_networks_apart() -> None:
    images = torch.rand(1, 3, 4, 4, requires_grad=True)
    compete = Competition(verifier_of_two_classes)
    teacher = torch.tensor([2.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    before = compete(images, teacher)
    (slope,) = torch.autograd.grad(before.sum(), images)
    after = compete(images.detach() - 0.1 * slope / slope.norm(), teacher)
    assert after.item() < before.item()


def test_refuses_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match=r"verifier must have the shape of teacher \(1, 2\), got \(1, 3\)"):
        class_competition(torch.zeros(1, 2), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="2 classes or more"):
        published_competition(torch.zeros(1, 1), torch.zeros(1, 1))
    with pytest.raises(ValueError, match=r"counted must have shape \(1, 4\), got \(1, 5\)"):
        class_competition(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), counted=torch.ones(1, 5, dtype=torch.bool))
    for call in (
        lambda: mask_competition(torch.zeros(1, 2), torch.zeros(1, 2), temperature=0.0),
        lambda: Competition(verifier_of_two_classes, temperature=0.0),
    ):
        with pytest.raises(ValueError, match=r"temperature must be above 0, got 0\.0"):
            call()
