"""`maskreel animate run`: flags, exit codes, sound, kills, and what a person reads."""

from __future__ import annotations

import copy
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import torch

from maskreel.animate.config import AnimateConfig
from maskreel.animate.weights import save_model
from maskreel.common.cli import main
from maskreel.common.show import save_image
from maskreel.common.video import Clip, probe, read, write, write_segment

if TYPE_CHECKING:
    from maskreel.animate.model import AnimationModel

FPS = Fraction(30000, 1001)
EXAMPLES = Path(__file__).parent.parent / "examples"

RUN_AND_DIE = """
import os, signal, sys
from maskreel.animate.running import renderer, segments
from maskreel.common.cli import main

segments._SEGMENT_FRAMES = 8
render, calls = renderer.Renderer.render, [3]

def dying(*args):
    calls[0] -= 1
    if calls[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return render(*args)

renderer.Renderer.render = dying
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def weights(model: AnimationModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with source.png, 48 x 40, and driving.mp4 of 20 frames with sound."""
    draws = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (20, 3, 5, 6), dtype=torch.uint8, generator=draws)
    frames = coarse.repeat_interleave(8, -1).repeat_interleave(8, -2)
    write(tmp_path / "silent.mp4", Clip(frames, FPS))
    add_sound(tmp_path / "silent.mp4", tmp_path / "driving.mp4")
    (tmp_path / "silent.mp4").unlink()
    save_image(tmp_path / "source.png", frames[7].flip(-1))
    return tmp_path


