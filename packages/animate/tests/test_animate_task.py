"""One training step against the published description, who learns from what and when, and exact resume."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.perturb import perturb_for_training
from maskreel.animate.training.held_out import HeldOutPairs
from maskreel.animate.training.settings import LossSettings
from maskreel.animate.training.task import LOSSES, AnimationTask
from maskreel.common.errors import InputError
from maskreel.common.perceptual import FeatureLoss

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SMALL = ModelConfig(
    size=16, factor=2, depth=1, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=8
)
PARTS = ("mask_generator", "mask_refiner", "low_resolution", "high_resolution", "bg_base", "bg_refine")
PUBLISHED = LossSettings()


class Squares(FeatureLoss):
    """10 |x - y| + |x**2 - y**2|, simple enough to be written down again."""

    weights = (10.0, 1.0)

    def features(self, images: Tensor) -> list[Tensor]:
        return [images, images**2]


def squares(x: Tensor, y: Tensor) -> Tensor:
    return 10 * (x - y).abs().mean() + (x**2 - y**2).abs().mean()


def model() -> AnimationModel:
    torch.manual_seed(1)
    made = AnimationModel(SMALL)
    for network in (made.mask_generator, made.mask_refiner):
        network.head.weight.data.sub_(network.head.weight.mean())  # a fresh head is much too sure
    return made


def batch(count: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(2)
    made = {name: torch.rand(count, 3, 16, 16) for name in ("source", "driving", "target")}
    return made | {name: (torch.rand(count, 1, 8, 8) > 0.5).float() for name in ("source_mask", "driving_mask")}


def with_twins() -> dict[str, Tensor]:
    made = batch()
    return made | {"twin": torch.rand(3, 3, 16, 16), "twin_mask": (torch.rand(3, 1, 8, 8) > 0.5).float()}


def losses(settings: LossSettings, *, step: int, given: Mapping[str, Tensor] | None = None) -> Mapping[str, Tensor]:
    """With 4 steps in an epoch."""
    task = AnimationTask(model(), Squares(), settings, steps_per_epoch=4)
    task.step = step
    given = batch() if given is None else given
    torch.manual_seed(3)
    return task.losses(task.module, given)


def shrunk(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def binary(x: Tensor) -> Tensor:
    return (255 * x > 60).float()


def transcribed(given: Mapping[str, Tensor], *, swap: bool = True) -> dict[str, Tensor]:
    """The step as published, in one piece; without `swap` as in the second epoch."""
    nets, source, target = model(), given["source"], given["target"]
    m_s, m_d = nets.mask_generator(source), nets.mask_generator(given["driving"])
    low = nets.low_resolution(shrunk(source), m_s, m_d)
    high = nets.high_resolution(source, enlarged(m_s), low, enlarged(m_d))
    torch.manual_seed(3)
    refined = nets.mask_refiner(shrunk(source), m_s, perturb_for_training(m_d))
    of_x, of_y = binary(m_s), binary(m_d)
    base = nets.bg_base(of_x, of_y, shrunk(target) * of_y, shrunk(source) * (1 - of_x))
    of_x, of_y = binary(enlarged(m_s)), binary(enlarged(m_d))
    out = nets.bg_refine(base, of_x, of_y, target * of_y, source * (1 - of_x))
    return {
        "low": squares(low, target),
        "high": squares(high, target),
        "refined": 100 * (refined - m_d).abs().mean(),
        "truth": torch.zeros(()),
        "consistency": torch.zeros(()),
        "base": squares(base, target) * swap,
        "swap": squares(out, target) * swap,
    }


def close(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert tuple(found) == LOSSES
    for name in LOSSES:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-6, msg=name)


def test_published_step() -> None:
    expected = transcribed(batch())
    close(losses(PUBLISHED, step=8), expected)
    assert all(value > 0.01 for name, value in expected.items() if name not in ("truth", "consistency"))


def test_masks_weigh_as_much_as_they_are_told() -> None:
    expected = transcribed(batch())
    close(losses(replace(PUBLISHED, mask_weight=25.0), step=8), expected | {"refined": expected["refined"] / 4})


@pytest.mark.parametrize(
    ("step", "off"),
    [(0, {"refined", "base", "swap"}), (3, {"refined", "base", "swap"}), (4, {"base", "swap"}), (7, {"base", "swap"})],
)
def test_first_epochs(step: int, off: set[str]) -> None:
    """r joins in after one epoch, the background swap after two; the rest is as later."""
    expected = {name: torch.zeros(()) if name in off else value for name, value in transcribed(batch()).items()}
    close(losses(PUBLISHED, step=step), expected)


@pytest.mark.parametrize("change", [{"threshold": 0.9}, {"train_strength": 0.0}])
def test_the_perturbation_is_that_of_the_model(change: dict[str, float]) -> None:
    nets = model()
    nets.config = replace(SMALL, **change)
    task = AnimationTask(nets, Squares(), replace(PUBLISHED, refine_from=0), steps_per_epoch=4)
    torch.manual_seed(3)
    found = task.losses(task.module, batch())["refined"]
    assert (found - losses(PUBLISHED, step=4)["refined"]).abs() > 1e-4


@pytest.mark.parametrize(
    ("name", "taught"),
    [
        ("low", {"mask_generator", "low_resolution"}),
        ("high", {"high_resolution"}),
        ("refined", {"mask_refiner"}),
        ("truth", {"mask_generator", "mask_refiner"}),
        ("consistency", {"high_resolution"}),
        ("base", {"bg_base"}),
        ("swap", {"bg_refine"}),
    ],
)
@pytest.mark.parametrize("beyond", [0.0, 1.0])
def test_each_loss_teaches_its_networks(name: str, taught: set[str], beyond: float) -> None:
    settings = LossSettings(
        truth_weight=1,
        crossed=beyond,
        redrawn=beyond,
        consistency_weight=1,
        pseudo_pairs=beyond,
        generated=beyond,
    )
    task = AnimationTask(model(), Squares(), settings, steps_per_epoch=1)
    task.step = 2
    task.losses(task.module, with_twins())[name].backward()
    for part in PARTS:
        gradients = [parameter.grad for parameter in getattr(task.module, part).parameters()]
        assert any(gradient is not None and gradient.any() for gradient in gradients) == (part in taught), part


def test_truth() -> None:
    given = batch()
    nets = model()
    found = torch.cat([nets.masks(given["source"]), nets.masks(given["driving"])])
    true = torch.cat([given["source_mask"], given["driving_mask"]])
    expected = 3 * F.binary_cross_entropy(found.clamp(1e-3, 1 - 1e-3), true)
    torch.testing.assert_close(losses(LossSettings(truth_weight=3), step=0)["truth"], expected)


def test_m_stays_as_it_is_once_it_has_learnt_enough() -> None:
    """Its masks are those of inference; r, L and H learn in them."""
    given, nets = with_twins(), model()
    nets.mask_generator.eval()
    source, masks, twin = nets.source(given["source"]), nets.masks(given["driving"]), nets.masks(given["twin"])
    settings = LossSettings(masks_until=1, crossed=1, truth_weight=1, refine_from=0)
    learning = model()
    task = AnimationTask(learning, Squares(), settings, steps_per_epoch=4)
    before = {name: value.clone() for name, value in learning.mask_generator.state_dict().items()}
    task.step = 4
    found = task.losses(learning, given)
    torch.testing.assert_close(found["refined"], 100 * (nets.refined(source, twin) - masks).abs().mean())
    torch.testing.assert_close(found["high"], squares(nets.pictures(source, masks)[1], given["target"]))
    sum(found.values(), torch.zeros(())).backward()
    assert all(parameter.grad is None for parameter in learning.mask_generator.parameters())
    assert all(torch.equal(value, before[name]) for name, value in learning.mask_generator.state_dict().items())
    task.step = 3
    task.losses(learning, given)["truth"].backward()
    assert any(parameter.grad is not None for parameter in learning.mask_generator.parameters())
    assert any(not torch.equal(value, before[name]) for name, value in learning.mask_generator.state_dict().items())


def test_masks_alone_before_pictures() -> None:
    settings = LossSettings(truth_weight=3, refine_from=0, swap_from=0, consistency_weight=1)
    later = losses(settings, step=7, given=with_twins())
    alone = losses(replace(settings, pictures_from=2), step=7, given=with_twins())
    close(alone, {name: value if name in ("refined", "truth") else torch.zeros(()) for name, value in later.items()})
    close(losses(replace(settings, pictures_from=2), step=8, given=with_twins()), later)


def test_truth_under_autocast() -> None:
    """torch's own cross entropy refuses to be called there."""
    plain = losses(LossSettings(truth_weight=3), step=0)["truth"]
    with torch.autocast("cpu", torch.bfloat16):
        half = losses(LossSettings(truth_weight=3), step=0)["truth"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, plain, rtol=0.1, atol=0)


