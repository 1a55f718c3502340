"""AKD, MKR, AED and FID in reconstruct and evaluate, by TorchScript files that a person has."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from maskreel.animate.metrics import EmbeddingScore, FrechetScore, KeypointScore
from maskreel.animate.weights import save_model
from maskreel.common.cli import main
from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.animate.model import AnimationModel

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")


class Points(nn.Module):
    """Two points that follow the brightness; the second is lost in frames that are rather dark."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        bright = pictures.float().mean(dim=[2, 3])
        second = torch.where(bright[:, 1:] > 127.0, bright[:, 1:], torch.full_like(bright[:, 1:], float("nan")))
        return torch.stack([bright[:, :2], second], dim=1)


class Colours(nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.float().mean(dim=[2, 3])


class Pair(nn.Module):
    def forward(self, pictures: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        return pictures + others


def noise(count: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), np.uint8))


@pytest.fixture
def files(model: AnimationModel, tmp_path: Path) -> Path:
    """Two videos of one size, weights, and TorchScript files."""
    for seed, name in enumerate(("a", "b")):
        write(tmp_path / "in" / f"{name}.mkv", Clip(noise(4 + seed, seed), Fraction(5)), codec="ffv1")
    save_model(model, tmp_path / "small.safetensors")
    for name, network in (("points", Points()), ("colours", Colours()), ("pair", Pair())):
        torch.jit.save(torch.jit.script(network), tmp_path / f"{name}.pt")
    return tmp_path


def animate(files: Path, *words: object) -> int:
    return main(["-q", "animate", *map(str, words), "--weights", str(files / "small.safetensors")])


def judges_of(files: Path) -> list[object]:
    points, colours = files / "points.pt", files / "colours.pt"
    return ["--keypoints", points, "--embedder", colours, "--features", colours]


def scores(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "scores.json").read_text())["scores"]


def test_reconstruct_asks_the_networks_of_a_person(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert animate(files, "reconstruct", files / "in", "-o", files / "out", "--no-clips", *judges_of(files)) == 0
    told = capsys.readouterr().out
    found = scores(files / "out")["reconstruction"]["copy"]
    videos = [noise(4, 0), noise(5, 1)]
    frechet, expected = FrechetScore(Colours()), {"akd": [], "mkr": [], "aed": []}
    for frames in videos:
        still = frames[:1].expand_as(frames).contiguous()
        keypoints, embedding = KeypointScore(Points()), EmbeddingScore(Colours())
        for score in (keypoints, embedding):
            score.update(still, frames)
        for name, value in (keypoints.compute() | embedding.compute()).items():
            expected[name].append(value)
        frechet.update(still, "result")
        frechet.update(frames, "truth")
    for name, values in expected.items():
        assert found[name]["mean"] == pytest.approx(np.nanmean(values), rel=1e-5)
    assert found["fid"]["mean"] == pytest.approx(frechet.compute()["fid"], rel=1e-5)
    for name in ("akd", "mkr", "aed", "fid"):
        assert name in told
        assert set(scores(files / "out")["reconstruction"]["refined"]) >= {name}
    with (files / "out" / "scores.csv").open() as stream:
        rows = {(row["video"], row["method"]): row for row in csv.DictReader(stream)}
    assert rows["a.mkv", "copy"]["fid"] == rows["all videos", "copy"]["akd"] == ""
    assert float(rows["all videos", "copy"]["fid"]) == found["fid"]["mean"]


def test_without_networks_there_are_no_such_figures(files: Path) -> None:
    assert animate(files, "reconstruct", files / "in", "-o", files / "out", "--no-clips") == 0
    assert not {"akd", "mkr", "aed", "fid"} & set(scores(files / "out")["reconstruction"]["copy"])


def test_evaluate_asks_them_where_the_exact_result_is_known(files: Path) -> None:
    data = ["evaluate", files / "in", "-o", files / "data", "--shown", 0]
    assert animate(files, *data, *judges_of(files)) == 0
    assert set(scores(files / "data")["reconstruction"]["raw"]) >= {"aed", "fid"}
    world = ["evaluate", "--world", 1, "--frames", 2, "-o", files / "world", "--shown", 0]
    assert animate(files, *world, *judges_of(files)) == 0
    for task in ("reconstruction", "animation"):
        exact, copied = (scores(files / "world")[task][method] for method in ("exact result", "copy"))
        assert exact["aed"]["mean"] == pytest.approx(0)
        assert exact["fid"]["mean"] == pytest.approx(0, abs=1e-6)
        assert copied["aed"]["mean"] > 0
        assert exact["akd"]["mean"] in (0, None)


def test_files_of_another_kind_are_refused(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "text.pt").write_text("hello")
    for option, name, fault in (
        ("--keypoints", "none.pt", "none.pt does not exist, expected a TorchScript file"),
        ("--embedder", "text.pt", "text.pt is not a TorchScript file"),
        ("--keypoints", "colours.pt", "colours.pt must give (N, K, 2) of N pictures, but gives (2, 3) of 2"),
        ("--features", "points.pt", "points.pt must give (N, D) of N pictures, but gives (2, 2, 2) of 2"),
        ("--features", "pair.pt", "pair.pt does not take pictures, uint8 (N, 3, S, S), and give one tensor"),
    ):
        assert animate(files, "reconstruct", files / "in", "-o", files / "out", option, files / name) == 2
        assert fault in capsys.readouterr().err
    assert not (files / "out").exists()
