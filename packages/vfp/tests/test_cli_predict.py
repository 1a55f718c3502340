"""`maskreel vfp train` and `maskreel vfp predict` from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from maskreel.common import video
from maskreel.common.cli import run_subcommands
from maskreel.common.errors import InputError
from maskreel.common.show import save_image
from maskreel.vfp.commands.predict import predict
from maskreel.vfp.commands.train import train
from maskreel.vfp.frames import (
    FramePredictor,
    PredictorConfig,
    build_predictor,
    load_predictor,
    predicted_clips,
    save_predictor,
)

if TYPE_CHECKING:
    from pathlib import Path

TINY = PredictorConfig(patch=2, spatial_width=4, temporal_width=8, temporal_depth=2, mlp_ratio=1.0)


def run(*words: object) -> None:
    run_subcommands({"train": train, "predict": predict}, list(map(str, words)), "maskreel vfp")


def frames(seed: int, count: int = 22, size: tuple[int, int] = (16, 24)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=generator)


def write_split(folder: Path, numbers: list[int], count: int = 22) -> Path:
    for number in numbers:
        for time, frame in enumerate(frames(number, count)):
            save_image(folder / f"video_{number}/image_{time}.png", frame)
        if folder.name in ("train", "val"):
            np.save(folder / f"video_{number}/mask.npy", np.zeros((count, 16, 24), np.uint8))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "predictor.safetensors"
    torch.manual_seed(0)
    predictor = build_predictor(TINY)
    for parameter in predictor.parameters():
        nn.init.normal_(parameter, std=0.1)
    save_predictor(predictor, path)
    return path


def expected(weights: Path, *seeds: int) -> torch.Tensor:
    return load_predictor(weights).predict(torch.stack([frames(seed)[:11] for seed in seeds]))


def test_predicts_a_split_in_the_order_of_its_numbers(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = write_split(tmp_path / "data/val", [10, 9, 1002])
    run("predict", split, "-o", tmp_path / "out", "--weights", weights, "--no-scale", "--batch", 2)
    found = np.load(tmp_path / "out/predictions.npy")
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected(weights, 9, 10, 1002))
    record = json.loads((tmp_path / "out/predictions.json").read_text())
    assert record["clips"] == ["video_9", "video_10", "video_1002"]
    assert record["first_frame"] == 12
    truth = torch.stack([frames(seed)[11:] for seed in (9, 10, 1002)]).double()
    error = float(((torch.from_numpy(found).double() - truth) / 255).square().mean())
    told = capsys.readouterr().out
    assert f"PSNR {-10 * np.log10(error):.2f} dB" in told
    assert "of the last known frame" in told


def test_clips_without_a_future_are_predicted_and_not_measured(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = write_split(tmp_path / "data/hidden", [3, 1], count=11)
    run("predict", split, "-o", tmp_path / "out", "--weights", weights, "--no-scale")
    assert np.array_equal(np.load(tmp_path / "out/predictions.npy"), expected(weights, 1, 3))
    assert capsys.readouterr().out == ""
    short = write_split(tmp_path / "data/unlabeled", [1], count=11)
    run("predict", short, "-o", tmp_path / "short", "--weights", weights, "--no-scale")
    assert np.array_equal(np.load(tmp_path / "short/predictions.npy"), expected(weights, 1))


def test_writes_floats_clipped(tmp_path: Path, weights: Path) -> None:
    split = write_split(tmp_path / "data/hidden", [1], count=11)
    run("predict", split, "-o", tmp_path / "out", "--weights", weights, "--no-scale", "--dtype", "float32")
    found = torch.from_numpy(np.load(tmp_path / "out/predictions.npy"))
    exact = load_predictor(weights)(frames(1)[None, :11].float() / 255)
    assert found.dtype == torch.float32
    assert exact.min() < 0
    assert torch.allclose(found, exact.clamp(0, 1), atol=1e-6)


def test_writes_images_animations_videos_and_strips(tmp_path: Path, weights: Path) -> None:
    split = write_split(tmp_path / "data/val", [5])
    out = tmp_path / "out"
    run("predict", split, "-o", out, "--weights", weights, "--no-scale", "--outputs", "png", "gif", "mp4", "strip")
    assert not (out / "predictions.npy").exists()
    found = video.read(out / "video_5").frames
    assert sorted(path.name for path in (out / "video_5").iterdir()) == sorted(f"image_{t}.png" for t in range(11, 22))
    assert torch.equal(found, expected(weights, 5)[0])
    assert video.probe(out / "video_5.mp4").frame_count == 22
    assert abs(video.probe(out / "video_5.mp4").fps - Fraction(256, 50)) < Fraction(1, 1000)
    assert (out / "video_5.gif").read_bytes()[:6] == b"GIF89a"
    hidden = write_split(tmp_path / "data/hidden", [5], count=11)
    run("predict", hidden, "-o", tmp_path / "blind", "--weights", weights, "--no-scale", "--outputs", "strip")
    with (
        Image.open(out / "video_5_strip.png") as three_rows,
        Image.open(tmp_path / "blind/video_5_strip.png") as one_row,
    ):
        assert three_rows.height > 2 * one_row.height  # the truth is above and the error below


def test_scales_other_sizes_unless_told_not_to(tmp_path: Path, weights: Path) -> None:
    np.save(tmp_path / "clips.npy", torch.stack([frames(1)[:11], frames(2)[:11]]).numpy())
    run("predict", tmp_path / "clips.npy", "-o", tmp_path / "scaled", "--weights", weights)
    assert np.load(tmp_path / "scaled/predictions.npy").shape == (2, 11, 3, 160, 240)
    run("predict", tmp_path / "clips.npy", "-o", tmp_path / "own", "--weights", weights, "--no-scale")
    assert np.array_equal(np.load(tmp_path / "own/predictions.npy"), expected(weights, 1, 2))


class Numbered(nn.Module):
    """Gives the number of the clip, and keeps the sizes of the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, inputs: torch.Tensor, steps: int) -> torch.Tensor:
        self.batches.append(len(inputs))
        return inputs[:, -1:].expand(-1, steps, -1, -1, -1)