def test_a_twin_gives_its_masks_as_in_inference() -> None:
    """Of r, whose truth is the driving mask; m learns from the twin's; the pictures are drawn in m's masks as ever."""
    given, nets = with_twins(), model()
    source, masks, twin = nets.source(given["source"]), nets.masks(given["driving"]), nets.masks(given["twin"])
    refined = nets.refined(source, twin)
    found = torch.cat([source.mask, masks, twin, refined]).clamp(1e-3, 1 - 1e-3)
    true = torch.cat([given[f"{name}_mask"] for name in ("source", "driving", "twin", "driving")])
    error = 100 * (refined - masks).abs().mean()
    expected = {"refined": error, "truth": F.binary_cross_entropy(found, true)}
    settings = LossSettings(truth_weight=1, crossed=1)
    close(losses(settings, step=4, given=given), transcribed(given, swap=False) | expected)
    before = losses(settings, step=0, given=given)
    assert before["refined"] == 0, "r does not learn yet"
    torch.testing.assert_close(before["truth"], losses(LossSettings(truth_weight=1), step=0)["truth"])


@pytest.mark.parametrize("crossed", [0.0, 1.0])
def test_pictures_in_masks_of_r(crossed: float) -> None:
    given, nets = with_twins(), model()
    source, masks = nets.source(given["source"]), nets.masks(given["driving"])
    torch.manual_seed(3)
    theirs = nets.masks(given["twin"]) if crossed else perturb_for_training(masks)
    drawn = nets.refined(source, theirs, perturbed=not crossed)
    low, high = nets.pictures(source, drawn)
    found = losses(LossSettings(crossed=crossed, redrawn=1), step=4, given=given)
    expected = {"low": squares(low, given["target"]), "high": squares(high, given["target"])}
    error = {"refined": 100 * (drawn - masks).abs().mean()}
    close(found, dict.fromkeys(LOSSES, torch.zeros(())) | expected | error)
    plain = losses(LossSettings(crossed=crossed), step=4, given=given)
    assert (found["high"] - plain["high"]).abs() > 1e-5
    early = losses(LossSettings(redrawn=1), step=0, given=given)
    torch.testing.assert_close(early["high"], plain["high"], msg="as long as r does not learn, m's masks")


