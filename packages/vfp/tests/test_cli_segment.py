"""`maskreel vfp blur`, `train-segmenter` and `segment`, from the command line to the files."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.masks import read_label_png
from maskreel.common.metrics import MeanIoU
from maskreel.common.video import Clip, probe, write
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.commands.blur import blur
from maskreel.vfp.commands.segment import segment
from maskreel.vfp.commands.train_segmenter import train_segmenter
from maskreel.vfp.frames import PredictorConfig, build_predictor, save_predictor
from maskreel.vfp.segmentation import BlurImages, load_segmenter, load_segmenter_network
from maskreel.vfp.segmentation._footage import FPS

if TYPE_CHECKING:
    from pathlib import Path

VERBS = {"blur": blur, "segment": segment, "train-segmenter": train_segmenter}


def run(*argv: object) -> int | None:
    return run_subcommands(VERBS, [str(part) for part in argv], "maskreel vfp")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    write_dataset(TableScene(size=(96, 144)), folder, Splits(train=3, val=2, hidden=1), seed=5, workers=0)
    return folder


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, so it copies the newest frame."""
    path = tmp_path_factory.mktemp("predictor") / "predictor.safetensors"
    small = PredictorConfig(spatial_width=8, temporal_width=8, temporal_depth=2, spatial_depth=2)
    save_predictor(build_predictor(small), path)
    return path


def labels_of(video: Any) -> torch.Tensor:
    labels = video.labels()
    assert labels is not None
    return labels


def test_blur(data: Path, predictor: Path, tmp_path: Path) -> None:
    assert run("blur", data, "-o", tmp_path / "blur", "--predictor", predictor, "--videos", 2, "--split", "train") == 0
    images = BlurImages(tmp_path / "blur")
    videos = VfpFolder(data, "train")
    assert list(images.frames) == [0, 1]
    for video, (frames, labels) in zip(videos, images.clips, strict=False):
        assert np.array_equal(labels[:], labels_of(video)[11:].numpy())
        assert all(np.array_equal(frame, video.frames(10, 11)[0].numpy()) for frame in frames[:])


