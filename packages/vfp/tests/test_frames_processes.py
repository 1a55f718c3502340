"""Two processes train a frame predictor as one does; here over gloo on the CPU."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed

from maskreel.common.training import TrainingConfig, train
from maskreel.vfp.frames import (
    FrameLoss,
    FramePredictionTask,
    PredictorConfig,
    VideoWindows,
    WindowConfig,
    build_predictor,
)

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

NETWORK = PredictorConfig(network="convlstm", patch=2, temporal_width=6, temporal_depth=1, std=(0.3, 0.3, 0.3))
"""Without batch norm, so that it does not matter how a batch is divided."""
RUN = TrainingConfig(steps=5, batch_size=4, lr=0.01, log_every=1, evaluate_every=5, threads=1)


def clips(count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randint(0, 256, (count, 22, 3, 12, 12), dtype=torch.uint8, generator=generator))


def run(folder: Path, launcher: Any) -> None:
    torch.manual_seed(4)
    loss = FrameLoss(l1=0.1, divergence=0.1)
    task = FramePredictionTask(build_predictor(NETWORK), clips(3, seed=1), loss=loss)
    windows = VideoWindows(clips(5, seed=0), WindowConfig(strides=(1, 2)))  # so that some futures are not known
    train(task, windows, replace(RUN, launcher=launcher), folder)


def lines(folder: Path, what: str) -> list[dict[str, float]]:
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line[what] for line in log if what in line]


def test_two_processes_give_the_weights_and_scores_of_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(tmp_path / "two")],
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
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()
    run(tmp_path / "one", "none")
    for one, two in zip(lines(tmp_path / "one", "losses"), lines(tmp_path / "two", "losses"), strict=True):
        assert one == pytest.approx(two, rel=1e-5)
    [one], [two] = (lines(tmp_path / name, "metrics") for name in ("one", "two"))
    assert one == pytest.approx(two, rel=1e-4)  # three clips, shared by two processes
    mine, others = (load_file(tmp_path / name / "final.safetensors") for name in ("one", "two"))
    for name, value in mine.items():
        assert torch.allclose(value, others[name], rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    run(Path(sys.argv[1]), "pytorch")
