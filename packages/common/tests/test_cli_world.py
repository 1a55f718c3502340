"""`maskreel world`: flags, files, exit codes and what a person reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks, video, world
from maskreel.common.cli import main
from maskreel.common.datasets import VfpFolder
from maskreel.common.show import overlay
from maskreel.common.world import LabelNoise, TableScene
from maskreel.common.world._actors._scene import ActorsScene
from maskreel.common.world._vfp_video import video_seed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = ("--size", "32", "48")


def run(*arguments: object) -> int:
    return main(["-q", "world", *map(str, arguments)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence that a person reads; exit code 2 and no traceback."""
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("maskreel: error: ")
    return line.removeprefix("maskreel: error: ")


def render_table(folder: Path, *flags: object) -> int:
    return run("render", "table", "-o", folder, *SIZE, "--workers", 0, *flags)


def test_a_table_data_set(tmp_path: Path) -> None:
    counts = ("--train", 1, "--val", 1, "--unlabeled", 1, "--hidden", 1)
    flags = ("--seed", 3, "--difficulty", "hard", "--padded", "--hidden-truth", "--drop", 0.5, "--flip", 0.25)
    assert render_table(tmp_path / "data", *counts, *flags) == 0
    record = json.loads((tmp_path / "data/world.json").read_text())
    assert (record["seed"], record["padded"], record["scene"]["size"]) == (3, True, [32, 48])
    assert record["counts"] == {"train": 1, "val": 1, "unlabeled": 1, "hidden": 1}
    assert record["label_noise"] == {"drop": 0.5, "flicker": 0.0, "merge": 0.0, "flip": 0.25}
    scene = TableScene.preset("hard", size=(32, 48))
    frames, labels = scene.frames_and_labels(video_seed(3, 1))
    (val,) = VfpFolder(tmp_path / "data", "val")
    assert val.name == "video_00001"
    assert np.array_equal(val.frames().permute(0, 2, 3, 1).numpy(), frames)
    found = val.labels()
    assert found is not None
    assert np.array_equal(found.numpy(), LabelNoise(drop=0.5, flip=0.25).apply(labels, video_seed(3, 1)))
    truth = np.load(tmp_path / "data/hidden_truth/video_00003.npy")
    assert np.array_equal(truth, scene.labels(video_seed(3, 3)))


def test_rendering_tells_how_far_it_is_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["world", "render", "table", "--train", "2", *SIZE, "--workers", "0", "-o", str(tmp_path / "data")]
    assert main(arguments) == 0
    told = capsys.readouterr().err
    assert "render: 100% 2/2 videos" in told
    assert told.endswith("data: 2 videos\n")
    assert json.loads((tmp_path / "data/world.json").read_text())["label_noise"] is None
    before = (tmp_path / "data/train/video_1/mask.npy").stat().st_mtime_ns
    assert main(arguments) == 0
    assert "2/2 videos" in capsys.readouterr().err
    assert (tmp_path / "data/train/video_1/mask.npy").stat().st_mtime_ns == before


def test_bad_flags_for_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ("-o", tmp_path / "data")
    render = ("render", "table", *output)
    sentence = refused(capsys, *render)
    assert sentence == "there is nothing to render: say how many with --train, --val, --unlabeled or --hidden"
    assert refused(capsys, *render, "--train", 1, "--seed", -1) == "--seed must be 0 or more, got -1"
    assert refused(capsys, *render, "--train", 1, "--workers", -1) == "--workers must be 0 or more, got -1"
    assert refused(capsys, *render, "--train", 1, "--size", 9, 9).startswith("size must be (height, width)")
    for flags in (("--train", -1), ("--train", 1, "--drop", 2)):
        with pytest.raises(SystemExit) as caught:
            run(*render, *flags)
        assert caught.value.code == 2
        assert re.search("train must be 0 or more, got -1|drop must be a probability", capsys.readouterr().err)
    assert not (tmp_path / "data").exists()
    assert render_table(tmp_path / "data", "--train", 1) == 0
    sentence = refused(capsys, *render, *SIZE, "--train", 1, "--seed", 1)
    assert sentence.endswith("rendered with another seed; choose another folder, or the same settings as before")


