"""Training of networks that forecast masks: samples, losses, options, and a small problem that is learned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.metrics import MeanIoU
from maskreel.common.training import TrainingConfig, train
from maskreel.common.world import TableScene
from maskreel.vfp.masks import (
    LabelWindows,
    MaskForecastTask,
    MaskLoss,
    MaskNetworkConfig,
    MaskSpaceForecaster,
    MaskWindowConfig,
    WorldMasks,
    best_threshold,
    build_mask_network,
    classes_in,
    coverage,
    forecast_quality,
)
from maskreel.vfp.masks._losses import forecast_loss
from maskreel.vfp.occupancy import Occupancy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = MaskNetworkConfig(
    targets=(21,), observed=(6, 10), drafts=(), spatial_width=8, temporal_width=16, temporal_depth=2, mlp_ratio=1.0
)
TOKENS = MaskNetworkConfig(
    design="tokens", targets=(11,), spatial_width=4, temporal_width=8, temporal_depth=2, mlp_ratio=1.0, embedding=4
)
SIZE = (32, 48)
EXACT = MaskWindowConfig(mirror=False, drop=0.0, ragged=0.0, confuse=0.0)


def clip(x: int = 6, speed: int = 1, label: int = 9, frames: int = 22) -> torch.Tensor:
    """uint8 (frames, 32, 48): a square of 10 x 10 that goes to the right."""
    labels = torch.zeros(frames, *SIZE, dtype=torch.uint8)
    for time in range(frames):
        left = x + speed * time
        labels[time, 11:21, left : left + 10] = label
    return labels


def batch(*clips: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"labels": torch.stack(clips)}


class Scene:
    """Clips that tell their seed."""

    def __init__(self, label: int) -> None:
        self.label = label

    def labels(self, seed: int) -> Any:
        return (clip(label=self.label) + seed % 7).numpy()


def test_rendered_clips_are_of_all_scenes_in_turn_and_stay_the_same() -> None:
    clips = WorldMasks([Scene(10), Scene(20)], 6, seed=3)
    assert len(clips) == 6
    assert [int(clips[index].max()) // 10 for index in range(6)] == [1, 2, 1, 2, 1, 2]
    assert torch.equal(clips[4], clips[4])
    assert torch.equal(clips[4], WorldMasks([Scene(10), Scene(20)], 9, seed=3)[4])
    others = WorldMasks([Scene(10), Scene(20)], 6, seed=4)
    assert any(not torch.equal(clips[index], others[index]) for index in range(6))
    clips[0][:] = 0
    assert clips[0].any()
    with pytest.raises(IndexError, match="index must be 0 to 5"):
        clips[6]
    with pytest.raises(ValueError, match="count must be 1 or more"):
        WorldMasks([Scene(1)], 0)
    with pytest.raises(ValueError, match="scenes must hold at least one"):
        WorldMasks([], 1)


def test_rendered_clips_are_not_those_of_a_data_set() -> None:
    from maskreel.common.world._vfp_video import video_seed

    seeds: list[int] = []

    class Noting:
        def labels(self, seed: int) -> Any:
            seeds.append(seed)
            return clip().numpy()

    clips = WorldMasks([Noting()], 50, seed=0)
    for index in range(50):
        clips[index]
    assert len(set(seeds)) == 50
    assert not set(seeds) & {video_seed(0, number) for number in range(50)}


def test_a_window_without_changes_is_the_clip() -> None:
    sample = LabelWindows([clip()], EXACT)[0]
    assert sample.keys() == {"labels"}
    assert torch.equal(sample["labels"], clip())


def test_windows_start_anywhere_and_skip_frames() -> None:
    numbered = torch.arange(40, dtype=torch.uint8)[:, None, None].expand(-1, 8, 8)
    found = set()
    for _ in range(200):
        labels = LabelWindows([numbered], replace(EXACT, ahead=1, strides=(1, 3)))[0]["labels"][:, 0, 0].long()
        assert len(labels) == 12
        steps = labels.diff().unique().tolist()
        found.add((int(labels[0]), *steps))
    assert {step for _, step in found} == {1, 3}
    assert {start for start, step in found if step == 3} == set(range(7))
    assert max(start for start, step in found if step == 1) <= 28


def test_faults_are_in_the_observed_frames_alone() -> None:
    clean = clip()
    for change in ({"drop": 1.0}, {"confuse": 1.0}, {"ragged": 1.0}):
        labels = LabelWindows([clean], replace(EXACT, **change))[0]["labels"]
        assert not torch.equal(labels[:11], clean[:11])
        assert torch.equal(labels[11:], clean[11:])
    mirrored = [LabelWindows([clean], replace(EXACT, mirror=True))[0]["labels"] for _ in range(20)]
    turned = [torch.equal(labels, clean.flip(-1)) for labels in mirrored]
    assert 0 < sum(turned) < 20
    assert all(torch.equal(labels, clean) for labels, there in zip(mirrored, turned, strict=True) if not there)


def test_a_prior_is_made_of_what_the_network_sees() -> None:
    seen = []

    def prior(observed: torch.Tensor) -> Occupancy:
        seen.append(observed)
        return Occupancy((9,), torch.full((1, *SIZE), 0.5))

    sample = LabelWindows([clip()], replace(EXACT, drop=0.5), prior=prior)[0]
    assert torch.equal(seen[0], sample["labels"][:11])
    assert sample["prior"].shape == (48, 8, 12)
    assert (sample["prior"][8] == 0.5).all()
    assert float(sample["prior"].sum()) == 0.5 * 96


def test_clips_that_are_too_short_and_impossible_options_are_refused() -> None:
    with pytest.raises(InputError, match="clip 0 has 21 frames, expected 22 or more"):
        LabelWindows([clip(frames=21)], EXACT)[0]
    with pytest.raises(ValueError, match="ahead must be 11 or more with a prior"):
        LabelWindows([clip()], replace(EXACT, ahead=1), prior=Occupancy.of_labels)
    for change, message in (
        ({"ahead": 0}, "ahead must be 1 or more"),
        ({"strides": ()}, "strides must be numbers"),
        ({"drop": 1.5}, "drop must be a probability"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(EXACT, **change)
    for change, message in (
        ({"object_weight": 0}, "object_weight must be above 0"),
        ({"target_weight": 0}, "target_weight must be above 0"),
        ({"draft_weight": -1}, "draft_weight must be 0 or more"),
        ({"feedback_chance": 2}, "feedback_chance must be a probability"),
        ({"feedback_steps": 11}, "feedback_steps must be 1 to 10"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(MaskLoss(), **change)


def test_the_loss_is_cross_entropy() -> None:
    logits = torch.randn(2, 1, 3, 4, 5)
    truth = torch.randint(0, 3, (2, 1, 4, 5))
    shares = functional.one_hot(truth, 3).movedim(-1, 2).float()[:, :, 1:]
    one = torch.ones(1)
    found = forecast_loss(logits, shares, frame_weights=one, object_weight=1.0)
    torch.testing.assert_close(found, functional.cross_entropy(logits[:, 0], truth[:, 0]))
    weighted = forecast_loss(logits, shares, frame_weights=one, object_weight=4.0)
    each = functional.cross_entropy(logits[:, 0], truth[:, 0], reduction="none")
    torch.testing.assert_close(weighted, (each * torch.where(truth[:, 0] > 0, 4.0, 1.0)).mean())


def test_the_loss_weighs_frames_and_knows_parts_of_cells() -> None:
    logits, shares = torch.zeros(1, 2, 2, 1, 1), torch.zeros(1, 2, 1, 1, 1)
    logits[0, 1, 0] = 30.0  # frame 1 is right, frame 0 undecided between two
    half = torch.tensor(2.0).log()
    found = forecast_loss(logits, shares, frame_weights=torch.tensor([0.5, 1.5]), object_weight=1.0)
    torch.testing.assert_close(found, 0.25 * half)
    shares[0, 0] = 0.5
    logits[0, 0, 1] = 1.0
    found = forecast_loss(logits[:, :1], shares[:, :1], frame_weights=torch.ones(1), object_weight=1.0)
    undecided = logits[0, 0, :, 0, 0].log_softmax(0)
    torch.testing.assert_close(found, -undecided.mean())


def losses(config: MaskNetworkConfig, loss: MaskLoss | None = None, **given: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    network = build_mask_network(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    task = MaskForecastTask(network.eval(), loss=loss, **given)
    found = task.losses(network, batch(clip(), clip(2, label=20)))
    torch.stack(list(found.values())).sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    return {**{name: value.detach() for name, value in found.items()}, "gradient": gradient.norm()}


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (replace(SMALL, drafts=(21,)), {"draft_weight": 0.3}),
        (SMALL, {"object_weight": 5.0}),
        (replace(SMALL, targets=(15, 21)), {"target_weight": 9.0}),
        (TOKENS, {"presence": False}),
        (TOKENS, {"feedback_chance": 1.0}),
    ],
)
def test_every_option_of_the_loss_has_an_effect(config: MaskNetworkConfig, change: dict[str, Any]) -> None:
    plain, changed = losses(config), losses(config, replace(MaskLoss(), **change))
    assert plain.keys() == changed.keys()
    assert not torch.equal(torch.stack(list(plain.values())), torch.stack(list(changed.values())))


def test_feedback_goes_further_and_may_carry_a_gradient() -> None:
    once = MaskLoss(feedback_chance=1.0)
    found = [losses(TOKENS, loss) for loss in (once, replace(once, feedback_steps=2))]
    assert found[0]["entropy"] != found[1]["entropy"]
    with_gradient = losses(TOKENS, replace(once, feedback_gradient=True))
    assert torch.equal(with_gradient["entropy"], found[0]["entropy"])
    assert not torch.isclose(with_gradient["gradient"], found[0]["gradient"], rtol=1e-3)


def test_fed_back_masks_are_compared_with_the_frame_after_them() -> None:
    network = build_mask_network(TOKENS).eval()
    labels = torch.stack([clip()])
    found = MaskForecastTask(network, loss=MaskLoss(feedback_chance=1.0, feedback_steps=3)).losses(
        network, {"labels": labels}
    )
    classes = classes_in(labels[:, :11])
    planes = network.rolled_out(classes, coverage(labels[:, :11], classes, cell=1), 3)
    logits = network(classes, planes)[:, 0].movedim(1, -1)
    truth = (labels[:, 14] == 9).long()
    expected = functional.cross_entropy(logits.flatten(0, -2), truth.flatten())
    torch.testing.assert_close(found["entropy"], expected)


def test_presence_decides_what_the_network_may_say() -> None:
    """All 49 logits count without it; a wrong class that is not there then costs."""
    with_presence, without = losses(TOKENS), losses(TOKENS, MaskLoss(presence=False))
    assert float(without["entropy"]) > float(with_presence["entropy"]) + 1.0  # some log(49) - log(2)


def test_tasks_that_do_not_fit_are_refused() -> None:
    network = build_mask_network(SMALL)
    with pytest.raises(ValueError, match="feedback_chance must be 0"):
        MaskForecastTask(network, loss=MaskLoss(feedback_chance=0.5))
    with pytest.raises(ValueError, match="presence must be True"):
        MaskForecastTask(network, loss=MaskLoss(presence=False))
    with pytest.raises(ValueError, match="prior must be None"):
        MaskForecastTask(network, prior=Occupancy.of_labels)
    with pytest.raises(ValueError, match="prior must be given"):
        MaskForecastTask(build_mask_network(replace(SMALL, prior=True)))


def test_a_batch_without_objects_can_be_trained_on() -> None:
    network = build_mask_network(replace(SMALL, drafts=(21,)))
    found = MaskForecastTask(network).losses(network, batch(torch.zeros(22, *SIZE, dtype=torch.uint8)))
    torch.stack(list(found.values())).sum().backward()
    assert all(value == 0 for value in found.values())
    assert all(parameter.grad is not None for parameter in network.parameters())


def moving_squares(count: int, seed: int) -> list[torch.Tensor]:
    """Squares that start anywhere, of a class that tells nothing about their speed."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randint(0, 4, (count, 2), generator=generator).tolist()
    return [clip(x, 1, 1 + 16 * (place % 3)) for place, (x, _) in enumerate(draw)]


