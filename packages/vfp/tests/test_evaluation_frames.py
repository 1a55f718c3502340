"""Quality of predicted frames against scikit-image and by hand; forecasts of frames without training."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from maskreel.vfp.evaluation import FramePredictionMetric, copy_last_frame, extrapolate_frames


def clips(count: int, steps: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    truth = torch.randint(40, 200, (count, steps, 3, 16, 20), dtype=torch.uint8)
    noise = torch.randint(-20, 20, truth.shape)
    noise[:, -1] *= 2  # the later, the worse
    return (truth.int() + noise).clamp(0, 255).to(torch.uint8), truth


def channels_last(frame: torch.Tensor) -> np.ndarray:
    return frame.permute(1, 2, 0).numpy()


def test_agrees_with_scikit_image() -> None:
    prediction, truth = clips(3)
    metric = FramePredictionMetric(2)
    metric.update(prediction[:2], truth[:2])
    metric.update(prediction[2], truth[2])
    score = metric.compute()
    assert score.clips == 3
    for step, frame in enumerate(score.frames):
        pairs = [(channels_last(truth[clip, step]), channels_last(prediction[clip, step])) for clip in range(3)]
        psnrs = [peak_signal_noise_ratio(*pair) for pair in pairs]
        ssims = [
            structural_similarity(
                *pair, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
            )
            for pair in pairs
        ]
        error = (prediction[:, step].double() - truth[:, step].double()) / 255
        assert frame.psnr_of_frames == pytest.approx(np.mean(psnrs))
        assert frame.ssim == pytest.approx(np.mean(ssims), abs=1e-4)
        assert frame.mse == pytest.approx(float(error.square().mean()))
        assert frame.mae == pytest.approx(float(error.abs().mean()))
        assert frame.psnr == pytest.approx(-10 * math.log10(frame.mse))
    first, last = score.frames
    assert score.overall.mse == pytest.approx((first.mse + last.mse) / 2)
    assert score.overall.ssim == pytest.approx((first.ssim + last.ssim) / 2)
    assert score.overall.psnr == pytest.approx(-10 * math.log10(score.overall.mse))
    assert first.psnr > score.overall.psnr > last.psnr


def test_by_hand() -> None:
    truth = torch.full((1, 1, 3, 12, 12), 100, dtype=torch.uint8)
    prediction = truth.clone()
    prediction[..., :6] += 51  # a fifth of the range in half of the pixels
    metric = FramePredictionMetric(1)
    metric.update(prediction, truth)
    overall = metric.compute().overall
    assert (overall.mae, overall.mse) == pytest.approx((0.1, 0.02))
    assert overall.psnr == pytest.approx(-10 * math.log10(0.02))


def test_perfect_frame_is_infinitely_good_and_only_where_it_is_alone() -> None:
    prediction, truth = clips(1)
    prediction[:, 0] = truth[:, 0]
    metric = FramePredictionMetric(2)
    metric.update(prediction, truth)
    score = metric.compute()
    assert (score.frames[0].psnr, score.frames[0].mse) == (math.inf, 0)
    assert math.isfinite(score.overall.psnr)
    assert score.overall.psnr_of_frames == math.inf


def test_merging_changes_nothing() -> None:
    prediction, truth = clips(4)
    whole, one, other = (FramePredictionMetric(2) for _ in range(3))
    whole.update(prediction, truth)
    one.update(prediction[:1], truth[:1])
    other.update(prediction[1:], truth[1:])
    one.merge(other)
    for merged in (one, one.reduce()):
        for ours, theirs in zip(merged.compute().frames, whole.compute().frames, strict=True):
            assert vars(ours) == pytest.approx(vars(theirs))


def test_baselines_by_hand() -> None:
    frames = torch.zeros(11, 3, 2, 2, dtype=torch.uint8)
    frames[9], frames[10] = 100, 120
    frames[9, 0], frames[10, 0] = 100, 95
    copied, extrapolated = copy_last_frame(frames), extrapolate_frames(frames)
    assert copied.shape == extrapolated.shape == (11, 3, 2, 2)
    assert copied[:, 1, 0, 0].tolist() == [120] * 11
    assert extrapolated[:, 1, 0, 0].tolist() == [140, 160, 180, 200, 220, 240, 255, 255, 255, 255, 255]
    assert extrapolated[:, 0, 0, 0].tolist() == [90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40]


def test_extrapolation_never_wraps() -> None:
    frames = torch.zeros(2, 3, 1, 1, dtype=torch.uint8)
    frames[0] = 255
    assert extrapolate_frames(frames, 127).unique().tolist() == [0]
    assert extrapolate_frames(frames.flip(0), 127).unique().tolist() == [255]


def test_baselines_of_batches() -> None:
    frames = torch.randint(256, (4, 11, 3, 5, 6), dtype=torch.uint8)
    for baseline in (copy_last_frame, extrapolate_frames):
        assert torch.equal(baseline(frames, 3), torch.stack([baseline(clip, 3) for clip in frames]))


def test_refuses() -> None:
    prediction, truth = clips(1)
    metric = FramePredictionMetric(2)
    with pytest.raises(ValueError, match="has counted no clip"):
        metric.compute()
    with pytest.raises(TypeError, match=r"truth must be uint8, got torch.float32"):
        metric.update(prediction, truth.float())
    with pytest.raises(
        ValueError, match=r"prediction must have shape \(2, 3, H, W\), with or without a leading B, got"
    ):
        metric.update(prediction[:, :1], truth)
    with pytest.raises(ValueError, match="prediction and truth must have one shape"):
        metric.update(prediction[0], truth)
    with pytest.raises(ValueError, match="other must have 2 steps, got 3"):
        metric.merge(FramePredictionMetric(3))
    with pytest.raises(ValueError, match="steps must be 1 or more, got 0"):
        FramePredictionMetric(0)
    with pytest.raises(TypeError, match=r"frames must be uint8, got torch.int32"):
        copy_last_frame(truth[0].int())
    with pytest.raises(ValueError, match="with T of 2 or more"):
        extrapolate_frames(truth[0, :1])
    with pytest.raises(ValueError, match="steps must be 1 to 127, got 128"):
        extrapolate_frames(truth[0], 128)