def test_consistency() -> None:
    """The mean over m of H's picture, in training mode, against the mask that H drew in."""
    given, nets = batch(), model()
    masks = nets.masks(given["driving"])
    picture = nets.pictures(nets.source(given["source"]), masks)[1]
    expected = 7 * (nets.masks(picture) - masks).abs().mean()
    found = losses(LossSettings(consistency_weight=7), step=0)["consistency"]
    torch.testing.assert_close(found, expected)
    assert found > 0.01


def test_batch_norm_does_not_count_what_m_judges() -> None:
    def buffers(weight: float) -> dict[str, Tensor]:
        nets = model()
        task = AnimationTask(nets, Squares(), LossSettings(consistency_weight=weight), steps_per_epoch=1)
        task.losses(nets, batch())
        return dict(nets.mask_generator.named_buffers())

    plain, judging = buffers(0), buffers(1)
    assert all(torch.equal(value, plain[name]) for name, value in judging.items())


def swapped_by_hand(*, whole: bool, generated: bool) -> dict[str, Tensor]:
    given, nets = batch(), model()
    source = nets.source(given["source"])
    masks = nets.masks(given["driving"])
    foreground = nets.pictures(source, masks)[1] if generated else given["target"]
    if not whole:
        target, base_and_out = given["target"], nets.swapped(foreground, masks, source.image, source.mask)
    else:
        others = given["target"][[2, 0, 1]]
        cover = enlarged(masks)
        target = cover * given["target"] + (1 - cover) * others
        base_and_out = nets.swapped(foreground, masks, others, torch.zeros(3, 1, 8, 8))
    return {name: squares(made, target) for name, made in zip(("base", "swap"), base_and_out, strict=True)}


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("generated", [False, True])
def test_beyond_the_published_swap(whole: bool, generated: bool) -> None:
    """Whole backgrounds of other videos with an empty mask, and animated frames as foreground; other losses stay."""
    settings = LossSettings(pseudo_pairs=float(whole), generated=float(generated), refine_from=9)
    expected = transcribed(batch()) | {"refined": torch.zeros(())} | swapped_by_hand(whole=whole, generated=generated)
    close(losses(settings, step=8), expected)


def test_shares_are_drawn() -> None:
    task = AnimationTask(model(), Squares(), replace(PUBLISHED, pseudo_pairs=0.25, refine_from=9), steps_per_epoch=1)
    task.step, given = 5, batch()
    torch.manual_seed(0)
    values = [round(task.losses(task.module, given)["swap"].item(), 5) for _ in range(80)]
    rare = min(values.count(value) for value in set(values))
    assert len(set(values)) == 2
    assert 8 <= rare <= 34


