"""`maskreel animate train` by two processes, over gloo on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from torch import distributed

from maskreel.animate.weights import load_model

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("mmengine")
pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

RUN = """
import sys
from maskreel.animate import weights
from maskreel.animate.training import actors, held_out
from maskreel.common.cli import main

notes = sys.argv.pop(1)

def noted(call, word):
    def called(*args, **more):
        with open(notes, "a") as file:
            file.write(f"{word(*args)}\\n")
        return call(*args, **more)
    return called

actors._render = noted(actors._render, lambda path, number: f"rendered {path.stem}")
weights.save_model = noted(weights.save_model, lambda *_: "saved")
held_out._AREA = (2, 3)  # so that masks are always told to have collapsed
sys.exit(main(sys.argv[1:]))
"""


def test_two_processes_render_each_clip_once_and_write_once(tmp_path: Path) -> None:
    script, notes, run = tmp_path / "script.py", tmp_path / "notes", tmp_path / "run"
    script.write_text(RUN)
    words = [
        *("animate", "train", "tiny", "-o", run, "--rendered", "5", "--watched", "3", "--launcher", "pytorch"),
        *("--size", "32", "--factor", "2", "--depth", "2", "--refiner-depth", "2", "--high-depth", "2"),
        *("--mask-width", "4", "--refiner-width", "4", "--low-width", "8", "--low-blocks", "1"),
        *("--high-width", "4", "--widest", "16"),
        *("--batch-size", "4", "--steps", "2", "--evaluate-every", "2", "--threads", "1", "--device", "cpu"),
    ]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, str(script), str(notes), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    clips = [f"32_0_{number:06}" for number in range(5)] + [f"32_1000003_{number:06}" for number in range(3)]
    assert sorted(notes.read_text().splitlines()) == sorted(["saved", *(f"rendered {clip}" for clip in clips)])
    assert done.stderr.count("they have collapsed") == 1
    assert load_model(run / "animation.safetensors").config.low_width == 8
    record = json.loads((run / "animation.json").read_text())
    assert (record["steps"], record["data"]) == (2, "5 rendered clips of people, seed 0")
    assert {path.suffix for path in (run / "cache").iterdir()} == {".npz"}
