"""Hours of video may cost time and disk, but not memory: what is kept of every frame, chunk or background shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from maskreel.common.video import Clip, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the largest memory of a stage is told by Linux")

SIZE, FPS, PERIOD = (144, 192), Fraction(25), 48
SHORT, LONG = 144, 576  # frames
MEGABYTES = 15
"""What four times the length may take more, in any stage: it takes 0 to 4, and took 56 when backgrounds stayed."""

JOB = """
import json, sys
from contextlib import contextmanager
from maskreel.inpaint import VideoInpainter
from maskreel.inpaint.running import chunks, fill_stage
from maskreel.inpaint.running.trial import Trial, Triers
from maskreel.inpaint.scene import survey

survey._WINDOW_SAMPLES, survey._LONGEST_PERIOD = 8, 1 / 25  # a background for every 8 frames
chunks.frames_per_chunk = lambda size: 8
fill_stage._SEGMENT_FRAMES = 8
Triers.run = lambda *_: Trial({"static": 30.0})  # networks need memory once, which would hide the rest
peaks = {}

def note(stage):
    with open("/proc/self/status") as file:
        peaks[stage] = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the largest memory so far is forgotten

@contextmanager
def watch(stage, total):
    note(f"before {stage}")
    yield lambda _: None
    note(stage)

VideoInpainter().inpaint(sys.argv[1], output=sys.argv[2], watch=watch)
note("report")
print(json.dumps(peaks))
"""


def film(path: Path, frames: int) -> Path:
    """A block that walks to and fro before a scene, once in `PERIOD` frames."""
    noise = np.random.default_rng(0).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    scene = np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)
    pictures = np.repeat(scene[None], PERIOD, axis=0)
    for t in range(PERIOD):
        x = round((SIZE[1] - 24) * (0.5 - 0.5 * np.cos(2 * np.pi * t / PERIOD)))
        pictures[t, 40:110, x : x + 24] = (200, 30, 30)
    with VideoWriter(path, fps=FPS, size=SIZE) as writer:
        for start in range(0, frames, PERIOD):
            writer.write(Clip.from_numpy(pictures, FPS, start / FPS))
    return path


def peaks(folder: Path, frames: int) -> dict[str, float]:
    """Of a job in a process of its own: the largest resident memory, in megabytes, of and between its stages."""
    source = film(folder / f"{frames}.mp4", frames)
    command = [sys.executable, "-c", JOB, str(source), str(folder / f"{frames}.out.mp4")]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=alone)
    return json.loads(run.stdout)


def test_four_times_the_length_takes_no_more_memory_in_any_stage(tmp_path: Path) -> None:
    short, long = peaks(tmp_path, SHORT), peaks(tmp_path, LONG)
    assert short.keys() == {"before survey", "survey", "before masks", "masks", "before fill", "fill", "report"}
    grown = {stage: round(long[stage] - short[stage]) for stage in short}
    assert max(grown.values()) < MEGABYTES, grown