@pytest.mark.parametrize("design", ["objects", "tokens"])
def test_it_learns_to_move_squares_better_than_copying(tmp_path: Path, design: str) -> None:
    config = SMALL if design == "objects" else replace(TOKENS, targets=(21,), spatial_width=8, embedding=8)
    torch.manual_seed(0)
    network = build_mask_network(config)
    held_out = moving_squares(4, 1)
    task = MaskForecastTask(network, {"toy": held_out}, loss=MaskLoss(object_weight=3.0))
    data = LabelWindows(moving_squares(12, 2), EXACT)
    training = TrainingConfig(steps=60, batch_size=4, optimiser="adamw", lr=1e-2, schedule="cosine", threads=1)
    result = train(task, data, training, tmp_path)
    assert result.metrics["toy_likeliest"] > result.metrics["toy_copy_last"] + 0.15
    picture = task.samples(network)
    assert picture is not None
    assert picture.shape == (3, 3 * SIZE[0] + 4 * 8, 4 * SIZE[1] + 5 * 8)


def test_quality_is_pooled_over_the_clips() -> None:
    network = build_mask_network(replace(SMALL, threshold=0.3, drafts=(21,))).eval()
    clips = [clip(), clip(2, label=20), clip(4, label=20)]
    scores = MaskForecastTask(network, {"a": clips}).evaluate(network)
    forecast = MaskSpaceForecaster(network, mirror=False)
    metric, copied = MeanIoU(49), MeanIoU(49)
    for labels in clips:
        metric.update(forecast(labels[:11]).above(0.3), labels[21])
        copied.update(labels[10], labels[21])
    assert scores["a_iou"] == metric.compute()
    assert scores["a_copy_last"] == copied.compute()
    pairs = [(labels[:11], labels[21]) for labels in clips]
    again = forecast_quality(forecast, pairs, threshold=0.3)
    assert {f"a_{key}": value for key, value in again.items()} == scores
    assert MaskForecastTask(network).evaluate(network) == {}
    assert MaskForecastTask(network).samples(network) is None


