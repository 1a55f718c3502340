"""The score: hand-computed cases, torchmetrics, the names that must not be mixed up, intervals."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.metrics import mean_iou
from maskreel.common.world import OBJECT_CLASSES, TableScene
from maskreel.vfp.evaluation import ForecastMetric, copy_last

TRUTHS = torch.tensor([[[0, 0, 1, 1]], [[0, 0, 0, 2]]], dtype=torch.uint8)
FORECASTS = torch.tensor([[[0, 1, 1, 1]], [[0, 0, 3, 2]]], dtype=torch.uint8)
# clip 0: background 1/2, class 1 2/3; clip 1: background 2/3, class 2 1, class 3 0; both: background 3/5


def counted(forecasts: torch.Tensor, truths: torch.Tensor) -> ForecastMetric:
    metric = ForecastMetric()
    metric.update(forecasts, truths)
    return metric


def random_clips(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Label maps of a few classes each, so that classes are rare, and forecasts that are right in about half."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(49, (count, 4), generator=generator, dtype=torch.uint8)
    truths, others = (
        classes.gather(1, torch.randint(4, (count, 80), generator=generator)).reshape(count, 8, 10) for _ in range(2)
    )
    right = torch.rand(count, 8, 10, generator=generator) < 0.5
    return torch.where(right, truths, others), truths


def test_by_hand() -> None:
    score = counted(FORECASTS, TRUTHS).compute()
    assert score.clips == 2
    assert score.iou == pytest.approx((3 / 5 + 2 / 3 + 1 + 0) / 4)
    assert score.iou_clip == pytest.approx(((1 / 2 + 2 / 3) / 2 + (2 / 3 + 1 + 0) / 3) / 2)
    assert score.iou_clip_absent_zero == pytest.approx(((1 / 2 + 2 / 3) / 49 + (2 / 3 + 1) / 49) / 2)
    assert score.iou_foreground == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert score.per_class[:5] == pytest.approx((3 / 5, 2 / 3, 1, 0, None))
    assert score.per_class[4:] == (None,) * 45


def test_scores_of_batches_depend_on_the_batch() -> None:
    metric = counted(FORECASTS, TRUTHS)
    score = metric.compute()
    assert metric.iou_batch(1) == pytest.approx(score.iou_clip)
    assert metric.iou_batch(2) == metric.iou_batch(7) == pytest.approx(score.iou)
    assert metric.of_clips().tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, (2 / 3 + 1 + 0) / 3])
    with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
        metric.iou_batch(0)


def test_last_batch_counts_although_it_is_smaller() -> None:
    forecasts, truths = random_clips(5)
    expected = [
        counted(forecasts[part], truths[part]).compute().iou for part in (slice(0, 2), slice(2, 4), slice(4, 5))
    ]
    assert counted(forecasts, truths).iou_batch(2) == pytest.approx(sum(expected) / 3)


def test_agrees_with_torchmetrics() -> None:
    from torchmetrics.classification import MulticlassJaccardIndex

    for count in (3, 40):  # with and without absent classes
        forecasts, truths = random_clips(count, seed=count)
        reference = MulticlassJaccardIndex(num_classes=49, average="macro")
        for forecast, truth in zip(forecasts, truths, strict=True):
            reference.update(forecast.long()[None], truth.long()[None])
        assert counted(forecasts, truths).compute().iou == pytest.approx(float(reference.compute()), abs=1e-6)


def test_variants_of_one_forecast_are_far_apart() -> None:
    scene, metric = TableScene(size=(80, 120), speed=0.5), ForecastMetric()
    for seed in range(10):
        labels = torch.from_numpy(scene.labels(seed))
        metric.update(copy_last(labels[:11]), labels[21])
    score = metric.compute()
    assert score.iou_foreground is not None
    assert score.iou_clip_absent_zero < 0.1 < score.iou_foreground < score.iou < 0.8 * score.iou_clip


def test_swapped_colours_are_not_forgiven() -> None:
    """The seed's defect: colour is the class, so masks from BGR frames, perfect in all else, score about a half."""
    colours = {"red": "blue", "blue": "red", "cyan": "yellow", "yellow": "cyan"}
    swapped = torch.arange(49, dtype=torch.uint8)
    for kind in OBJECT_CLASSES:
        twin = type(kind)(kind.shape, kind.material, colours.get(kind.colour, kind.colour))
        swapped[kind.number] = twin.number
    scene = TableScene(size=(80, 120), frames=1, objects=(10, 10), resting=(10, 10))
    truths = torch.stack([torch.from_numpy(scene.labels(seed)[0]) for seed in range(24)])
    assert counted(truths, truths).compute().iou == 1
    assert counted(swapped[truths.long()], truths).compute().iou == pytest.approx(0.51, abs=0.01)