def test_1001_clips_give_1001_predictions() -> None:
    """The last, partial batch is not lost, and the order stays."""
    from maskreel.vfp.data import ObservedClip

    network = Numbered()
    predictor = FramePredictor(replace(TINY, residual=False), network, stride=1)
    clips = (
        ObservedClip(
            f"clip_{i}", torch.tensor([i // 256, i % 256, 7], dtype=torch.uint8).view(1, 3, 1, 1).expand(11, -1, 1, 1)
        )
        for i in range(1001)
    )
    found = list(predicted_clips(predictor, clips, batch_size=20, scale=False))
    assert len(found) == 1001
    assert network.batches == [20] * 50 + [1]
    for number, (clip, _, future) in enumerate(found):
        assert clip.name == f"clip_{number}"
        assert (future[0, :, 0, 0] * 255).round().tolist() == [number // 256, number % 256, 7]


def test_clips_of_several_sizes_are_predicted_in_their_order() -> None:
    from maskreel.vfp.data import ObservedClip

    network = Numbered()
    predictor = FramePredictor(replace(TINY, residual=False), network, stride=1)
    sizes = [(4, 4), (4, 4), (4, 6), (4, 4), (4, 4), (4, 4)]
    clips = [ObservedClip(str(i), frames(i, 11, size)) for i, size in enumerate(sizes)]
    found = list(predicted_clips(predictor, clips, batch_size=2, scale=False))
    assert [(clip.name, tuple(future.shape[-2:])) for clip, _, future in found] == [
        (str(i), s) for i, s in enumerate(sizes)
    ]
    assert network.batches == [2, 1, 2, 1]
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        next(predicted_clips(predictor, clips, batch_size=0))


def test_one_array_cannot_hold_two_sizes(tmp_path: Path, weights: Path) -> None:
    for name, size in (("a", (16, 24)), ("b", (24, 16))):
        video.write(tmp_path / f"in/{name}.mkv", video.Clip(frames(1, 11, size), Fraction(5)), codec="ffv1")
    with pytest.raises(InputError, match=r"b has frames of 16x24 pixels, expected 24x16 like the clips before it"):
        run("predict", tmp_path / "in", "-o", tmp_path / "out", "--weights", weights, "--no-scale")
    assert not (tmp_path / "out/predictions.npy").exists()
    run("predict", tmp_path / "in", "-o", tmp_path / "out", "--weights", weights, "--no-scale", "--outputs", "png")
    assert (tmp_path / "out/b/image_21.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--batch", 0), "--batch must be 1 or more, got 0"),
        (("--every", 0), "--every must be 1 or more, got 0"),
        (("--weights", "none.safetensors"), "none.safetensors is not a file"),
        (("--device", "cuda"), "device is cuda, but torch finds no CUDA device"),
    ],
)
def test_refuses_options_in_a_sentence(tmp_path: Path, words: tuple[object, ...], message: str) -> None:
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    split = write_split(tmp_path / "hidden", [1], count=11)
    with pytest.raises(InputError, match=message):
        run("predict", split, "-o", tmp_path / "out", *words)