def test_actors_are_videos_with_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "actors"
    flags = (*SIZE, "--frames", 3, "--fps", "25/2", "--actors", 2, "--seed", 4, "--workers", 0, "-o", folder)
    assert run("render", "actors", "--videos", 1, *flags) == 0
    scene = ActorsScene(size=(32, 48), frames=3, fps=video.probe(folder / "video_0.mp4").fps, actors=2)
    assert str(scene.fps) == "25/2"
    made = scene.render(video_seed(4, 0))
    assert torch.equal(masks.read_masks(folder / "masks/video_0"), made.visible.any(dim=1))
    difference = video.read(folder / "video_0.mp4").frames.float() - made.clip.frames.float()
    assert difference.abs().mean() < 8  # H.264
    assert json.loads((folder / "world.json").read_text())["scene"]["fps"] == "25/2"

    first = (folder / "video_0.mp4").stat().st_mtime_ns
    (folder / "masks/video_1").mkdir()  # what a killed run leaves
    (folder / "masks/video_1/00000.png").touch()
    (folder / ".video_1.x.part.mp4").touch()
    (folder / "masks/.video_2.1.part").mkdir()
    assert run("render", "actors", "--videos", 2, *flags) == 0
    assert (folder / "video_0.mp4").stat().st_mtime_ns == first
    assert len(masks.read_masks(folder / "masks/video_1")) == 3
    assert {path.name for path in folder.iterdir()} == {"masks", "video_0.mp4", "video_1.mp4", "world.json"}
    assert {path.name for path in (folder / "masks").iterdir()} == {"video_0", "video_1"}
    sentence = refused(capsys, "render", "actors", "--videos", 1, *flags, "--seed", 5)
    assert "rendered with another seed" in sentence
    assert refused(capsys, "render", "actors", *flags, "--videos", -1) == "--videos must be 0 or more, got -1"


def test_a_lecture_is_three_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--size", 64, 96, "--seconds", 4, "--fps", 2, "--board", "green", "--seed", 1)
    assert run("render", "lecture", *flags, "-o", tmp_path / "lecture") == 0
    assert {path.name for path in (tmp_path / "lecture").iterdir()} == {"video.mkv", "plate.mkv", "mask.mkv"}
    frames, plate = (video.read(tmp_path / "lecture" / name).frames for name in ("video.mkv", "plate.mkv"))
    person = masks.read_masks(tmp_path / "lecture/mask.mkv")
    assert frames.shape == (8, 3, 64, 96)
    assert person.any()
    away = (frames.float() - plate.float()).abs().mean(dim=1)
    assert away[person].mean() > 5 * away[~person].mean()
    red, green, _ = plate.float().mean(dim=(0, 2, 3)).tolist()
    assert green > red, "the board is green"
    sentence = refused(capsys, "render", "lecture", "--seconds", 1, "-o", tmp_path / "other")
    assert sentence == "seconds must be 4 or more, got 1.0"


