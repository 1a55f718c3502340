"""Two processes train as one does, and count as one does; here over gloo on the CPU. One launch serves all tests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed

from maskreel.common.training import TrainingConfig, train
from maskreel.vfp.evaluation import ForecastBreakdown, ForecastMetric, FramePredictionMetric
from maskreel.vfp.frames import (
    FrameLoss,
    FramePredictionTask,
    PredictorConfig,
    VideoWindows,
    WindowConfig,
    build_predictor,
)
from maskreel.vfp.masks import LabelWindows, MaskForecastTask, MaskNetworkConfig, build_mask_network

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

Launcher = Literal["none", "pytorch"]

LSTM = PredictorConfig(network="convlstm", patch=2, temporal_width=6, temporal_depth=1, std=(0.3, 0.3, 0.3))
"""Without batch norm, so that it does not matter how a batch is divided."""
MASKS = MaskNetworkConfig(
    targets=(21,),
    observed=(6, 10),
    drafts=(21,),
    draft_width=8,
    spatial_width=4,
    temporal_width=8,
    temporal_depth=2,
    mlp_ratio=1.0,
)


def generated(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def videos(count: int, seed: int) -> list[torch.Tensor]:
    return list(torch.randint(0, 256, (count, 22, 3, 12, 12), dtype=torch.uint8, generator=generated(seed)))


def train_frames(folder: Path, launcher: Launcher) -> None:
    torch.manual_seed(4)
    task = FramePredictionTask(build_predictor(LSTM), videos(3, seed=1), loss=FrameLoss(l1=0.1, divergence=0.1))
    windows = VideoWindows(videos(5, seed=0), WindowConfig(strides=(1, 2)))  # so that some futures are not known
    config = TrainingConfig(
        steps=5, batch_size=4, lr=0.01, log_every=1, evaluate_every=5, threads=1, launcher=launcher, device="cpu"
    )
    train(task, windows, config, folder)


def squares(count: int, seed: int) -> list[torch.Tensor]:
    """Label maps, uint8 (22, 32, 48), of squares of three classes that move to the right."""
    clips = []
    for place, start in enumerate(torch.randint(0, 4, (count,), generator=generated(seed)).tolist()):
        clip = torch.zeros(22, 32, 48, dtype=torch.uint8)
        for time in range(22):
            clip[time, 11:21, start + time : start + time + 10] = 1 + 16 * (place % 3)
        clips.append(clip)
    return clips


def _stays(mode: bool = True) -> None:
    del mode


def train_masks(folder: Path, launcher: Launcher) -> None:
    """Batch norm does not look at the batch, so that it does not matter how that is divided.

    By plain descent: adamw would make steps of rounding errors where a gradient is nearly 0.
    """
    torch.manual_seed(0)
    network = build_mask_network(MASKS)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
            module.train = _stays  # pyright: ignore[reportAttributeAccessIssue]
    task = MaskForecastTask(network, {"toy": squares(3, 0)})
    config = TrainingConfig(steps=3, batch_size=4, optimiser="sgd", lr=0.05, threads=1, launcher=launcher, device="cpu")
    train(task, LabelWindows(squares(6, 0)), config, folder)


def scores(clips: slice) -> tuple[ForecastMetric, ForecastBreakdown, FramePredictionMetric]:
    """What has counted some of five clips."""
    masks = torch.randint(0, 6, (2, 5, 8, 9), dtype=torch.uint8, generator=generated(0))[:, clips]
    frames = torch.randint(0, 256, (2, 5, 1, 3, 12, 14), dtype=torch.uint8, generator=generated(1))[:, clips]
    metric, breakdown, quality = ForecastMetric(), ForecastBreakdown(), FramePredictionMetric(1)
    metric.update(*masks)
    for forecast, truth in zip(*masks, strict=True):
        breakdown.update(forecast, truth, {3: frozenset({"moving"})})
    quality.update(*frames)
    return metric, breakdown, quality


def told(parts: tuple[ForecastMetric, ForecastBreakdown, FramePredictionMetric]) -> dict[str, Any]:
    metric, breakdown, quality = parts
    return {
        "score": repr(metric.compute()),
        "groups": repr(breakdown.compute()),
        "frames": asdict(quality.compute().overall),
    }


def be_rank(folder: Path) -> None:
    """What each of the two processes does."""
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    half = scores(slice(2) if rank == 0 else slice(2, None))
    metric, breakdown, quality = half
    whole = told((metric.reduce(), breakdown.reduce(), quality.reduce()))
    (folder / f"{rank}.json").write_text(json.dumps({**whole, "own clips": len(metric)}))
    train_frames(folder / "frames", "pytorch")
    train_masks(folder / "masks", "pytorch")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that two processes have written to."""
    folder = tmp_path_factory.mktemp("two")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            env={**os.environ, **group, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for rank in ranks:
            errors = rank.communicate(timeout=500)[1]
            assert rank.returncode == 0, errors
        yield folder
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def lines(folder: Path, what: str) -> list[dict[str, float]]:
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line[what] for line in log if what in line]


def assert_same_weights(one: Path, two: Path, atol: float) -> None:
    first, second = (load_file(folder / "final.safetensors") for folder in (one, two))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-4, atol=atol, msg=name)


def test_a_frame_predictor_is_trained_as_by_one(two: Path, tmp_path: Path) -> None:
    train_frames(tmp_path, "none")
    for mine, theirs in zip(lines(tmp_path, "losses"), lines(two / "frames", "losses"), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)
    [mine], [theirs] = (lines(folder, "metrics") for folder in (tmp_path, two / "frames"))
    assert mine == pytest.approx(theirs, rel=1e-4)  # three clips, shared by two processes
    assert_same_weights(tmp_path, two / "frames", 1e-6)


def test_a_mask_network_is_trained_as_by_one(two: Path, tmp_path: Path) -> None:
    train_masks(tmp_path, "none")
    assert_same_weights(tmp_path, two / "masks", 1e-6)
    mine, theirs = (
        json.loads((folder / "training.json").read_text())["result"]["metrics"] for folder in (tmp_path, two / "masks")
    )
    assert mine.keys() == {"toy_iou", "toy_likeliest", "toy_copy_last"}
    assert theirs == pytest.approx(mine, abs=1e-6)


def test_scores_of_the_ranks_add_up(two: Path) -> None:
    """The ranks hold clips 0 and 1, and 2 to 4: in the order of the whole, so that even the intervals are the same."""
    expected = told(scores(slice(None)))
    for rank, own in ((0, 2), (1, 3)):
        found = json.loads((two / f"{rank}.json").read_text())
        assert found["score"] == expected["score"]
        assert found["groups"] == expected["groups"]
        assert found["frames"] == pytest.approx(expected["frames"])
        assert found["own clips"] == own, "reducing twice would count twice"


if __name__ == "__main__":  # one of the two processes
    be_rank(Path(sys.argv[1]))