NETWORK = ("--patch", 2, "--spatial-width", 4, "--temporal-width", 8, "--temporal-depth", 2, "--mlp-ratio", 1)


def test_trains_saves_and_predicts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path / "data/train", [0, 1, 2])
    write_split(tmp_path / "data/val", [7])
    short = ("--steps", 2, "--batch-size", 2, "--threads", 1, "--log-every", 1)
    words = ("train", tmp_path / "data", "-o", tmp_path / "run", *short, *NETWORK)
    with caplog.at_level("INFO"):
        run(*words)
    predictor = load_predictor(tmp_path / "run/predictor.safetensors")
    pixels = torch.stack([frames(seed)[:11] for seed in (0, 1, 2)]).double() / 255
    assert predictor.config.mean == pytest.approx(pixels.mean((0, 1, 3, 4)).tolist())
    assert predictor.config.std == pytest.approx(pixels.transpose(0, 2).flatten(1).std(1, correction=0).tolist())
    record = json.loads((tmp_path / "run/predictor.json").read_text())
    assert record["steps"] == 2
    assert record["data"].startswith("3 clips of")
    truth, last = frames(7)[11:].double() / 255, frames(7)[10].double() / 255
    assert record["quality"]["copy_last_mse"] == pytest.approx(float((truth - last).square().mean()))
    assert {"psnr", "ssim", "mse", "linear_psnr"} <= set(record["quality"])
    lost = record["quality"]["psnr"] <= record["quality"]["copy_last_psnr"]
    assert ("psnr is not better than that of the last observed frame" in caplog.text) == lost
    assert len(list((tmp_path / "run/cache").iterdir())) == 4
    (tmp_path / "run/predictor.safetensors").unlink()
    run(*words)  # finished: it measures and saves again what is there
    again = load_predictor(tmp_path / "run/predictor.safetensors").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in predictor.state_dict().items())
    weights = tmp_path / "run/predictor.safetensors"
    run("predict", tmp_path / "data/val", "-o", tmp_path / "out", "--weights", weights, "--no-scale")
    assert np.array_equal(np.load(tmp_path / "out/predictions.npy")[0], predictor.predict(frames(7)[None, :11])[0])


def test_trains_on_from_weights_with_given_statistics_and_several_sources(tmp_path: Path, weights: Path) -> None:
    np.save(tmp_path / "a.npy", torch.stack([frames(0), frames(1)]).numpy())
    np.save(tmp_path / "b.npy", frames(2)[None].numpy())
    np.save(tmp_path / "c.npy", frames(3)[None].numpy())
    held_out = ("--held-out", tmp_path / "a.npy", tmp_path / "c.npy")
    short = (
        "--steps",
        1,
        "--batch-size",
        1,
        "--threads",
        1,
        "--lr",
        1e-9,
        "--weight-decay",
        0,
        "--schedule",
        "constant",
    )
    run(
        "train", tmp_path / "a.npy", tmp_path / "b.npy", "-o", tmp_path / "run", *held_out, *short, "--weights", weights
    )
    before, after = load_predictor(weights), load_predictor(tmp_path / "run/predictor.safetensors")
    assert after.config == before.config
    for (name, one), (_, other) in zip(before.named_parameters(), after.named_parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3), name
    record = json.loads((tmp_path / "run/predictor.json").read_text())
    assert {"a_psnr", "c_psnr", "a_copy_last_ssim", "c_linear_mse"} <= set(record["quality"])
    assert record["data"].startswith("3 clips of")
    plain = ("--statistics", "given", "--mean", 0.1, 0.2, 0.3, "--std", 1, 1, 1)
    run("train", tmp_path / "b.npy", "-o", tmp_path / "other", *short, *NETWORK, *plain)
    other = load_predictor(tmp_path / "other/predictor.safetensors")
    assert (other.config.mean, other.config.std) == ((0.1, 0.2, 0.3), (1, 1, 1))
    assert json.loads((tmp_path / "other/predictor.json").read_text())["quality"] == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ahead", 3), "--ahead must be 11 with --head all, got 3"),
        (("--watched", 0), "--watched must be 1 or more, got 0"),
        (("--held-out", "short"), "short holds a clip of fewer than 22 frames, too short to be held out"),
    ],
)
def test_refuses_trainings_that_cannot_be_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", frames(0)[None].numpy())
    video.write("short/film.mkv", video.Clip(frames(0, 12), Fraction(5)), codec="ffv1")
    with pytest.raises(InputError, match=message):
        run("train", "a.npy", "-o", "run", *words)
    with pytest.raises(InputError, match="DATA must name one or more places of clips"):
        run("train", "-o", "run")
