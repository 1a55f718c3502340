"""`maskreel inpaint run`: flags, exit codes and what a person reads."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.masks import write_binary_png
from maskreel.common.video import Clip, probe, write
from maskreel.inpaint import InpaintConfig

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 30


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A block that walks through a scene, 30 frames at 15 fps, in a folder of its own."""
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (1, 8, 10, 3)).astype(np.uint8).repeat(8, 1).repeat(8, 2), FRAMES, axis=0)
    for t in range(FRAMES):
        frames[t, 16:48, 2 * t : 2 * t + 12] = rng.integers(0, 256, (32, 12, 3))
    path = tmp_path / "videos" / "walk.mkv"
    write(path, Clip.from_numpy(frames, Fraction(15)), codec="ffv1")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence that a person reads; exit code 2 and no traceback."""
    assert main(["-q", "inpaint", "run", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("maskreel: error: ")
    return lines[0].removeprefix("maskreel: error: ")


def test_a_video_becomes_a_video_a_report_a_picture_and_a_record(
    video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inpaint", "run", str(video)]) == 0
    assert names(video.parent) == [
        "walk.inpainted.html",
        "walk.inpainted.job",
        "walk.inpainted.json",
        "walk.inpainted.mkv",
        "walk.inpainted.sheet.jpg",
        "walk.mkv",
    ]
    told = capsys.readouterr().err
    assert f"video:  {video.with_name('walk.inpainted.mkv')}" in told
    assert f"report: {video.with_name('walk.inpainted.html')}" in told
    assert re.search(r"frames 0 to 30: mode static \(camera moves \d\.\d px\)", told)
    assert "fill" in told


def test_quiet_is_silent(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "inpaint", "run", str(video), "--preview", "0.2s"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(("preview", "frames"), [("1s", 15), ("1", 15), ("0.5 s", 8), ("0.01s", 1), ("99s", 30)])
def test_a_preview_has_the_frames_of_its_seconds(video: Path, tmp_path: Path, preview: str, frames: int) -> None:
    output = tmp_path / "out" / "clip.mp4"
    assert main(["-q", "inpaint", "run", str(video), "--preview", preview, "-o", str(output)]) == 0
    assert probe(output).frame_count == frames
    assert probe(output).fps == 15


@pytest.mark.parametrize("preview", ["soon", "0s", "5m", "", "1e3"])
def test_a_bad_preview_is_refused(video: Path, capsys: pytest.CaptureFixture[str], preview: str) -> None:
    sentence = refused(capsys, video, "--preview", preview)
    assert sentence == f"--preview {preview}: write a number of seconds above 0, for example 5s"
    assert names(video.parent) == ["walk.mkv"]


def test_flags_reach_the_settings(video: Path) -> None:
    flags = ["--mode", "static", "--dilation", "4", "--keep", "0,0,9,9", "1,1,3,3", "--lossless", "--analysis-fps", "5"]
    assert main(["-q", "inpaint", "run", str(video), "--preview", "0.4s", *flags]) == 0
    config = json.loads(video.with_name("walk.inpainted.json").read_text())["config"]
    assert (config["mode"], config["dilation"], config["lossless"], config["analysis_fps"]) == ("static", 4, True, 5)
    assert config["keep"] == ["0,0,9,9", "1,1,3,3"]


def test_masks_and_job_folder_can_be_named(video: Path, tmp_path: Path) -> None:
    mask = torch.zeros(64, 80, dtype=torch.bool)
    mask[5:9, 5:9] = True
    write_binary_png(tmp_path / "logo.png", mask)
    job = tmp_path / "work"
    flags = ["--masks", str(tmp_path / "logo.png"), "--job", str(job), "--preview", "0.4s"]
    assert main(["-q", "inpaint", "run", str(video), *flags]) == 0
    assert {"survey", "masks", "fill"} <= set(names(job))
    assert not video.with_name("walk.inpainted.job").exists()


def test_a_dry_run_writes_nothing_and_tells_what_the_job_would_take(
    video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    around = (video.parent, video)
    before = [path.stat().st_mtime_ns for path in around]
    assert main(["inpaint", "run", str(video), "--dry-run"]) == 0
    assert [path.stat().st_mtime_ns for path in around] == before
    assert names(video.parent) == ["walk.mkv"]
    told = capsys.readouterr().err
    assert "30 frames: about 0 min" in told
    assert "GiB of memory" in told
    assert "MiB on disk" in told


def test_a_dry_run_is_of_what_would_be_run(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inpaint", "run", str(video), "--dry-run", "--preview", "0.2s"]) == 0
    assert "3 frames: about 0 min" in capsys.readouterr().err
    assert refused(capsys, video, "--dry-run", "--workers", "-3").startswith("--workers -3: write 0")
    assert refused(capsys, video, "--dry-run", "--preview", "soon").startswith("--preview soon: write a number")


def test_a_missing_video_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, tmp_path / "no.mp4").startswith(f"{tmp_path / 'no.mp4'} does not exist")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "fault"), [(b"", "is empty"), (b"no video at all " * 64, "is a text file|is not a video")]
)
def test_a_file_that_is_no_video_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, fault: str
) -> None:
    (tmp_path / "bad.mp4").write_bytes(content)
    assert re.search(fault, refused(capsys, tmp_path / "bad.mp4"))
    assert names(tmp_path) == ["bad.mp4"]


def test_a_damaged_video_is_named_with_its_frame_and_leaves_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 64, 80, 3)).astype(np.uint8)
    path = tmp_path / "cut.mp4"
    write(path, Clip.from_numpy(frames, Fraction(15)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut.mp4" in refused(capsys, path)
    assert names(tmp_path) == ["cut.mp4"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--keep", "1,2,3"], "--keep 1,2,3: a rectangle is four whole numbers, x0,y0,x1,y1"),
        (
            ["--remove", "0,0,99,9"],
            "--remove 0,0,99,9: the rectangle must satisfy 0 <= x0 < x1 <= 80 and 0 <= y0 < y1 <= 64",
        ),
        (["--keep", "no.png"], "--keep no.png: there is no such mask image; a rectangle is written x0,y0,x1,y1"),
        (["--masks", "no"], "no does not exist; masks are a video, a folder of PNG files or one PNG file"),
        (["-o", "out.avi"], "out.avi: the output must end in .mp4 or .mkv or .mov"),
    ],
)
def test_bad_flags_are_told_in_one_sentence_before_the_work(
    video: Path, capsys: pytest.CaptureFixture[str], flags: list[str], sentence: str
) -> None:
    assert refused(capsys, video, *flags) == sentence
    assert names(video.parent) == ["walk.mkv"]


@pytest.mark.parametrize("flags", [["--mode", "fast"], ["--crf", "99"], ["--nonsense"], ["--dilation", "-1"]])
def test_settings_out_of_range_are_refused(video: Path, capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["inpaint", "run", str(video), *flags])
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert flags[0].removeprefix("--") in captured.err + captured.out
    assert names(video.parent) == ["walk.mkv"]


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["inpaint", "run", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for field in fields(InpaintConfig):
        assert f"--{field.name.replace('_', '-')}" in text
    assert all(flag in text for flag in ("--preview", "--dry-run", "--masks", "--job", "-o"))