def test_published_training_draws_nothing_more() -> None:
    """One perturbation is all that it takes from the generator."""
    losses(PUBLISHED, step=8)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    perturb_for_training(torch.zeros(3, 1, 8, 8))
    assert torch.equal(state, torch.get_rng_state())


def test_one_sample() -> None:
    """Enough for animated foregrounds, not for whole backgrounds of others."""
    one = {name: part[:1] for name, part in batch().items()}
    plain = losses(PUBLISHED, step=8, given=one)["swap"]
    assert losses(replace(PUBLISHED, generated=1), step=8, given=one)["swap"] != plain
    with pytest.raises(InputError, match="pseudo_pairs needs two samples or more at a time"):
        losses(replace(PUBLISHED, pseudo_pairs=0.5), step=0, given=one)


def test_data_that_do_not_fit() -> None:
    bare = {name: part for name, part in batch().items() if not name.endswith("mask")}
    assert losses(PUBLISHED, step=8, given=bare)["truth"] == 0
    with pytest.raises(InputError, match="truth_weight is 2, but the data have no true masks"):
        losses(LossSettings(truth_weight=2), step=0, given=bare)
    with pytest.raises(InputError, match=r"crossed is 0\.5, but the data show nobody else in the same motion"):
        losses(LossSettings(crossed=0.5), step=0, given=bare)
    with pytest.raises(InputError, match="pictures_from is 2, but without truth_weight m learns from pictures only"):
        losses(LossSettings(pictures_from=2), step=8)
    large = batch() | {name: torch.zeros(3, 1, 16, 16) for name in ("source_mask", "driving_mask")}
    with pytest.raises(ValueError, match=r"true masks must have the shape \(1, 8, 8\), got \(1, 16, 16\)"):
        losses(LossSettings(truth_weight=2), step=0, given=large)
    with pytest.raises(ValueError, match="steps_per_epoch must be above 0, got 0"):
        AnimationTask(model(), Squares(), steps_per_epoch=0)


@torch.no_grad()
def test_held_out_pairs_are_asked() -> None:
    nets = model().eval()
    alone = AnimationTask(nets, Squares(), steps_per_epoch=1)
    assert alone.evaluate(nets) == {}
    assert alone.samples(nets) is None
    held_out = HeldOutPairs([{name: part[:1] for name, part in batch().items()}])
    watched = AnimationTask(nets, Squares(), steps_per_epoch=1, held_out=held_out)
    assert watched.evaluate(nets) == held_out.measure(nets)
    sheet = watched.samples(nets)
    assert sheet is not None
    assert torch.equal(sheet, held_out.sheet(nets))


class Random:
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: torch.rand(3, 16, 16) for name in ("source", "driving", "target")}


class Interrupted(AnimationTask):
    """Is told to stop in a step."""

    stop_in = -1

    def losses(self, module: Any, batch: Any) -> Mapping[str, Tensor]:
        if self.step == self.stop_in:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().losses(module, batch)


def trained(folder: Path, *, steps: int = 7, stop_in: int = -1) -> dict[str, Tensor]:
    """3 steps are an epoch; weight decay would move weights that are merely given zeros as gradients."""
    pytest.importorskip("mmengine")
    from maskreel.common.training import TrainingConfig, train

    settings = LossSettings(pseudo_pairs=0.5, generated=0.5)
    task = Interrupted(model(), Squares(), settings, steps_per_epoch=3)
    task.stop_in = stop_in
    config = TrainingConfig(steps=steps, batch_size=2, weight_decay=0.1, ema=0.5, checkpoint_every=100, threads=1)
    train(task, Random(), config, folder)
    return task.module.state_dict()


def moved(state: Mapping[str, Tensor]) -> set[str]:
    fresh = model().state_dict()
    return {name.split(".")[0] for name, value in state.items() if not torch.equal(value, fresh[name])}


@pytest.mark.parametrize(
    ("steps", "idle"), [(3, {"mask_refiner", "bg_base", "bg_refine"}), (6, {"bg_base", "bg_refine"}), (7, set())]
)
def test_idle_networks_stay_untouched(tmp_path: Path, steps: int, idle: set[str]) -> None:
    assert moved(trained(tmp_path, steps=steps)) == set(PARTS) - idle


def test_resume_is_exact(tmp_path: Path) -> None:
    """Stopped in the first step of the background swap, whose optimiser state does not exist before."""
    from maskreel.common.training import Preempted

    whole = trained(tmp_path / "whole", steps=9)
    for stop_in in (1, 6):
        with pytest.raises(Preempted):
            trained(tmp_path / "parts", steps=9, stop_in=stop_in)
    parts = trained(tmp_path / "parts", steps=9)
    assert all(torch.equal(value, whole[name]) for name, value in parts.items())
