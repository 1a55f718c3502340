"""Training of a frame predictor: it learns, goes on exactly, and measures itself."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from maskreel.common.training import Preempted, TrainingConfig, train
from maskreel.vfp.frames import (
    FrameLoss,
    FramePredictionTask,
    PredictorConfig,
    VideoWindows,
    WindowConfig,
    build_predictor,
    frame_quality,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TINY = PredictorConfig(patch=2, spatial_width=8, temporal_width=16, temporal_depth=2, mlp_ratio=1.0)
SMALL = replace(TINY, mean=(0.2, 0.2, 0.2), std=(0.3, 0.3, 0.3))
RUN = TrainingConfig(steps=6, batch_size=4, lr=3e-3, checkpoint_every=2, evaluate_every=3, log_every=1, threads=1)


def moving_squares(count: int, *, seed: int = 0, size: int = 16) -> list[torch.Tensor]:
    """Bright squares that go left or right by half a pixel per frame and turn round at the edges."""
    generator = torch.Generator().manual_seed(seed)
    clips = []
    for _ in range(count):
        row, start, step = torch.randint(0, size - 4, (3,), generator=generator).tolist()
        frames = torch.full((22, 3, size, size), 40, dtype=torch.uint8)
        for time in range(22):
            way = (start + (1 if step % 2 else -1) * time // 2) % (2 * (size - 4))
            column = min(way, 2 * (size - 4) - way)
            frames[time, :, row : row + 4, column : column + 4] = 220
        clips.append(frames)
    return clips


def task(
    clips: list[torch.Tensor] | None = None, *, loss: FrameLoss | None = None, **options: Any
) -> FramePredictionTask:
    torch.manual_seed(4)
    return FramePredictionTask(build_predictor(replace(SMALL, **options)), clips or [], loss=loss)


def curve(folder: Path) -> list[Any]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line.get("losses"), line.get("metrics")) for line in lines]


def test_learns_to_predict_moving_squares_it_has_not_seen(tmp_path: Path) -> None:
    held_out = moving_squares(12, seed=1)
    learner = task(held_out)
    config = replace(RUN, steps=50, batch_size=8, lr=2e-2, schedule="onecycle", checkpoint_every=50, evaluate_every=50)
    train(learner, VideoWindows(moving_squares(100)), config, tmp_path)
    scores = learner.evaluate(learner.module)
    assert scores["psnr"] > scores["copy_last_psnr"] + 1
    assert scores["psnr"] > scores["linear_psnr"] + 1
    assert scores["ssim"] > scores["copy_last_ssim"]
    assert scores["mse"] < 0.8 * scores["copy_last_mse"]


class Stopping(FramePredictionTask):
    """Asks to be stopped in one of its steps, as Slurm does."""

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().losses(module, batch)


@pytest.mark.parametrize("network", ["simvp", "convlstm"])
def test_stopped_and_resumed_training_ends_with_the_same_weights(tmp_path: Path, network: str) -> None:
    clips = VideoWindows(moving_squares(6), WindowConfig(strides=(1, 2), brightness=0.2))
    options: dict[str, Any] = {"network": network, "drop_path": 0.5} if network == "simvp" else {"network": network}
    held_out = moving_squares(2, seed=1)
    train(task(held_out, **options), clips, RUN, tmp_path / "whole")
    torch.manual_seed(4)
    stopping = Stopping(build_predictor(replace(SMALL, **options)), held_out)
    with pytest.raises(Preempted, match="after step 3 of 6"):
        train(stopping, clips, RUN, tmp_path / "parts")
    result = train(task(held_out, **options), clips, RUN, tmp_path / "parts")
    assert curve(tmp_path / "whole") == curve(tmp_path / "parts")
    whole, parts = load_file(tmp_path / "whole/final.safetensors"), load_file(result.weights)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    start = task(**options).module.state_dict()
    assert any(not torch.equal(whole[name], start[name]) for name in whole)


def test_evaluates_the_network_beside_the_baselines() -> None:
    clips = moving_squares(3)
    scores = task(clips).evaluate(task(clips).module)
    assert set(scores) == {f"{name}{key}" for name in ("", "copy_last_", "linear_") for key in ("psnr", "ssim", "mse")}
    for key in ("psnr", "ssim", "mse"):  # untrained, it copies
        assert scores[key] == scores[f"copy_last_{key}"]
    truth = torch.stack([clip[11:] for clip in clips]).double() / 255
    last = torch.stack([clip[10:11] for clip in clips]).double() / 255
    assert scores["mse"] == pytest.approx(float((truth - last).square().mean()))
    assert scores["psnr"] == pytest.approx(float(-10 * (truth - last).square().mean().log10()))
    assert task().evaluate(task().module) == {}


def test_direct_head_is_measured_on_frame_22_alone() -> None:
    clips = moving_squares(3)
    learner = task(clips, head="direct")
    last = torch.stack([(clip[21].double() - clip[10].double()) / 255 for clip in clips])
    assert learner.evaluate(learner.module)["mse"] == pytest.approx(float(last.square().mean()))


def test_direct_head_learns_from_frame_22_alone() -> None:
    learner = task(head="direct")
    batch = torch.utils.data.default_collate([VideoWindows(moving_squares(1))[0]])
    expected = learner.losses(learner.module, batch)
    batch["future"][:, :10] = 0.77
    assert learner.losses(learner.module, batch) == expected
    batch["future"][:, 10] = 0.77
    assert learner.losses(learner.module, batch) != expected


@pytest.mark.parametrize("network", ["simvp", "convlstm"])
def test_roll_out_is_trained_as_far_as_the_windows_reach(network: str) -> None:
    learner = task(network=network, head="rollout")
    batch = torch.utils.data.default_collate([VideoWindows(moving_squares(1), WindowConfig(ahead=2))[0]])
    seen = []
    learner.module.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    learner.losses(learner.module, batch)["mse"].backward()
    assert seen == [2]


def test_shows_truth_prediction_and_error() -> None:
    clips = moving_squares(1, size=32)
    picture = task(clips).samples(task(clips).module)
    assert picture is not None
    assert picture.dtype == torch.uint8
    assert picture.ndim == 3
    assert min(picture.shape[1:]) > 3 * 32
    assert task().samples(task().module) is None


def test_quality_is_that_of_the_compared_frames() -> None:
    [clip] = moving_squares(1)
    clip[21] = 255 - clip[20]
    calls = []

    def right_but_for_frame_22(observed: torch.Tensor) -> torch.Tensor:
        assert torch.equal(observed, clip[None, :11])
        calls.append(1)
        return torch.cat([clip[None, 11:21], clip[None, 20:21]], 1)

    score = frame_quality(right_but_for_frame_22, [clip, clip], progress=calls.append)
    assert calls == [1, 1, 1, 1]
    assert [frame.mse == 0 for frame in score.frames] == [True] * 10 + [False]
    with pytest.raises(ValueError, match="counted no clip"):
        frame_quality(right_but_for_frame_22, [])
