"""What goes wrong outside: one sentence and exit code 2, no half-written file, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.masks import write_binary_png, write_masks
from maskreel.common.video import Clip, probe, read, write
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running import estimate as estimate_module
from maskreel.inpaint.running import fill_stage as fill_stage_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES, FPS = (64, 80), 24, Fraction(25)
LOSSLESS = InpaintConfig(lossless=True, dilation=0.0, feather=0.0, fill="telea", completion="background")
MODES = ("static", "registered", "flow", "dfc")

RUN_AND_DIE = """
import os, signal, sys
from maskreel.common.cli import main
from maskreel.inpaint import inpainter
from maskreel.inpaint.running import chunks, fill_stage, pipeline
from maskreel.inpaint.scene import survey

chunks.frames_per_chunk = lambda size: 6
chunks._SHORTEST_FLOW = 12
fill_stage._SEGMENT_FRAMES = 12
points = {
    "survey": (survey.Surveyor, "finish"),
    "join": (pipeline, "join_segments"),
    "report": (inpainter, "write_report"),
}
module, name = points[sys.argv[1]]
setattr(module, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
main(sys.argv[2:])
"""

RUN_IN_LITTLE_SPACE = """
import resource, signal, sys
from maskreel.common.cli import main
from maskreel.inpaint.running import chunks, fill_stage

chunks.frames_per_chunk = lambda size: 6
fill_stage._SEGMENT_FRAMES = 12
sys.dont_write_bytecode = True  # the limit would cut the bytecode of whatever is imported first here
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_module, "frames_per_chunk", lambda _: 6)
        patch.setattr(chunks_module, "_SHORTEST_FLOW", 12)
        patch.setattr(fill_stage_module, "_SEGMENT_FRAMES", 12)
        yield


def texture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)