def test_chunks_and_merging_change_nothing() -> None:
    forecasts, truths = random_clips(9)
    whole, parts, other = counted(forecasts, truths), ForecastMetric(), ForecastMetric()
    parts.update(forecasts[0], truths[0])
    parts.update(forecasts[1:4], truths[1:4])
    other.update(forecasts[4:], truths[4:])
    parts.merge(other)
    assert parts.compute() == whole.compute() == parts.reduce().compute()
    assert len(parts) == 9
    assert len(other) == 5


def test_thousand_clips_stay_small() -> None:
    metric = counted(*random_clips(1000))
    assert metric.confusions.numel() * metric.confusions.element_size() < 10_000_000
    low, high = metric.compute().interval
    assert low < metric.compute().iou < high


def test_interval_is_that_of_drawing_clips_one_by_one() -> None:
    forecasts, truths = random_clips(30)
    metric = counted(forecasts, truths)
    draws = torch.randint(30, (200, 30), generator=torch.Generator().manual_seed(5))
    scores = torch.stack([mean_iou(metric.confusions[draw].sum(0)) for draw in draws])
    expected = (float(scores.quantile(0.025)), float(scores.quantile(0.975)))
    assert metric.compute(resamples=200, seed=5).interval == pytest.approx(expected, abs=1e-12)
    assert metric.compute(seed=5).interval == metric.compute(seed=5).interval
    assert metric.compute(seed=6).interval != metric.compute(seed=5).interval


def test_interval_of_equal_clips_has_no_width() -> None:
    score = counted(FORECASTS[:1].expand(6, 1, 4), TRUTHS[:1].expand(6, 1, 4)).compute()
    assert score.interval == pytest.approx((score.iou, score.iou))


def test_gain_is_paired() -> None:
    forecasts, truths = random_clips(40)
    better = torch.where(torch.rand(40, 8, 10) < 0.3, truths, forecasts)
    ours, theirs = counted(better, truths), counted(forecasts, truths)
    gain, (low, high) = ours.gain_over(theirs)
    assert gain == pytest.approx(ours.compute().iou - theirs.compute().iou)
    assert 0 < low < gain < high
    assert theirs.gain_over(ours)[1] == pytest.approx((-high, -low))
    assert ours.gain_over(ours) == (0, (0, 0))
    # what is hard about a clip falls out: the difference is known better than either score
    assert high - low < ours.compute().interval[1] - ours.compute().interval[0]
    with pytest.raises(ValueError, match="the same 40 clips, got 2"):
        ours.gain_over(counted(FORECASTS, TRUTHS))


def test_no_objects_anywhere() -> None:
    score = counted(torch.zeros(2, 3, 4, dtype=torch.uint8), torch.zeros(2, 3, 4, dtype=torch.uint8)).compute()
    assert (score.iou, score.iou_foreground) == (1, None)


@pytest.mark.parametrize(
    ("forecast", "truth", "error", "message"),
    [
        (FORECASTS.long(), TRUTHS, TypeError, "prediction must be uint8, got torch.int64"),
        (FORECASTS, TRUTHS.float(), TypeError, "truth must be uint8, got torch.float32"),
        (FORECASTS[0, 0], TRUTHS, ValueError, r"prediction must have shape \(H, W\) or \(B, H, W\), got \(4,\)"),
        (FORECASTS[:, :0], TRUTHS, ValueError, r"prediction must have shape .* got \(2, 0, 4\)"),
        (FORECASTS[:1], TRUTHS, ValueError, r"must have one shape, got \(1, 1, 4\) and \(2, 1, 4\)"),
        (FORECASTS + 49, TRUTHS, ValueError, "prediction must hold labels 0 to 48, got 5"),
    ],
)
def test_refuses(forecast: torch.Tensor, truth: torch.Tensor, error: type[Exception], message: str) -> None:
    metric = ForecastMetric()
    with pytest.raises(error, match=message):
        metric.update(forecast, truth)
    assert len(metric) == 0


def test_refuses_to_score_nothing() -> None:
    for ask in (ForecastMetric().compute, lambda: ForecastMetric().gain_over(ForecastMetric())):
        with pytest.raises(ValueError, match="has counted no clip"):
            ask()
    with pytest.raises(ValueError, match="resamples must be 1 or more, got 0"):
        counted(FORECASTS, TRUTHS).compute(resamples=0)
