"""What the README shows works: its snippets run, its commands parse, its options and files exist."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import NoReturn, get_args

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.masks import write_binary_png
from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig, VideoInpainter
from maskreel.inpaint.cli import main
from maskreel.inpaint.commands.run import run
from maskreel.inpaint.commands.train_dfc import train_dfc
from maskreel.inpaint.config import SegmenterName
from maskreel.inpaint.scene.survey import Mode
from maskreel.inpaint.scene.temporal_fill import Reveal
from maskreel.inpaint.segmenters.torchvision import TorchvisionSegmenter

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text()
FRAMES, HEIGHT, WIDTH = 40, 96, 128
MASK_OF_README = (slice(0, 20), slice(40, 80), slice(20, 50))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every `maskreel` command, without `maskreel inpaint`."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return [words[2:] for words in lines if words[:2] == ["maskreel", "inpaint"]]


def scene() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(60, 180, (8, 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def lecturer() -> np.ndarray:
    """Where the lecturer of the made-up lecture is: bool (T, H, W)."""
    mask = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    for t in range(FRAMES):
        mask[t, 30:80, 3 * t : 3 * t + 14] = True
    return mask


@pytest.fixture(autouse=True)
def lecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """lecture.mp4 in the current folder: a white rectangle crosses a coloured one."""
    monkeypatch.chdir(tmp_path)
    frames = np.repeat(scene()[None], FRAMES, axis=0)
    frames[lecturer()] = 250
    write("lecture.mp4", Clip.from_numpy(frames, Fraction(25)))
    return Path("lecture.mp4")


def error(path: Path | str, mask: np.ndarray) -> float:
    """Mean difference in grey levels between a video and the empty scene, where the mask is."""
    return float(np.abs(read(path).numpy().astype(float) - scene())[mask].mean())


def execute(snippet: str) -> None:
    exec(compile(snippet, "README.md", "exec"), {"__name__": "snippet"})


def test_config_snippet(lecture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute(blocks("python")[0])
    assert error(lecture, lecturer()) > 80
    assert error("clean.mp4", lecturer()) < 8
    printed = capsys.readouterr().out
    assert "clean.mp4" in printed
    assert "clean.html" in printed
    assert re.search(r"\d+\.\d% replaced, 0\.0% of that painted", printed)


def test_clip_snippet(lecture: Path) -> None:
    execute(blocks("python")[1])
    before, after = read(lecture).numpy(), read("clean.mkv").numpy()
    marked, inside = np.zeros((2, FRAMES, HEIGHT, WIDTH), bool)
    marked[MASK_OF_README] = True
    inside |= marked & lecturer()
    assert np.abs(after[inside].astype(int) - before[inside]).mean() > 80
    assert error("clean.mkv", inside) < 12
    assert (after[20:] == before[20:]).all()


def test_segmenter_snippet() -> None:
    execute(blocks("python")[2])
    assert error("lecture.inpainted.mp4", lecturer()) < 8


def test_every_snippet_is_tested() -> None:
    assert len(blocks("python")) == 3
    assert README.count("```") == 2 * (len(blocks("python")) + len(blocks("sh")))


def test_first_command_leaves_the_files_of_the_table() -> None:
    assert commands()[0] == ["run", "lecture.mp4"]
    assert main(commands()[0], prog="maskreel inpaint") in (0, None)
    promised = set(re.findall(r"^\| `(lecture\.[\w.]+)/?` \|", README, flags=re.MULTILINE))
    assert len(promised) == 5
    assert promised == {path.name for path in Path().iterdir()} - {"lecture.mp4"}


class ParsedError(Exception):
    pass


@pytest.mark.parametrize("words", [words for words in commands()[1:] if words[0] == "run"], ids=" ".join)
def test_commands_parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VideoInpainter, "__init__", _stop)
    with pytest.raises(ParsedError):
        main(words, prog="maskreel inpaint")


def _stop(self: VideoInpainter, config: InpaintConfig) -> NoReturn:
    assert isinstance(config, InpaintConfig)
    raise ParsedError


def test_the_board_of_the_readme(lecture: Path) -> None:
    [words] = [words for words in commands() if words[0] == "board"]
    lecture.rename("lecture.inpainted.mp4")
    assert main(words, prog="maskreel inpaint") in (0, None)
    assert Path("board.pdf").read_bytes().startswith(b"%PDF")


def test_the_mode_dfc_of_the_readme() -> None:
    [words] = [words for words in commands() if words[2:4] == ["--mode", "dfc"]]
    assert main(words, prog="maskreel inpaint") in (0, None)
    assert error("lecture.inpainted.mp4", lecturer()) < 8


def test_masks_as_the_table_says(lecture: Path) -> None:
    for t, mask in enumerate(lecturer()):
        write_binary_png(Path("masks") / f"{t:03d}.png", torch.from_numpy(mask))
    [words] = [words for words in commands() if "--masks" in words]
    main([*words, "--dilation", "2"], prog="maskreel inpaint")
    assert error("lecture.inpainted.mp4", lecturer()) < 8


def test_options_exist() -> None:
    known = {field.name for field in fields(InpaintConfig)} | set(inspect.signature(run).parameters) | {"help"}
    known |= set(inspect.signature(train_dfc).parameters) | {"no_deps"}  # the last is pip's
    named = {name.replace("-", "_") for name in re.findall(r"--([a-z][a-z-]*)", README)}
    assert len(named) > 10
    assert named <= known


def choices(header: str, cell: str) -> tuple[set[str], list[str]]:
    """All first cells of the table under `header`, and those marked as the default."""
    table = README.split(f"| {header} |")[1].split("\n\n")[0]
    rows = re.findall(rf"^\| {cell}( \(default\))? \|", table, flags=re.MULTILINE)
    return {choice for choice, _ in rows}, [choice for choice, default in rows if default]


def test_tables_tell_every_choice_and_the_default() -> None:
    default = InpaintConfig()
    assert choices("`--mode`", r"`(\w+)`") == ({"auto", "dfc", *get_args(Mode)}, [default.mode])
    assert choices("`--reveal`", r"`(\w+)`") == (set(get_args(Reveal)), [default.reveal])
    assert choices("masks", r"`--segmenter ([\w-]+)`") == (set(get_args(SegmenterName)), [default.segmenter])


def test_extras_and_files_exist() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert set(re.findall(r"inpaint\[(\w+)\]", README)) == set(project["optional-dependencies"])
    assert set(re.findall(r"`(\w+\.py)`", README)) == {path.name for path in (PACKAGE / "examples").glob("*.py")}
    assert {"weights", "device", "short_side", "low"} <= set(inspect.signature(TorchvisionSegmenter).parameters)