def walk(frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """A block that walks before a scene, and where it is."""
    pixels, masks = np.repeat(texture()[None], frames, axis=0), np.zeros((frames, *SIZE), bool)
    for t in range(frames):
        masks[t, 20:50, 3 * t : 3 * t + 12] = True
    pixels[masks] = 10
    return pixels, masks


def save(path: Path, frames: np.ndarray) -> Path:
    write(path, Clip.from_numpy(frames, FPS), codec="ffv1" if path.suffix == ".mkv" else "h264")
    return path


def inpaint(folder: Path, frames: np.ndarray, masks: np.ndarray, mode: str) -> InpaintResult:
    write_masks(folder / "masks", torch.from_numpy(masks))
    return VideoInpainter(replace(LOSSLESS, mode=mode)).inpaint(save(folder / "in.mkv", frames), folder / "masks")


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence that a person reads; exit code 2 and no traceback."""
    assert main(["-q", "inpaint", "run", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line.removeprefix("maskreel: error: ")


def half_written(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".part" in path.name]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("source") / "walk.mkv", walk()[0])


@pytest.fixture(scope="module")
def whole(source: Path) -> bytes:
    """The result of a run that nothing befell."""
    output = source.with_name("whole.mkv")
    assert main(["-q", "inpaint", "run", str(source), "-o", str(output), "--lossless"]) == 0
    return output.read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_masks_that_cover_every_frame_whole(tmp_path: Path, mode: str) -> None:
    """Nothing can be known; the video must still come out, and the report must say so."""
    frames, masks = walk(8)
    result = inpaint(tmp_path, frames, np.ones_like(masks), mode)
    assert probe(result.output).frame_count == 8
    assert result.summary.covered == 1
    assert result.summary.never_seen == 1
    assert result.summary.confidence == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_mask_that_covers_some_frames_whole(tmp_path: Path, mode: str) -> None:
    """Frames before and after show all that is needed."""
    frames, masks = np.repeat(texture()[None], 12, axis=0), np.zeros((12, *SIZE), bool)
    masks[5:7] = True
    frames[5:7, :40] += 10
    result = inpaint(tmp_path, frames, masks, mode)
    found = read(result.output).numpy()
    assert np.array_equal(found[~masks], frames[~masks])
    assert np.abs(found[5:7, 2:-2, 2:-2].astype(int) - texture()[2:-2, 2:-2]).mean() < 4
    assert result.summary.never_seen < 0.01


def test_a_part_of_a_moving_shot_that_is_wholly_covered_is_black_and_the_rest_is_filled(tmp_path: Path) -> None:
    """Longer than flow looks ahead, so that a chunk sees nothing but holes."""
    frames, masks = np.repeat(texture()[None], 60, axis=0), np.zeros((60, *SIZE), bool)
    masks[:40] = True
    masks[45:50, 20:30, 20:30] = True
    result = inpaint(tmp_path, frames, masks, "flow")
    found = read(result.output).numpy()
    assert not found[:12].any()
    assert np.array_equal(found[~masks], frames[~masks])
    assert np.abs(found[45:50].astype(int) - frames[45:50]).max() < 8


@pytest.mark.parametrize("mode", MODES)
def test_masks_that_mark_nothing(tmp_path: Path, mode: str) -> None:
    frames, masks = walk(8)
    result = inpaint(tmp_path, frames, np.zeros_like(masks), mode)
    assert not result.summary.removed_something
    assert result.output.read_bytes() == (tmp_path / "in.mkv").read_bytes()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2])
def test_videos_of_one_and_two_frames(tmp_path: Path, mode: str, count: int) -> None:
    frames, masks = walk(count)
    result = inpaint(tmp_path, frames, masks, mode)
    found = read(result.output).numpy()
    assert len(found) == count
    assert np.array_equal(found[~masks], frames[~masks])
    assert np.abs(found[masks].astype(int) - 10).mean() > 30, "the block of grey level 10 is gone"
    assert result.summary.frames == count


@pytest.mark.parametrize("count", [1, 2])
def test_one_and_two_frames_without_masks(tmp_path: Path, count: int) -> None:
    """One frame shows nothing that moves; of two, each shows what the block in the other hides."""
    result = VideoInpainter(LOSSLESS).inpaint(save(tmp_path / "in.mkv", walk(count)[0]))
    assert result.summary.frames == probe(result.output).frame_count == count
    if count == 1:
        assert np.array_equal(read(result.output).numpy(), walk(1)[0])


@pytest.mark.parametrize("mode", ["static", "flow", "dfc"])
def test_nothing_comes_through_a_cut_inside_a_masked_part(tmp_path: Path, mode: str) -> None:
    """A place is covered from before the cut until after it: each side is filled from its own scene."""
    frames = np.concatenate(
        [np.repeat(texture(seed)[None] // 3 + level, 12, axis=0) for seed, level in ((0, 0), (8, 170))]
    )
    scenes, masks = frames.copy(), np.zeros(frames.shape[:3], bool)
    masks[8:16, 20:50, 30:60] = True
    frames[masks] = 128
    result = inpaint(tmp_path, frames, masks, mode)
    assert len(result.summary.modes) == 2
    error = np.abs(read(result.output).numpy().astype(int) - scenes)[masks]
    assert np.percentile(error, 99) < 12
    assert result.summary.never_seen == 0


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("short", lambda masks: masks[:20], "holds 20 masks, expected 24: one per frame"),
        ("long", lambda masks: np.concatenate([masks, masks]), "holds 48 masks, expected 24: one per frame"),
        ("small", lambda masks: masks[:, :50], "is 80x50 pixels, expected 80x64"),
    ],
)
def test_masks_that_do_not_fit(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    make: Callable[[np.ndarray], np.ndarray],
    sentence: str,
) -> None:
    write_masks(tmp_path / name, torch.from_numpy(make(walk()[1]).copy()))
    assert sentence in told(capsys, source, "--masks", tmp_path / name, "-o", tmp_path / "out.mkv", "--lossless")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_mask_of_another_size_in_the_middle_is_named_and_can_be_mended(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = torch.from_numpy(walk()[1])
    write_masks(tmp_path / "masks", masks)
    odd = sorted((tmp_path / "masks").iterdir())[14]
    write_binary_png(odd, masks[14, :40])
    command = [source, "--masks", tmp_path / "masks", "-o", tmp_path / "out.mkv", "--lossless"]
    assert f"{odd} is 80x40 pixels, expected 80x64" in told(capsys, *command)
    assert not (tmp_path / "out.mkv").exists()
    assert half_written(tmp_path) == []
    write_binary_png(odd, masks[14])
    assert main(["-q", "inpaint", "run", *map(str, command)]) == 0
    assert probe(tmp_path / "out.mkv").frame_count == FRAMES


def damage(path: Path, at: float) -> None:
    """Overwrite some bytes that far through the file."""
    content = bytearray(path.read_bytes())
    middle = int(len(content) * at)
    content[middle : middle + 600] = b"\x55" * 600
    path.write_bytes(content)


def test_a_corrupt_frame_in_the_middle_is_named_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "bad.mp4", walk()[0])
    damage(path, 0.5)
    assert re.match(rf"{path} is damaged at frame \d+: ", told(capsys, path))
    assert half_written(tmp_path) == []
    assert not path.with_name("bad.inpainted.mp4").exists()


def test_frames_before_a_corrupt_one_can_be_done(tmp_path: Path) -> None:
    path = save(tmp_path / "bad.mp4", walk()[0])
    damage(path, 0.5)
    assert main(["-q", "inpaint", "run", str(path), "--preview", "0.1s"]) == 0
    assert probe(tmp_path / "bad.inpainted.mp4").frame_count == 2


def test_a_source_that_breaks_after_the_survey_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may go bad; what was done before stays."""
    from maskreel.inpaint.running.reading import ForwardReader

    path, window = save(tmp_path / "in.mkv", walk()[0]), ForwardReader.window

    def breaking(reader: ForwardReader, start: int, stop: int) -> Clip:
        if start > 10:
            raise InputError(f"{path} is damaged at frame {start}: its data are corrupt")
        return window(reader, start, stop)

    with monkeypatch.context() as patch:
        patch.setattr(ForwardReader, "window", breaking)
        assert "in.mkv is damaged at frame 1" in told(capsys, path, "--lossless")
    done = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "in.inpainted.job" / "masks").glob("*.npz")}
    assert "000000.npz" in done
    assert main(["-q", "inpaint", "run", str(path), "--lossless"]) == 0
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "in.inpainted.job" / "masks").glob("*.npz")}
    assert after["000000.npz"] == done["000000.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are those of Unix")
