"""What the README shows works: its snippets run, its commands parse."""

from __future__ import annotations

import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from maskreel.animate.cli import main
from maskreel.common.show import save_image
from maskreel.common.video import Clip, read, write
from maskreel.common.world import ActorsScene

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every `maskreel animate` command, without these two."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return [words[2:] for words in lines if words[:2] == ["maskreel", "animate"]]


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """me.png, beach.png and dance.mp4 in the current folder."""
    monkeypatch.chdir(tmp_path)
    scene = ActorsScene(size=(128, 128), frames=3, fps=Fraction(8))
    me, dance = scene.compose(1, 2, 3), scene.compose(4, 5, 6)
    save_image("me.png", me.clip.frames[0])
    save_image("beach.png", dance.plate[0])
    write("dance.mp4", dance.clip)
    write("street.mp4", scene.compose(7, 8, 9).clip)


def execute(snippet: str) -> None:
    exec(compile(snippet, "README.md", "exec"), {"__name__": "snippet"})


def test_the_first_command_writes_what_it_says() -> None:
    assert main(commands()[0], prog="maskreel animate") == 0
    names = re.findall(r"^\| `(me_dancing\.\S+)`", README, flags=re.MULTILINE)
    assert len(names) == 4
    assert all(Path(name).is_file() for name in names)
    made, driving = read("me_dancing.mp4"), read("dance.mp4")
    assert (made.size, len(made), made.fps) == ((128, 128), len(driving), driving.fps)


def test_snippets_run(capsys: pytest.CaptureFixture[str]) -> None:
    files, clips = blocks("python")
    execute(files)
    assert "me_dancing.mp4" in capsys.readouterr().out
    execute(clips)
    moving = read("moving.mkv")
    assert isinstance(moving, Clip)
    assert len(moving) == 3
    assert not torch.equal(moving.frames[0], moving.frames[2])


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "run"], ids=" ".join)
def test_every_run_works(words: list[str]) -> None:
    if "dance.npz" in words:
        assert main(["motion", "dance.mp4", "-o", "dance.npz"], prog="maskreel animate") == 0
    assert main(words, prog="maskreel animate") == 0


@pytest.mark.parametrize("words", [words for words in commands() if words[0] != "run"], ids=" ".join)
def test_every_other_command_is_known(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` after all its flags: those that do not exist would be refused."""
    verb = words[:2] if words[0] == "train" else words[:1]
    with pytest.raises(SystemExit) as stopped:
        main([*verb, "--help"], prog="maskreel animate")
    assert stopped.value.code == 0
    told = capsys.readouterr().out
    assert all(flag in told for flag in words if flag.startswith("-"))