@pytest.mark.parametrize("scene", ["table", "actors", "lecture"])
def test_a_contact_sheet(tmp_path: Path, scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = TableScene(size=(32, 48), frames=5)
    wanted = {"table": "TableScene", "actors": "ActorsScene", "lecture": "LectureScene"}[scene]
    asked: list[tuple[str, int]] = []

    def render(described: world.Scene, seed: int) -> world.WorldClip:
        asked.append((type(described).__name__, seed))
        return small.render(seed)

    monkeypatch.setattr("maskreel.common.world._clip.render", render)
    assert run("show", scene, "--seed", 7, "--videos", 2, "--frames", 2, "-o", tmp_path / "sheet.png") == 0
    assert asked == [(wanted, 7), (wanted, 8)]
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[1] == 4 * 48 + 5 * 8
    clip = small.render(8)
    row = sheet[-8 - 32 : -8]
    expected = [
        clip.clip.frames[0],
        overlay(clip.clip.frames[0], clip.visible[0]),
        clip.clip.frames[4],
        overlay(clip.clip.frames[4], clip.visible[4]),
    ]
    for column, picture in enumerate(expected):
        left = 8 + column * 56
        assert np.array_equal(row[:, left : left + 48], picture.permute(1, 2, 0).numpy())


def test_difficulty_reaches_the_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[world.Scene] = []

    def render(described: world.Scene, seed: int) -> world.WorldClip:
        seen.append(described)
        return TableScene(size=(32, 48), frames=2).render(seed)

    monkeypatch.setattr("maskreel.common.world._clip.render", render)
    for flags in ((), ("--difficulty", "easy")):
        assert run("show", "table", "--videos", 1, "--frames", 1, "-o", tmp_path / "sheet.png", *flags) == 0
    assert seen == [TableScene.preset("medium"), TableScene.preset("easy")]


def test_bad_flags_for_the_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = ("-o", tmp_path / "sheet.png")
    sentence = refused(capsys, "show", "actors", "--difficulty", "easy", *sheet)
    assert sentence == "--difficulty is for the table, actors has none"
    assert refused(capsys, "show", "table", "--seed", -1, *sheet) == "--seed must be 0 or more, got -1"
    sentence = refused(capsys, "show", "table", "--frames", 0, *sheet)
    assert sentence == "--videos and --frames must be 1 or more, got 4 and 0"
    sentence = refused(capsys, "show", "table", "-o", tmp_path / "sheet.gif")
    assert sentence.endswith("sheet.gif must end in one of .png, .jpg, .jpeg, .webp")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    assert render_table(tmp_path / "data", "--train", 3, "--val", 1) == 0
    return tmp_path / "data"


def test_statistics_are_printed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("stats", data) == 0
    lines = dict(
        re.split(r"\s{2,}", line, maxsplit=1) for line in capsys.readouterr().out.splitlines() if line[0] > " "
    )
    videos = list(VfpFolder(data, "train"))
    expected = world.MaskStatistics.measure(
        [np.load(item.folder / "mask.npy") for item in videos],
        frames=[item.frames().permute(0, 2, 3, 1).numpy() for item in videos],
    )
    assert lines["videos"] == "3"
    assert lines["height, width"] == "32, 48"
    assert float(lines["objects per frame"]) == pytest.approx(expected.objects_per_frame, abs=5e-4)
    assert float(lines["copy-last, pooled"]) == pytest.approx(expected.copy_last, abs=5e-5)
    assert float(lines["copy-last, per clip"]) == pytest.approx(expected.copy_last_per_clip, abs=5e-5)
    means = [float(value) for value in lines["mean of red, green, blue"].split(", ")]
    assert means == pytest.approx(expected.channel_mean, abs=5e-6)
    assert run("stats", data, "--split", "val", "--no-pictures") == 0
    told = capsys.readouterr().out
    assert re.match(r"videos +1\n", told)
    assert "red" not in told


def test_statistics_name_bad_videos_or_skip_them(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "train/video_1/mask.npy").unlink()
    sentence = refused(capsys, "stats", data)
    assert re.search(r"train/video_1/mask\.npy is missing, expected one in every video of train$", sentence)
    capsys.readouterr()
    assert run("stats", data, "--skip-bad") == 0
    captured = capsys.readouterr()
    assert re.match(r"videos +2\n", captured.out)
    assert re.fullmatch(r"maskreel: warning: video_1: left out, .*mask\.npy is missing, .*\n", captured.err)


def test_statistics_need_videos_of_one_size(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data / "train/video_2"
    for index in range(22):
        Image.new("RGB", (20, 30)).save(folder / f"image_{index}.png")
    np.save(folder / "mask.npy", np.zeros((22, 30, 20), np.uint8))
    sentence = refused(capsys, "stats", data)
    assert sentence.endswith("video_2 has frames of 20x30 pixels, expected 48x32 like video_0")
    for path in (data / "val").glob("*/mask.npy"):
        path.unlink()
    assert run("stats", data, "--split", "val", "--skip-bad") == 2
    assert "val holds no video without a fault" in capsys.readouterr().err


def test_help_and_the_entry_module_need_no_torch() -> None:
    code = (
        "import sys, maskreel.common.world.cli as cli\n"
        "cli.main(['--help'], prog='maskreel world')\n"
        "cli.main(['render', '--help'], prog='maskreel world')\n"
        "sys.exit(', '.join({'torch', 'cv2', 'av', 'PIL'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("render ", "show ", "stats ", "table ", "actors ", "lecture "):
        assert f"\n  {verb}" in done.stdout
