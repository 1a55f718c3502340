"""A job that was stopped goes on where it stopped: the same bytes, and nothing done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from maskreel.common import masks as mask_ops
from maskreel.common.cli import main
from maskreel.common.video import Clip, write
from maskreel.inpaint import InpaintConfig, VideoInpainter
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running import fill_stage as fill_stage_module
from maskreel.inpaint.running import mask_stage as mask_stage_module
from maskreel.inpaint.running import pipeline as pipeline_module
from maskreel.inpaint.running.figures import FiguresRecorder
from maskreel.inpaint.scene import background_files as background_files_module
from maskreel.inpaint.scene import clean_plate as clean_plate_module
from maskreel.inpaint.scene import survey as survey_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES = (96, 128), 36

RUN_AND_DIE = """
import os, signal, sys
from maskreel.common.atomic import atomic_path
from maskreel.common.cli import main
from maskreel.inpaint.running import chunks, fill_stage, mask_stage

chunks.frames_per_chunk = lambda size: 6
chunks._SHORTEST_FLOW = 12
fill_stage._SEGMENT_FRAMES = 12
points = {"masks": (mask_stage, "write_npz", 3), "fill": (fill_stage, "composite", 15)}
module, name, calls = points[sys.argv[1]]
original = getattr(module, name)

def dying(*args, **kwargs):
    global calls
    calls -= 1
    if calls == 0:
        if sys.argv[1] == "masks":
            with atomic_path(args[0]) as scratch:
                scratch.write_bytes(b"half a file")
                os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)

setattr(module, name, dying)
main(sys.argv[2:])
"""


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six chunks and three segments."""
    monkeypatch.setattr(chunks_module, "frames_per_chunk", lambda _: 6)
    monkeypatch.setattr(chunks_module, "_SHORTEST_FLOW", 12)
    monkeypatch.setattr(fill_stage_module, "_SEGMENT_FRAMES", 12)


def walking_block() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    frames = np.repeat(np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)[None], FRAMES, axis=0)
    for t in range(FRAMES):
        frames[t, 30:70, 3 * t : 3 * t + 16] = np.random.default_rng(1).integers(0, 256, (40, 16, 3))
    return frames


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "walk.mp4"
    write(path, Clip.from_numpy(walking_block(), Fraction(25)))
    return path


def written(job: Path, stage: str) -> dict[str, int]:
    """When each finished file of a stage was written."""
    return {path.name: path.stat().st_mtime_ns for path in (job / stage).glob("[!.]*")}


@pytest.mark.parametrize("mode", ["auto", "dfc"])
@pytest.mark.parametrize(
    ("stage", "finished"), [("masks", {"000000.npz", "000001.npz"}), ("fill", {"000000.nut", "000000.npz"})]
)
def test_killed_and_run_again_gives_the_same_bytes_and_does_nothing_twice(
    source: Path, tmp_path: Path, stage: str, finished: set[str], mode: str
) -> None:
    whole, broken = tmp_path / "whole.mp4", tmp_path / "broken.mp4"
    if mode == "dfc":  # takes its time
        source = tmp_path / "walk.mp4"
        write(source, Clip.from_numpy(walking_block()[:, 16:80, :80].copy(), Fraction(25)))
    assert main(["-q", "inpaint", "run", str(source), "-o", str(whole), "--mode", mode]) == 0
    command = ["-q", "inpaint", "run", str(source), "-o", str(broken), "--mode", mode]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    died = subprocess.run([sys.executable, "-c", RUN_AND_DIE, stage, *command], check=False, timeout=120, env=alone)
    assert died.returncode == -signal.SIGKILL
    assert not broken.exists()
    job = tmp_path / "broken.job"
    before = {name: written(job, name) for name in ("survey", "masks", stage)}
    assert finished <= before[stage].keys()
    assert len(before[stage].keys() - finished - {"settings.json"}) <= 1, "the plate, at most"
    assert main(command) == 0
    assert broken.read_bytes() == whole.read_bytes()
    after = {name: written(job, name) for name in before}
    assert after["survey"] == before["survey"]
    assert all(after[stage][name] == before[stage][name] for name in finished)
    if stage == "fill":
        assert after["masks"] == before["masks"]
    assert not list(job.rglob(".*.part*")), "what the killed run was writing is gone"


class _StopError(Exception):
    pass


def stop_at(patch: pytest.MonkeyPatch, module: object, name: str, call: int) -> None:
    """Let the `call`-th call of a function fail."""
    original, calls = getattr(module, name), [call]

    def stopping(*args: object, **options: object) -> object:
        calls[0] -= 1
        if calls[0] == 0:
            raise _StopError
        return original(*args, **options)

    patch.setattr(module, name, stopping)


POINTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "while a background is kept": lambda patch: stop_at(patch, background_files_module, "write_npz", 1),
    "while the survey is saved": lambda patch: stop_at(patch, survey_module, "write_npz", 1),
    "before a chunk of masks": lambda patch: stop_at(patch, mask_ops, "dilate", 5),
    "between masks and plate": lambda patch: stop_at(patch, clean_plate_module, "write_npz", 3),
    "while looking back": lambda patch: stop_at(patch, mask_stage_module, "_future_path", 4),
    "in the last segment": lambda patch: stop_at(patch, fill_stage_module, "composite", 30),
    "between segment and figures": lambda patch: stop_at(patch, FiguresRecorder, "figures", 2),
    "while joining": lambda patch: stop_at(patch, pipeline_module, "join_segments", 1),
}


@pytest.fixture
def uninterrupted(source: Path, tmp_path: Path) -> bytes:
    return VideoInpainter().inpaint(source, output=tmp_path / "whole.mp4").output.read_bytes()


@pytest.mark.parametrize("point", POINTS)
def test_stopped_anywhere_a_job_ends_with_the_same_bytes(
    point: str, source: Path, tmp_path: Path, uninterrupted: bytes
) -> None:
    output = tmp_path / "out.mp4"
    with pytest.MonkeyPatch.context() as patch:
        POINTS[point](patch)
        with pytest.raises(_StopError):
            VideoInpainter().inpaint(source, output=output)
    assert not output.exists()
    assert VideoInpainter().inpaint(source, output=output).output.read_bytes() == uninterrupted


def test_stopped_between_backgrounds_a_survey_begins_anew(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "_WINDOW_SAMPLES", 4)
    monkeypatch.setattr(survey_module, "_LONGEST_PERIOD", 2 / 25)
    whole = VideoInpainter().inpaint(source, output=tmp_path / "whole.mp4")
    assert len(list((whole.job / "survey").glob("background-*.npz"))) == 5
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, background_files_module, "write_npz", 3)
        with pytest.raises(_StopError):
            VideoInpainter().inpaint(source, output=tmp_path / "out.mp4")
    assert set(written(tmp_path / "out.job", "survey")) == {
        "settings.json",
        "background-000000.npz",
        "background-000001.npz",
    }
    again = VideoInpainter().inpaint(source, output=tmp_path / "out.mp4")
    assert again.output.read_bytes() == whole.output.read_bytes()
    for path in (whole.job / "survey").glob("*.npz"):
        assert (again.job / "survey" / path.name).read_bytes() == path.read_bytes()


def test_a_survey_of_an_earlier_version_is_made_anew_and_its_masks_are_kept(
    source: Path, tmp_path: Path, uninterrupted: bytes
) -> None:
    """It held all backgrounds in one file, and its settings did not tell of files."""
    output, survey = tmp_path / "out.mp4", tmp_path / "out.job" / "survey"
    VideoInpainter().inpaint(source, output=output)
    masks = written(tmp_path / "out.job", "masks")
    for path in survey.glob("background-*.npz"):
        path.unlink()
    np.savez(survey / "survey.npz", size=np.array(SIZE), background0_start=0)
    settings = json.loads((survey / "settings.json").read_text())
    del settings["backgrounds"]
    (survey / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "out.job" / "fill" / "000002.npz").unlink()
    assert VideoInpainter().inpaint(source, output=output).output.read_bytes() == uninterrupted
    assert {"survey.npz", "background-000000.npz"} <= written(tmp_path / "out.job", "survey").keys()
    assert written(tmp_path / "out.job", "masks") == masks


def test_flow_goes_on_with_the_frames_it_had_filled(tmp_path: Path) -> None:
    source, output = tmp_path / "walk.mp4", tmp_path / "out.mp4"
    write(source, Clip.from_numpy(walking_block()[:24, 16:80, :80].copy(), Fraction(25)))
    inpainter = VideoInpainter(InpaintConfig(mode="flow"))
    whole = inpainter.inpaint(source, output=tmp_path / "whole.mp4").output.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, fill_stage_module, "composite", 20)  # in the second of two segments
        with pytest.raises(_StopError):
            inpainter.inpaint(source, output=output)
    assert (tmp_path / "out.job" / "fill" / "000000.npz").exists()
    assert inpainter.inpaint(source, output=output).output.read_bytes() == whole