def add_sound(video: Path, path: Path) -> None:
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        picture = source.streams.video[0]
        stream = target.add_stream_from_template(picture)
        sound = target.add_stream("aac", rate=48000, layout="mono")
        assert isinstance(sound, av.AudioStream)
        noise = np.random.default_rng(0).normal(0, 0.1, (1, 1024 * 30)).astype(np.float32)
        for start in range(0, noise.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(noise[:, start : start + 1024].copy(), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
            target.mux(sound.encode(frame))
        target.mux(sound.encode())
        for packet in source.demux(picture):
            if packet.size:
                packet.stream = stream
                target.mux(packet)


def sound_of(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size)


def command(files: Path, weights: Path, *more: object) -> list[str]:
    return [
        *("-q", "animate", "run", str(files / "source.png"), str(files / "driving.mp4")),
        *("--weights", str(weights), "--no-fused", "--batch", "4", *map(str, more)),
    ]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence that a person reads; exit code 2 and no traceback."""
    assert main(["-q", "animate", "run", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("maskreel: error: ")
    return lines[0].removeprefix("maskreel: error: ")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_result_comes_with_page_picture_and_record(
    files: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(files)
    assert main(command(files, weights)[1:]) == 0
    told = capsys.readouterr().err
    assert f"result: {files / 'source.animated.mp4'}" in told
    assert f"report: {files / 'source.animated.html'}" in told
    assert "make: 100%" in told
    suffixes = (".mp4", ".html", ".json", ".sheet.jpg")
    assert names(files) - before == {f"source.animated{suffix}" for suffix in suffixes}


@pytest.mark.parametrize("name", ["made.mp4", "made.mov", "made.mkv"])
def test_rate_and_sound_of_the_driving_video_are_kept_and_the_size_of_the_source(
    files: Path, weights: Path, name: str
) -> None:
    assert main(command(files, weights, "-o", files / name)) == 0
    made = probe(files / name)
    assert (made.fps, made.frame_count, made.size) == (FPS, 20, (40, 48))
    assert sound_of(files / name) == sound_of(files / "driving.mp4")


def test_a_smaller_crf_keeps_more(files: Path, weights: Path) -> None:
    exact = ("-o", files / "exact.mkv", "--lossless")
    assert main(command(files, weights, *exact)) == 0
    sizes, errors = [], []
    for crf in (0, 20, 45):
        made = files / f"{crf}.mp4"
        assert main(command(files, weights, "-o", made, "--crf", crf)) == 0
        sizes.append(made.stat().st_size)
        errors.append((read(made).frames.float() - read(files / "exact.mkv").frames.float()).abs().mean().item())
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert errors[0] + 2 < errors[2]


def test_what_masks_of_a_background_tell_is_left_out(files: Path, model: AnimationModel) -> None:
    """By networks that find no subject, so that nothing stands before the background."""
    blind = copy.deepcopy(model)
    torch.nn.init.constant_(blind.mask_generator.head.bias, -50)  # pyright: ignore[reportArgumentType]
    torch.nn.init.constant_(blind.mask_refiner.head.bias, -50)  # pyright: ignore[reportArgumentType]
    save_model(blind, files / "blind.safetensors")
    behind, mask = torch.full((3, 40, 48), 90, dtype=torch.uint8), torch.zeros(3, 40, 48, dtype=torch.uint8)
    behind[1, 8:20, 8:20], mask[:, 6:22, 6:22] = 250, 255
    save_image(files / "behind.png", behind)
    save_image(files / "mask.png", mask)

    def made(name: str, *more: object) -> torch.Tensor:
        options = ("-b", files / "behind.png", "-o", files / name, "--lossless", *more)
        assert main(command(files, files / "blind.safetensors", *options)) == 0
        return read(files / name).frames

    shown, left_out = made("a.mkv", "--kind", "other"), made("b.mkv", "--background-mask", files / "mask.png")
    assert torch.equal(shown, behind.expand_as(shown))
    assert (left_out.int() - 90).abs().max() <= 1


def test_transparent_films_have_sound_too(files: Path, weights: Path) -> None:
    assert main(command(files, weights, "-b", "transparent", "-o", files / "made.mov")) == 0
    assert sound_of(files / "made.mov") == sound_of(files / "driving.mp4")
    with av.open(str(files / "made.mov")) as container:
        (first, *_) = container.decode(video=0)
        assert "a" in first.format.name


def test_the_record_makes_the_same_again(files: Path, weights: Path) -> None:
    more = (
        "-b",
        "#203040",
        "--motion",
        "relative",
        "--start",
        "3",
        "--smoothing",
        "0.5",
        "--lock-background",
        "--crf",
        "10",
    )
    assert main(command(files, weights, *more, "--preview", "0.3s", "-o", files / "made.mp4")) == 0
    made = (files / "made.mp4").read_bytes()
    record = json.loads((files / "made.json").read_text())
    assert record["config"].keys() == {field.name for field in fields(AnimateConfig)}
    assert record["summary"]["frames"] == 9
    assert record["summary"]["start"] == 3
    words = shlex.split(record["command"])
    assert words[:3] == ["maskreel", "animate", "run"]
    (files / "made.mp4").unlink()
    assert main(["-q", *words[1:]]) == 0
    assert (files / "made.mp4").read_bytes() == made


def test_killed_and_run_again_gives_the_same_bytes(files: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.animate.running import segments

    monkeypatch.setattr(segments, "_SEGMENT_FRAMES", 8)
    assert main(command(files, weights, "--smoothing", "0.6", "-o", files / "whole.mp4")) == 0
    again = command(files, weights, "--smoothing", "0.6", "-o", files / "made.mp4")
    died = subprocess.run(
        [sys.executable, "-c", RUN_AND_DIE, *again], check=False, timeout=120, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert died.returncode == -signal.SIGKILL
    assert not (files / "made.mp4").exists()
    assert {"000000.nut", "000000.json"} <= names(files / "made.job")
    assert "000001.nut" not in names(files / "made.job")
    (files / ".made.a1b2c3d4.part.mp4").touch()  # as a kill in the midst of the joining leaves it
    written: list[str] = []

    def noted(path: Path, *more: object, **options: object) -> None:
        written.append(path.name)
        write_segment(path, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(segments, "write_segment", noted)
    assert main(again) == 0
    assert written == ["000001.nut", "000002.nut"]
    assert (files / "made.mp4").read_bytes() == (files / "whole.mp4").read_bytes()
    assert not {"made.job", ".made.a1b2c3d4.part.mp4"} & names(files)


def test_dry_run_writes_nothing(files: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names(files)
    assert main(command(files, weights, "--dry-run")[1:]) == 0
    assert "20 frames: about 0 min" in capsys.readouterr().err
    assert names(files) == before


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["-o", "made.avi"], "made.avi does not end in a video format"),
        (["-o", "driving.mp4"], "driving.mp4: the output would replace an input"),
        (["-o", "full"], "full exists already; name a new or empty folder"),
        (["-b", "transparent", "-o", "made.webm"], "made.webm cannot hold the sound or subtitles of driving.mp4"),
        (["-b", "transparent", "-o", "made.gif"], "made.gif cannot hold transparency"),
        (["--background-mask", "source.png"], "source.png masks a background, but there is none"),
        (["-b", "source.png", "--background-mask", "wide.png"], "wide.png"),
        (["--job", "full"], "full holds files that are not of this job"),
        (["--start", "20", "--motion", "relative"], "--start 20: driving.mp4 has 20 frames"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_dry_run_refuses_what_the_run_refuses(
    files: Path,
    weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(files)
    (files / "full").mkdir()
    (files / "full" / "precious.txt").touch()
    save_image(files / "wide.png", torch.zeros(3, 40, 96, dtype=torch.uint8))
    before = names(files)
    words = ["source.png", "driving.mp4", "--weights", weights, "--no-fused", "--batch", "4", *more]
    real, dry = refused(capsys, *words), refused(capsys, *words, "--dry-run")
    assert real == dry
    assert real.startswith(told)
    assert names(files) == before


@pytest.mark.parametrize(
    "more",
    [
        ["-b", "transparent", "-o", "made.mov"],
        ["-o", "made", "--lossless"],
        ["-o", "made.gif"],
        ["-b", "source.png", "--background-mask", "mask.png"],
        ["--start", "15", "--motion", "relative"],
    ],
    ids=" ".join,
)
def test_dry_run_tries_what_the_run_does(
    files: Path, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.chdir(files)
    save_image(files / "mask.png", torch.zeros(3, 40, 48, dtype=torch.uint8))
    before = names(files)
    words = ["source.png", "driving.mp4", "--weights", str(weights), "--no-fused", "--batch", "4", *more]
    assert main(["animate", "run", *words, "--dry-run"]) == 0
    assert "20 frames: about 0 min" in capsys.readouterr().err
    assert names(files) == before


def test_bad_input_is_one_sentence(files: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, driving = files / "source.png", files / "driving.mp4"
    assert refused(capsys, files / "no.png", driving).startswith(f"{files / 'no.png'} does not exist")
    (files / "empty.mp4").touch()
    assert (
        refused(capsys, source, files / "empty.mp4") == f"{files / 'empty.mp4'} is empty (0 bytes); give a video file"
    )
    told = refused(capsys, source, driving, "--preview", "soon")
    assert told == "--preview soon: write a number of seconds above 0, for example 5s"
    assert "expected weights of maskreel animate train" in refused(
        capsys, source, driving, "--weights", "no.safetensors"
    )
    told = refused(capsys, source, driving, "--weights", weights, "--no-fused", "-b", "sky.jpg")
    assert told.startswith("sky.jpg is neither a file nor a colour")
    assert names(files) == {"source.png", "driving.mp4", "empty.mp4"}


def test_bad_settings_are_refused(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["animate", "run", str(files / "source.png"), str(files / "driving.mp4"), "--smoothing", "1"])
    assert stop.value.code == 2
    assert "smoothing must be at least 0 and below 1, got 1.0" in " ".join(capsys.readouterr().err.split())


def test_an_output_that_cannot_hold_the_sound_is_refused_before_the_work(
    files: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, *command(files, weights, "-b", "transparent", "-o", files / "made.webm")[3:])
    assert told.startswith(f"{files / 'made.webm'} cannot hold the sound or subtitles of {files / 'driving.mp4'}")


@pytest.mark.parametrize("name", ["dance.gif", "dance.mp4"])
def test_animate_actors(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    target = tmp_path / name
    options = ["--weights", str(weights), "--size", "48", "--frames", "3", "--background", "navy"]
    monkeypatch.setattr(sys, "argv", ["animate_actors.py", str(target), *options])
    runpy.run_path(str(EXAMPLES / "animate_actors.py"), run_name="__main__")
    assert capsys.readouterr().out == f"{target}: 3 frames\n"
    made = read(target)
    assert made.size == (48, 48)
    if name == "dance.mp4":  # a GIF joins frames that are equal
        assert len(made) == 3


def test_every_example_is_tested_and_short() -> None:
    examples = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert {f"test_{name}" for name in examples} <= set(globals())
    assert all(text.count("\n") < 45 for text in examples.values())