def test_numbers_and_lists_are_checked(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--videos must be 1 or more, got 0"):
        run("blur", data, "-o", tmp_path / "blur", "--videos", 0)
    lists = ("--quarantine", tmp_path / "a.txt", tmp_path / "b.txt")
    with pytest.raises(
        InputError, match="--quarantine must name one list for all, or one for each of 1 data sets, got 2"
    ):
        run("train-segmenter", data, "-o", tmp_path / "run", *lists)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device"):
            run("segment", data / "val", "-o", tmp_path / "out", "--device", "cuda")


def test_blur_with_folds(data: Path, predictor: Path, tmp_path: Path) -> None:
    assert run("blur", data, "-o", tmp_path / "folds", "--prepare-folds", 3) == 0
    for place in range(3):
        target = tmp_path / "folds" / f"fold_{place}" / "run" / "predictor.safetensors"
        target.parent.mkdir()
        shutil.copy(predictor, target)
    file = tmp_path / "folds" / "folds.json"
    assert run("blur", data, "-o", tmp_path / "blur", "--folds", file) == 0
    assert list(BlurImages(tmp_path / "blur").frames) == [0, 1, 2]
    with pytest.raises(InputError, match="--folds names its predictors"):
        run("blur", data, "-o", tmp_path / "other", "--folds", file, "--predictor", predictor)


def test_blur_names_bad_videos(data: Path, predictor: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(data / "train", tmp_path / "data" / "train")
    (tmp_path / "data" / "train" / "video_1" / "image_3.png").unlink()
    rest = ("-o", tmp_path / "blur", "--predictor", predictor)
    with pytest.raises(InputError, match=r"video_1/image_3.png is missing"):
        run("blur", tmp_path / "data", *rest)
    with caplog.at_level(logging.WARNING):
        assert run("blur", tmp_path / "data", *rest, "--skip-bad") == 0
    assert "video_1: " in caplog.text
    assert "image_3.png is missing" in caplog.text
    assert list(BlurImages(tmp_path / "blur").frames) == [0, 2]


def test_train_segmenter(data: Path, predictor: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        run("blur", data, "-o", tmp_path / f"blur_{split}", "--predictor", predictor, "--split", split)
    argv = ("train-segmenter", data, "-o", tmp_path / "run", "--blur", tmp_path / "blur_train", "--threads", 1)
    rest = ("--held-out-blur", tmp_path / "blur_val", "--steps", 2, "--batch-size", 2, "--lr", 1e-5)
    rest = (*rest, "--calibration", 2, "--measured", 1)
    assert run(*argv, *rest, "--device", "cpu") == 0
    path = tmp_path / "run" / "segmenter.safetensors"
    _, config = load_segmenter_network(path)
    assert config.network == "shapes"
    record = (tmp_path / "run" / "segmenter.json").read_text()
    assert f'"{data.name}_observed_iou"' in record
    assert '"blur_val_predicted_iou"' in record
    assert '"steps": 2' in record
    # Two steps at a low rate leave the weights of shapes about as they were.
    video = VfpFolder(data, "val")[0]
    metric = MeanIoU(49)
    metric.update(load_segmenter(path)(video.frames()), load_segmenter()(video.frames()))
    assert metric.compute() > 0.6


def test_train_segmenter_from_scratch_and_from_a_file(data: Path, tmp_path: Path) -> None:
    steps = ("--steps", 1, "--batch-size", 2, "--measured", 1, "--threads", 1, "--device", "cpu")
    argv = ("train-segmenter", data, "--network", "unet", *steps)
    assert run(*argv, "-o", tmp_path / "first", "--start", "scratch") == 0
    first = tmp_path / "first" / "segmenter.safetensors"
    assert run(*argv, "-o", tmp_path / "second", "--start", first, "--lr", 1e-9) == 0
    one, other = (load_segmenter_network(tmp_path / name / "segmenter.safetensors")[0] for name in ("first", "second"))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match="--start shapes goes with --network shapes, not unet"):
        run(*argv, "-o", tmp_path / "third")
    with pytest.raises(InputError, match="holds the network unet, but --network asks for shapes"):
        run("train-segmenter", data, "-o", tmp_path / "third", "--start", first, *steps)


def test_segment_a_split(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("segment", data / "val", "-o", tmp_path, "--outputs", "png", "npy", "mp4") == 0
    segmenter, expected = load_segmenter(), MeanIoU(49)
    for video in VfpFolder(data, "val"):
        labels = segmenter(video.frames())
        expected.update(labels, labels_of(video))
        assert np.array_equal(np.load(tmp_path / f"{video.name}.npy"), labels.numpy())
        assert torch.equal(read_label_png(tmp_path / video.name / "00021.png"), labels[21])
        assert not (tmp_path / video.name / "00022.png").exists()
        assert (probe(tmp_path / f"{video.name}.mp4").frame_count, FPS) == (22, FPS)
    assert capsys.readouterr().out == f"mean IoU {expected.compute():.4f}\n"


def test_segment_hidden_videos_without_masks(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("segment", data / "hidden", "-o", tmp_path, "--outputs", "npy") == 0
    (video,) = VfpFolder(data, "hidden")
    assert np.load(tmp_path / f"{video.name}.npy").shape == (11, 96, 144)
    assert capsys.readouterr().out == ""


def test_segment_a_folder_a_video_and_arrays(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data / "val" / "video_3"
    frames = VfpFolder(data, "val")["video_3"].frames()
    expected = load_segmenter()(frames).numpy()
    np.save(tmp_path / "last.npy", frames.movedim(1, -1).numpy())
    np.save(tmp_path / "first.npy", frames.numpy())
    np.save(tmp_path / "both.npy", torch.stack([frames, frames.flip(0)]).numpy())
    write(tmp_path / "film.mkv", Clip(frames, FPS), codec="ffv1")
    for source in (folder, tmp_path / "last.npy", tmp_path / "first.npy", tmp_path / "film.mkv", tmp_path / "both.npy"):
        assert run("segment", source, "-o", tmp_path / "out", "--outputs", "npy") == 0
    for name in ("video_3", "last", "first", "both_0"):
        assert np.array_equal(np.load(tmp_path / "out" / f"{name}.npy"), expected)
    assert np.array_equal(np.load(tmp_path / "out" / "both_1.npy"), expected[::-1])
    assert np.load(tmp_path / "out" / "film.npy").shape == expected.shape
    assert capsys.readouterr().out.count("mean IoU") == 1  # the folder has a mask.npy


def test_min_score_has_an_effect(data: Path, tmp_path: Path) -> None:
    objects = []
    for score in (0.05, 0.999999):
        run("segment", data / "hidden", "-o", tmp_path, "--outputs", "npy", "--min-score", score)
        objects.append((np.load(tmp_path / "video_5.npy") > 0).sum())
    assert objects[0] > objects[1]
    with pytest.raises(InputError, match="--min-score must be in 0 to 1, got 2"):
        run("segment", data / "hidden", "-o", tmp_path, "--min-score", 2)


def test_segment_refuses_frames_in_bgr(tmp_path: Path) -> None:
    clips = [TableScene(frames=2).frames_and_labels(seed) for seed in range(6)]
    for number, frame in enumerate(np.concatenate([frames for frames, _ in clips])):
        Image.fromarray(np.ascontiguousarray(frame[..., ::-1])).save(tmp_path / f"image_{number}.png")
    np.save(tmp_path / "mask.npy", np.concatenate([labels for _, labels in clips]))
    with pytest.raises(InputError, match="seems to hold BGR colours"):
        run("segment", tmp_path, "-o", tmp_path / "out", "--outputs", "npy")


def test_bad_input_is_named(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = ("-o", tmp_path / "out")
    with pytest.raises(InputError, match=r"is a data set, give one of its splits, such as .*val"):
        run("segment", data, *out)
    shutil.copytree(data / "val", tmp_path / "test")
    with pytest.raises(InputError, match="must be called train, val, unlabeled, hidden"):
        run("segment", tmp_path / "test", *out)
    (tmp_path / "test").rename(tmp_path / "val")
    (tmp_path / "val" / "video_3" / "mask.npy").unlink()
    with pytest.raises(InputError, match=r"video_3/mask.npy is missing"):
        run("segment", tmp_path / "val", *out)
    with caplog.at_level(logging.WARNING):
        assert run("segment", tmp_path / "val", *out, "--skip-bad") == 0
    assert "video_3: " in caplog.text
    (tmp_path / "bad.txt").write_text("val/video_3  # no masks\n")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert run("segment", tmp_path / "val", *out, "--quarantine", tmp_path / "bad.txt") == 0
    assert "1 of 2 videos: video_3" in caplog.text
    np.save(tmp_path / "val" / "video_3" / "mask.npy", np.zeros((22, 5, 5), np.uint8))
    with pytest.raises(InputError, match="which are not as many and as large as its frames"):
        run("segment", tmp_path / "val" / "video_3", *out)
    with pytest.raises(InputError, match="is no split of a data set, so no videos of it can be left out"):
        run("segment", tmp_path / "val" / "video_4", *out, "--skip-bad")
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 5, 6), np.uint8))
    with pytest.raises(InputError, match=r"a.npy holds clips of shape \(2, 4, 5, 6\), expected \(T, H, W, 3\)"):
        run("segment", tmp_path / "a.npy", *out)
    np.save(tmp_path / "b.npy", np.zeros((2, 4, 5, 3)))
    with pytest.raises(
        InputError, match=r"b.npy holds float64 of shape \(2, 4, 5, 3\), expected uint8 with 4 or 5 axes"
    ):
        run("segment", tmp_path / "b.npy", *out)
    (tmp_path / "c.npy").write_bytes(b"no")
    with pytest.raises(InputError, match=r"c.npy cannot be read as an .npy array"):
        run("segment", tmp_path / "c.npy", *out)