@pytest.mark.parametrize("room", [4_000, 60_000])  # not enough for the survey; not enough for a segment
def test_a_full_disk_is_told_and_the_job_goes_on_when_there_is_room(
    source: Path, whole: bytes, tmp_path: Path, room: int
) -> None:
    output = tmp_path / "out.mkv"
    command = ["-q", "inpaint", "run", str(source), "-o", str(output), "--lossless"]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", RUN_IN_LITTLE_SPACE, str(room), *command],
        check=False,
        env=alone,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stderr
    assert "file too large" in run.stderr.lower()
    assert "Traceback" not in run.stderr
    assert not output.exists()
    assert half_written(tmp_path) == []
    assert main(command) == 0
    assert output.read_bytes() == whole


@pytest.fixture(scope="module")
def whole_dfc(source: Path, whole: bytes) -> bytes:
    """The same by DFC-Net with the weights of the package."""
    output = source.with_name("whole-dfc.mkv")
    assert main(["-q", "inpaint", "run", str(source), "-o", str(output), "--lossless", "--mode", "dfc"]) == 0
    found, frames = read(output).numpy(), np.repeat(texture()[None], FRAMES, axis=0)
    assert np.abs(found.astype(int) - frames)[walk()[1]].mean() < 8, "the block of grey level 10 is gone"
    content = output.read_bytes()
    assert content != whole
    return content


@pytest.mark.parametrize("mode", ["auto", "dfc"])
@pytest.mark.parametrize("stage", ["survey", "join", "report"])
def test_killed_at_a_stage_a_job_goes_on(
    source: Path, whole: bytes, whole_dfc: bytes, tmp_path: Path, stage: str, mode: str
) -> None:
    """Killed while masks are made or holes filled: see test_resume."""
    output = tmp_path / "out.mkv"
    command = ["-q", "inpaint", "run", str(source), "-o", str(output), "--lossless", "--mode", mode]
    died = subprocess.run(
        [sys.executable, "-c", RUN_AND_DIE, stage, *command], check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert died.returncode == -signal.SIGKILL
    assert output.exists() == (stage == "report"), "a video that is there is whole"
    (tmp_path / ".out.a1b2c3d4.part.mkv").touch()  # as a kill in the midst of the joining leaves it
    assert main(command) == 0
    assert output.read_bytes() == (whole_dfc if mode == "dfc" else whole)
    assert output.with_suffix(".html").exists()
    assert half_written(tmp_path) == []


def test_an_output_folder_that_cannot_be_made_is_told(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    sentence = told(capsys, source, "-o", tmp_path / "file" / "out.mkv", "--lossless")
    assert str(tmp_path / "file") in sentence


def test_a_dry_run_on_a_system_without_resource_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows: the memory is not known, and not told."""
    monkeypatch.setitem(sys.modules, "resource", None)
    assert estimate_module._peak_bytes() == 0
    told = str(estimate_module.Estimate(frames=10, seconds=61.0, peak_bytes=0, disk_bytes=2**20))
    assert told == "10 frames: about 1 min 01 s, 1 MiB on disk"
