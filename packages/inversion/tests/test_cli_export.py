"""`maskreel inversion export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from pycocotools.coco import COCO

from maskreel.common import video
from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import Davis
from maskreel.common.errors import InputError
from maskreel.inversion.commands.export import export
from maskreel.inversion.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


def call(*arguments: object) -> int | None:
    return run_subcommands({"export": export}, ["export", *map(str, arguments)], "maskreel inversion")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        record = {"sequence": name, "fps": "12", "class_names": {"1": "dog"}, "frame_count": 3}
        run = RunFolder.create(tmp_path / "runs" / name, record)
        labels = torch.zeros(32, 48, dtype=torch.uint8)
        labels[4:20, 4:20] = 1
        for index in range(3):
            run.write_frame(index, torch.full((3, 32, 48), 50 * index, dtype=torch.uint8), labels)
    return tmp_path / "runs"


def test_davis_of_a_folder_of_runs(runs: Path, tmp_path: Path) -> None:
    assert call(runs, "-o", tmp_path / "out", "--format", "davis", "--split", "val", "--lossless") == 0
    assert Davis(tmp_path / "out", split="val").names == ("one", "two")
    assert (tmp_path / "out" / "PNGImages" / "480p" / "two" / "00002.png").is_file()


@pytest.mark.parametrize("flags", [[], ["--polygons"]])
def test_coco_of_two_runs(runs: Path, tmp_path: Path, flags: list[str]) -> None:
    assert call(runs / "two", runs / "one", "-o", tmp_path / "out", "--format", "coco", *flags) == 0
    coco = COCO(str(tmp_path / "out" / "annotations.json"))
    assert len(coco.getAnnIds()) == 6
    assert all(isinstance(one["segmentation"], list) == bool(flags) for one in coco.loadAnns(coco.getAnnIds()))


def test_video_by_suffix(runs: Path, tmp_path: Path) -> None:
    assert call(runs / "one", "-o", tmp_path / "one.mp4", "--masks", "--crf", 10) == 0
    clip = video.read(tmp_path / "one.mp4")
    assert (len(clip), clip.size, clip.fps) == (3, (32, 96), 12)


def test_gif_and_png_of_many_runs_are_named_like_them(runs: Path, tmp_path: Path) -> None:
    assert call(runs, "-o", tmp_path / "gifs", "--format", "gif", "--max-width", 20) == 0
    assert sorted(file.name for file in (tmp_path / "gifs").iterdir()) == ["one.gif", "two.gif"]
    assert call(runs, "-o", tmp_path / "pictures", "--format", "png") == 0
    assert sorted(file.name for file in (tmp_path / "pictures" / "two").iterdir())[-1] == "00002.png"


def test_unfinished(runs: Path, tmp_path: Path) -> None:
    (runs / "one" / "frames" / "00002.png").unlink()
    with pytest.raises(InputError, match="one has 2 of 3 frames, finish the run first"):
        call(runs / "one", "-o", tmp_path / "one.mp4")
    assert call(runs / "one", "-o", tmp_path / "one.mp4", "--unfinished") == 0
    assert len(video.read(tmp_path / "one.mp4")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.mp4"], "no run is given, expected one or more folders"),
        (["one", "-o", "out"], "--format is needed for .*out, or an output that ends in .mp4"),
        (["one", "-o", "out.gif", "--max-width", "0"], "--max-width must be 1 or more, got 0"),
        (["one", "-o", "out.mp4", "--crf", "99"], "--crf must be 0 to 51, got 99"),
        (["three", "-o", "out.mp4"], "three is not a folder of a run and holds none"),
        (["one", "one", "-o", "out.mp4"], "one is a second run of one, expected one run of each sequence"),
        (["one", "-o", "two", "--format", "coco"], "two exists already"),
    ],
)
def test_faults(runs: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    with pytest.raises(InputError, match=message):
        call(*arguments)
