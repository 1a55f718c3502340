"""The predictor that comes with the package."""

from __future__ import annotations

import json

import pytest
import torch

from maskreel.common.world import TableScene
from maskreel.vfp.evaluation import copy_last_frame, extrapolate_frames
from maskreel.vfp.frames import PredictorConfig, frame_quality, load_predictor
from maskreel.vfp.saved import shipped


@pytest.fixture(scope="module")
def clips() -> list[torch.Tensor]:
    pictures = (torch.as_tensor(TableScene().frames_and_labels(900_000 + seed)[0]) for seed in range(4))
    return [frames.permute(0, 3, 1, 2).contiguous() for frames in pictures]


def test_beats_both_baselines_on_clips_it_has_not_seen(clips: list[torch.Tensor]) -> None:
    ours, copied, linear = (
        frame_quality(predict, clips).overall
        for predict in (load_predictor().predict, copy_last_frame, extrapolate_frames)
    )
    assert ours.psnr > copied.psnr + 1
    assert ours.psnr > linear.psnr + 3
    assert ours.ssim > copied.ssim
    assert ours.ssim > linear.ssim


def test_is_the_network_of_the_default_options() -> None:
    config = load_predictor().config
    assert config == PredictorConfig(mean=config.mean, std=config.std)
    assert shipped("predictor").stat().st_size < 4_000_000


def test_record_holds_the_quality_on_three_difficulties() -> None:
    record = json.loads(shipped("predictor").with_suffix(".json").read_text())
    for scene in ("easy", "medium", "hard"):
        for baseline in ("copy_last", "linear"):
            for measure in ("psnr", "ssim"):
                assert record["quality"][f"{scene}_{measure}"] > record["quality"][f"{scene}_{baseline}_{measure}"]


def test_colours_in_another_order_are_predicted_worse(clips: list[torch.Tensor]) -> None:
    """It is told that its input is RGB; it can tell the difference."""
    predictor = load_predictor()
    right = frame_quality(predictor.predict, clips[:2]).overall.psnr
    swapped = frame_quality(lambda frames: predictor.predict(frames.flip(2)).flip(2), clips[:2]).overall.psnr
    assert right > swapped
