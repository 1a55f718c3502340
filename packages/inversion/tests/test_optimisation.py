"""One group of frames: steps, sizes, checks, the best, and early stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from maskreel.inversion.config import Weights
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.objective import Objective
from maskreel.inversion.optimisation import Optimisation
from maskreel.inversion.pictures import Pictures
from maskreel.inversion.settings import AugmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher

    Quick = Callable[..., InversionConfig]
    Scene = Callable[..., list[FrameTarget]]


class Level(Objective):
    """A loss that tells from the picture alone: its mean distance from a wanted grey, (B,)."""

    def __init__(self, config: InversionConfig, wanted: float) -> None:
        super().__init__(config, cast("Any", None), None)
        self.wanted = wanted

    def terms(
        self, images: torch.Tensor, targets: Sequence[FrameTarget], generator: torch.Generator, **_: Any
    ) -> dict[str, torch.Tensor]:
        return {"mask": (images - self.wanted).abs().flatten(1).mean(1)}


def only_mask(quick: Quick, **changes: Any) -> InversionConfig:
    weights = Weights(1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return quick(weights=weights, balance=False, augment=AugmentSettings(), coherence="none", **changes)


def optimisation(objective: Objective, targets: list[FrameTarget], starts: torch.Tensor) -> Optimisation:
    return Optimisation(lambda _: Pictures(starts, objective.config.levels), targets, objective, seed=0)


def whole_run(made: Optimisation) -> list[Progress]:
    seen: list[Progress] = []
    made.run(seen.append)
    return seen


def test_the_best_frame_belongs_to_its_own_loss(scene: Scene, quick: Quick) -> None:
    """The last step overshoots: the picture from before the step must not be kept for the loss after it, or the
    other way round."""
    config = only_mask(quick, steps=6, stages=1, levels=0, lr=0.2, betas=(0.0, 0.0), checks=6, schedule="constant")
    config = replace(config, warmup=0.0)
    starts = torch.full((2, 3, 32, 48), 0.25)
    made = optimisation(Level(config, 0.5), scene(2), starts)
    losses = []

    def watch(progress: Progress) -> None:
        losses.append(progress.loss)
        now = made.painting.frames().detach()
        assert progress.loss == pytest.approx(float((now - 0.5).abs().mean()), abs=1e-6)

    frames = made.run(watch)
    assert losses == pytest.approx([0.05, 0.15, 0.05, 0.15, 0.05, 0.15], abs=1e-4)
    assert set(frames.unique().tolist()) == {round(0.45 * 255)}


def test_each_frame_of_none_is_kept_from_its_own_best_time(scene: Scene, quick: Quick) -> None:
    config = only_mask(quick, steps=4, stages=1, levels=0, lr=0.2, betas=(0.0, 0.0), checks=4, schedule="constant")
    starts = torch.stack([torch.full((3, 32, 48), 0.25), torch.full((3, 32, 48), 0.05)])
    made = optimisation(Level(replace(config, warmup=0.0), 0.5), scene(2), starts)
    frames = made.run()
    assert frames[0].unique().tolist() == [115]  # 0.45, after the first step
    assert frames[1].unique().tolist() == [115]  # 0.45, after the second: 0.05, 0.25, 0.45, 0.65


def test_the_best_of_a_coarser_size_is_never_taken(scene: Scene, quick: Quick) -> None:
    """At the coarse size the loss is perfect; the fine one starts anew and can only get worse."""
    config = only_mask(quick, steps=6, stages=2, levels=0, lr=0.1, betas=(0.0, 0.0), checks=6, schedule="constant")

    class Worse(Level):
        def terms(self, images: torch.Tensor, *rest: Any, **more: Any) -> dict[str, torch.Tensor]:
            found = super().terms(images, *rest, **more)["mask"]
            return {"mask": found + (100.0 if images.shape[-1] == 48 else 0.0)}

    made = Optimisation(
        lambda size: Pictures(torch.full((1, 3, *size), 0.5), 0),
        scene(1),
        Worse(replace(config, warmup=0.0), 0.5),
        seed=0,
    )
    seen = whole_run(made)
    assert made.frames.shape == (1, 3, 32, 48)
    assert [one.size for one in seen] == [(16, 24)] * 4 + [(32, 48)] * 2
    assert min(one.loss for one in seen if one.loss is not None and one.size == (32, 48)) > 99


def test_steps_sizes_and_checks(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(steps=12, stages=2, checks=2, coherence="none")
    seen: list[Progress] = []
    work = MaskInverter(config, teacher).work(scene(2))
    work.run(seen.append)
    assert [one.step for one in seen] == list(range(1, 13))
    assert {one.steps for one in seen} == {12}
    assert [one.size for one in seen] == [(16, 24)] * 8 + [(32, 48)] * 4
    assert [one.step for one in seen if one.loss is not None] == [4, 8, 10, 12]
    assert seen[0].terms.keys() == {"mask", "statistics", "tv_l1", "colour"}


def test_it_gets_better(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    seen: list[Progress] = []
    config = quick(steps=40, stages=1, checks=8, coherence="none", augment=AugmentSettings())
    MaskInverter(config, teacher).invert(scene(2), watch=seen.append)
    losses = [one.loss for one in seen if one.loss is not None]
    assert losses[-1] < 0.9 * losses[0]
    assert seen[-1].terms["mask"] < 0.9 * seen[0].terms["mask"]


def test_early_stop_ends_each_size(scene: Scene, quick: Quick) -> None:
    config = only_mask(quick, steps=60, stages=2, checks=60, patience=2, levels=0, lr=1e-9)
    made = optimisation(Level(config, 0.9), scene(1), torch.full((1, 3, 16, 24), 0.2))
    seen = whole_run(made)
    # two checks may pass without progress after the first one
    assert [one.size for one in seen] == [(16, 24)] * 3 + [(32, 48)] * 3
    assert [one.step for one in seen] == [1, 2, 40, 41, 42, 60]
    assert made.done
    assert made.frames.shape == (1, 3, 32, 48)


def test_progress_keeps_it_going(scene: Scene, quick: Quick) -> None:
    config = only_mask(quick, steps=12, stages=1, checks=12, patience=2, levels=0, lr=0.02, schedule="constant")
    made = optimisation(Level(config, 0.9), scene(1), torch.full((1, 3, 32, 48), 0.2))
    assert len(whole_run(made)) == 12


def test_patience_survives_a_stop(scene: Scene, quick: Quick) -> None:
    config = only_mask(quick, steps=60, stages=1, checks=60, patience=3, levels=0, lr=1e-9)

    def new() -> Optimisation:
        return optimisation(Level(config, 0.9), scene(1), torch.full((1, 3, 32, 48), 0.2))

    whole, first = new(), new()
    count = len(whole_run(whole))
    first.advance()
    first.advance()
    second = new()
    second.restore(first.state())
    assert 2 + len(whole_run(second)) == count == 4


def test_asking_for_frames_before_a_check_changes_nothing(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(coherence="none", steps=8, stages=1, checks=2)
    made = [MaskInverter(config, teacher).work(scene(2)).begin(0) for _ in range(2)]
    made[0].advance()
    now = (made[0].painting.frames().detach().clamp(0, 1) * 255).round().byte()
    assert torch.equal(made[0].frames, now)
    assert torch.equal(made[0].run(), made[1].run())
    assert len(made[0].state()["checks"]) == len(made[1].state()["checks"]) == 2


def test_what_is_not_finite_is_named(scene: Scene, quick: Quick) -> None:
    config = only_mask(quick, levels=0, stages=1)
    made = optimisation(Level(config, float("nan")), scene(1), torch.full((1, 3, 32, 48), 0.2))
    with pytest.raises(ValueError, match="mask is nan after 0 steps; lower lr or its weight"):
        made.advance()


def test_balanced_factors_are_shares_of_the_first_slope(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    weights = Weights(mask=0.8, statistics=0.0, tv_l1=0.2, temporal=0.0, l2=0.0, tv_l2=0.0, object_class=0.0)
    config = quick(weights=weights, coherence="none", stages=1, augment=AugmentSettings(), levels=0)
    made = MaskInverter(config, teacher).work(scene(1)).begin(0)
    images = made.painting.frames()
    terms = made.objective.terms(images, scene(1), torch.Generator())
    slopes = {
        name: float(torch.autograd.grad(term.mean(), images, retain_graph=True)[0].norm())
        for name, term in terms.items()
    }
    made.advance()
    found = made.state()["balance"]["weights"]
    assert found["mask"] == 1
    assert found["tv_l1"] == pytest.approx(0.25 * slopes["mask"] / slopes["tv_l1"], rel=1e-3)


def test_plain_factors_are_the_weights(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    made = MaskInverter(quick(balance=False, coherence="none"), teacher).work(scene(1)).begin(0)
    made.advance()
    assert made.state()["balance"]["weights"] == {
        "mask": 1.0,
        "statistics": 0.2,
        "tv_l1": 0.1,
        "colour": 3.0,
    }


def test_the_factors_are_told(
    teacher: SemanticTeacher, scene: Scene, quick: Quick, caplog: pytest.LogCaptureFixture
) -> None:
    made = MaskInverter(quick(coherence="none"), teacher).work(scene(1)).begin(0)
    with caplog.at_level("INFO", logger="maskreel.inversion"):
        made.advance()
        made.advance()
    assert [record.getMessage().startswith("factors of the losses: mask 1 (") for record in caplog.records] == [True]


def test_a_balance_is_found_on_frames_with_objects(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    """The object is absent at first; wherever the first batch falls, the masks must get their share."""
    targets = scene(6)
    for target in targets[:5]:
        target.masks.zero_()
    made = MaskInverter(quick(), teacher).work(targets).begin(0)
    assert made._fullest() == 4
    made.advance()
    assert made.state()["balance"]["weights"]["mask"] == 1


def test_a_small_size_is_refused_with_the_limit(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    with pytest.raises(ValueError, match="height and width must be 64 or more"):
        MaskInverter(quick(stages=4, steps=8), teacher).invert(scene(2))
