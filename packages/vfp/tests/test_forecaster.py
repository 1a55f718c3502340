"""`MaskForecaster` by all its methods, on rendered clips."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.metrics import MeanIoU
from maskreel.common.world import TableScene
from maskreel.vfp import ForecastConfig, MaskForecaster, Occupancy
from maskreel.vfp.frames import load_predictor
from maskreel.vfp.interaction import InteractionForecaster
from maskreel.vfp.masks import MaskSpaceForecaster, load_mask_network
from maskreel.vfp.objects import ObjectForecaster
from maskreel.vfp.segmentation import load_segmenter


@pytest.fixture(scope="module")
def clip() -> tuple[torch.Tensor, torch.Tensor]:
    """Frames uint8 (22, 3, H, W) and label maps uint8 (22, H, W)."""
    frames, labels = TableScene.preset("easy").frames_and_labels(77)
    return torch.from_numpy(frames).movedim(-1, 1).contiguous(), torch.from_numpy(labels)


def score(method: str, seeds: range) -> float:
    """Pooled IoU of frame 22 from true masks of the first 11."""
    metric, scene = MeanIoU(49), TableScene.preset("easy")
    forecaster = MaskForecaster(ForecastConfig(method=method))  # type: ignore[arg-type]
    blank = torch.zeros(11, 3, 160, 240, dtype=torch.uint8)
    for seed in seeds:
        labels = torch.from_numpy(scene.labels(seed))
        metric.update(forecaster.forecast(blank, observed=labels[:11]).labels, labels[21])
    return metric.compute()


def test_every_learning_method_forecasts_better_than_copying() -> None:
    seeds = range(900_000, 900_012)
    copied = score("copy", seeds)
    assert score("masks", seeds) > copied
    assert score("objects", seeds) > 1.3 * copied
    assert score("best", seeds) > 1.3 * copied


def test_best_is_the_mixture_of_three_forecasts(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, labels = clip
    config = ForecastConfig(method="best", futures=8, seed=3)
    found = MaskForecaster(config).forecast(frames[:11], observed=labels[:11])
    parts = [
        ObjectForecaster(futures=8, seed=3)(labels[:11]),
        InteractionForecaster(futures=8, seed=3)(labels[:11]),
        MaskSpaceForecaster(load_mask_network())(labels[:11]),
    ]
    expected = Occupancy.mean(parts, [4, 1, 1])
    assert found.occupancy.classes == expected.classes
    torch.testing.assert_close(found.occupancy.probability, expected.probability)


def test_copy_gives_the_last_observed_mask(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, labels = clip
    forecast = MaskForecaster(ForecastConfig(method="copy")).forecast(frames[:11], observed=labels[:11])
    assert torch.equal(forecast.labels, labels[10])
    assert torch.equal(forecast.observed, labels[:11])


def test_frames_are_predicted_and_the_last_is_segmented(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, _ = clip
    forecast = MaskForecaster(ForecastConfig(method="frames")).forecast(frames[:11])
    assert forecast.frames is not None
    assert torch.equal(forecast.frames, load_predictor().predict(frames[None, :11])[0])
    assert torch.equal(forecast.labels, load_segmenter(frames="predicted")(forecast.frames[-1:])[0])
    assert torch.equal(forecast.observed, load_segmenter()(frames[:11]))


def test_frames_are_segmented_where_no_masks_are_given(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, labels = clip
    forecast = MaskForecaster(ForecastConfig(method="objects", futures=8)).forecast(frames[:11])
    metric = MeanIoU(49)
    metric.update(forecast.observed, labels[:11])
    assert metric.compute() > 0.8
    assert set(forecast.occupancy.classes) <= set(forecast.observed.unique().tolist())


def test_the_seed_alone_decides(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, labels = clip

    def run(seed: int) -> Occupancy:
        forecaster = MaskForecaster(ForecastConfig(method="objects", futures=16, seed=seed))
        return forecaster.forecast(frames[:11], observed=labels[:11]).occupancy

    assert torch.equal(run(1).probability, run(1).probability)
    assert not torch.equal(run(1).probability, run(2).probability)


def test_a_lower_threshold_covers_more(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    frames, labels = clip

    def area(threshold: float) -> int:
        forecaster = MaskForecaster(ForecastConfig(method="objects", threshold=threshold))
        return int((forecaster.forecast(frames[:11], observed=labels[:11]).labels > 0).sum())

    assert area(0.05) > area(0.9)


def test_wrong_frames_are_refused() -> None:
    forecaster = MaskForecaster(ForecastConfig(method="copy"))
    with pytest.raises(ValueError, match=r"frames must have shape \(11, 3, 160, 240\), got \(10, 3, 160, 240\)"):
        forecaster.forecast(torch.zeros(10, 3, 160, 240, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"frames must be uint8, got torch\.float32"):
        forecaster.forecast(torch.zeros(11, 3, 160, 240))


def test_cuda_is_asked_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch finds no CUDA device"):
        MaskForecaster(ForecastConfig(method="copy", device="cuda"))


@pytest.mark.needs_cuda
@pytest.mark.parametrize("method", ["best", "masks", "frames"])
def test_cuda_forecasts_what_the_cpu_does(clip: tuple[torch.Tensor, torch.Tensor], method: str) -> None:
    frames, labels = clip

    def run(device: str) -> torch.Tensor:
        config = ForecastConfig(method=method, device=device)  # type: ignore[arg-type]
        return MaskForecaster(config).forecast(frames[:11], observed=labels[:11]).labels

    assert float((run("cuda") == run("cpu")).float().mean()) > 0.99


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="futures must be 1 or more, got 0"):
        ForecastConfig(futures=0)
    with pytest.raises(ValueError, match=r"threshold must be in \(0, 1\], got 0"):
        ForecastConfig(threshold=0)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        ForecastConfig(seed=-1)
