"""Run the examples of a folder by the commands that they tell, on input made here: `python run_examples.py FOLDER`.

The examples are copied into a folder of their own, beside the files that the commands name. What runs is told, each
must end without an error and leave a file or a word behind, and an example that tells no command is run by itself.
"""

from __future__ import annotations

import argparse
import ast
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

__all__ = ["commands_of", "example_faults"]

FROM_OUTSIDE = {"espnetv2_s_2.0_pascal_384x384.pth"}
"""What others published and nobody can make here: commands that name it are told, and left out."""

FRAMES, HEIGHT, WIDTH = 48, 160, 240


def commands_of(source: str) -> list[list[str]]:
    """The commands in the docstring of an example, word by word: lines that begin with python or maskreel."""
    text = (ast.get_docstring(ast.parse(source)) or "").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.split(" ")[0] in ("python", "maskreel")]


def example_faults(folder: Path) -> list[str]:
    """Run all examples of a folder and say which do not do what they tell."""
    examples = sorted(folder.glob("*.py"))
    if not examples:
        return [f"{folder} has no examples"]
    faults = []
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        make_input(place)
        for example in examples:
            shutil.copy(example, place)
        for example in examples:
            faults += _faults_of(example, place)
    return faults


def _faults_of(example: Path, place: Path) -> list[str]:
    commands = commands_of(example.read_text(encoding="utf-8"))
    possible = [command for command in commands if not FROM_OUTSIDE & set(command)]
    for command in commands:
        if command not in possible:
            print(f"not run, for it needs what others publish: {shlex.join(command)}", flush=True)
    faults = [_fault(command, place, silent=False) for command in possible]
    if not possible:
        faults = [_fault(["python", example.name], place, silent=True)]
    return [fault for fault in faults if fault]


def _fault(command: list[str], place: Path, *, silent: bool) -> str:
    """What is wrong with a command; "" if nothing is."""
    print(f"{shlex.join(command)} ...", end=" ", flush=True)
    before, start = _files(place), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(place)}  # beside what they import, as for those who call them by hand
    folder = Path(sys.executable).parent
    words = [sys.executable if command[0] == "python" else str(folder / command[0]), *command[1:]]
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    print(f"{time.monotonic() - start:.1f} s", flush=True)
    if done.returncode:
        return f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
    if not silent and not done.stdout.strip() and _files(place) == before:
        return f"{shlex.join(command)} left no file and said nothing"
    return ""


def _files(place: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def make_input(place: Path) -> None:
    """Files under the names that the commands use: a red thing crosses a still scene, and its masks."""
    import torch

    from maskreel.common.masks import write_binary_png
    from maskreel.common.video import Clip, write

    coarse = torch.randint(60, 120, (3, 8, 12), generator=torch.Generator().manual_seed(0)).float()
    scene = torch.nn.functional.interpolate(coarse[None], (HEIGHT, WIDTH), mode="bilinear")[0].byte()
    frames = scene.repeat(FRAMES, 1, 1, 1)
    for index in range(FRAMES):
        box = slice(70, 100), slice(4 * index, 4 * index + 30)
        frames[index, :, *box] = torch.tensor([200, 30, 40], dtype=torch.uint8)[:, None, None]
        mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        mask[box] = True
        for name in ("masks", "found", "truth"):
            write_binary_png(place / name / f"{index:05d}.png", mask)
    for name in ("clip.mp4", "street.mp4", "ball.mp4"):
        write(place / name, Clip(frames, Fraction(10)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if faults := example_faults(arguments.folder):
        sys.exit("\n".join(faults))
    print(f"{arguments.folder}: every example runs.")


if __name__ == "__main__":
    main()