def test_the_best_threshold_is_found() -> None:
    """The truth is where the probability is 0.35 or more; elsewhere it is 0.3."""

    def forecast(observed: torch.Tensor) -> Occupancy:
        there = observed[10] > 0
        return Occupancy((9,), torch.where(there, 0.35, 0.3)[None])

    still = clip(speed=0)
    assert 0.3 < best_threshold(forecast, [still]) <= 0.35
    assert best_threshold(forecast, [still], thresholds=(0.1, 0.9)) == 0.9  # nothing is better than everything
    with pytest.raises(ValueError, match="thresholds must hold"):
        best_threshold(forecast, [still], thresholds=())


def test_resumed_training_equals_uninterrupted_training(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    class Stops(MaskForecastTask):
        calls = 0

        def losses(self, module: Any, batch: Any) -> Any:
            self.calls += 1
            if self.calls == 4:
                raise StoppedError
            return super().losses(module, batch)

    config = replace(TOKENS, drop_path=0.2)
    loss = MaskLoss(feedback_chance=0.5)
    training = TrainingConfig(steps=5, batch_size=2, checkpoint_every=2, ema=0.9, threads=1)
    data = LabelWindows(moving_squares(6, 0), replace(MaskWindowConfig(), drop=0.2))

    def network() -> Any:
        torch.manual_seed(1)
        return build_mask_network(config)

    whole = train(MaskForecastTask(network(), loss=loss), data, training, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(Stops(network(), loss=loss), data, training, tmp_path / "parts")
    parts = train(MaskForecastTask(network(), loss=loss), data, training, tmp_path / "parts")
    first, second = load_file(whole.weights), load_file(parts.weights)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_table_scene_has_masks_to_learn_from() -> None:
    labels = WorldMasks([TableScene(size=(32, 48))], 2)[1]
    sample = LabelWindows([labels])[0]["labels"]
    assert sample.shape == (22, 32, 48)
    assert sample.any()
