"""`maskreel inversion report` over folders of runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from maskreel.common.cli import run_subcommands
from maskreel.common.errors import InputError
from maskreel.inversion.commands.report import report
from maskreel.inversion.report import Subject
from maskreel.inversion.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (40, 56)
VERIFIER = """
import torch
from maskreel.inversion.report import Found

def make():
    return lambda frames: [
        Found((frame[0] > 200)[None], ("bear",), torch.ones(1)) for frame in frames
    ]
"""


def make_run(folder: Path, *, shift: int = 0, names: Any = None) -> Path:
    names = {"1": "bear"} if names is None else names
    run = RunFolder.create(folder, {"sequence": folder.name, "fps": "12", "frame_count": 3, "class_names": names})
    real = folder.parent / "real" / folder.name
    real.mkdir(parents=True)
    for index in range(3):
        labels = torch.zeros(SIZE, dtype=torch.uint8)
        labels[10 + shift : 24 + shift, 10 + index : 30 + index] = 1
        labels[0] = 255
        frame = torch.full((3, *SIZE), 60, dtype=torch.uint8)
        frame[0][labels == 1] = 250
        run.write_frame(index, frame, labels)
        Image.fromarray(frame.permute(1, 2, 0).numpy()).save(real / f"image_{index}.png")
    return folder


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    (tmp_path / "seeing_red.py").write_text(VERIFIER)
    monkeypatch.chdir(tmp_path)
    return [make_run(tmp_path / "a"), make_run(tmp_path / "b", shift=10)]


def run(*arguments: object) -> int | None:
    return run_subcommands({"report": report}, ["report", *map(str, arguments)], "maskreel inversion")


def test_folders_become_a_page(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "out" / "report.html"
    assert run(*runs, "--verifier", "seeing_red:make", "--real", tmp_path / "real", "-o", page, "--frames", 2) == 0
    assert "a, as seen by seeing_red:make" in page.read_text()
    scores = json.loads(page.with_suffix(".json").read_text())["scores by seeing_red:make"]
    assert {row["pictures"]: row["J"][:5] for row in scores}["inverted"] == "1.000"
    assert {row["pictures"]: row["n objects"] for row in scores}["real frames"] == 4
    lines = capsys.readouterr().out.splitlines()
    assert any(line.strip().startswith("masks swapped") for line in lines)


def test_opening_a_run(runs: list[Path], tmp_path: Path) -> None:
    subject = Subject.open(runs[0], real=tmp_path / "real" / "a")
    assert subject.class_names == ("background", "bear")
    assert subject.targets[2].boxes.tolist() == [[12, 10, 32, 24]]
    assert subject.targets[0].void is not None
    assert int(subject.targets[0].void.sum()) == SIZE[1]
    assert subject.real is not None
    assert torch.equal(subject.real, subject.frames)


def test_real_frames_come_by_their_numbers_and_at_any_size(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for index in range(12):
        Image.new("RGB", (28, 20), (10 * index,) * 3).save(tmp_path / "many" / f"frame_{index}.png")
    real = Subject.open(runs[0], real=tmp_path / "many").real
    assert real is not None
    assert real.shape == (3, 3, *SIZE)
    assert real.float().mean((1, 2, 3)).tolist() == [0, 10, 20]


def test_faults_of_folders_are_told(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json is missing"):
        Subject.open(tmp_path / "real")
    with pytest.raises(InputError, match="must have a class name, or null, for object 1"):
        Subject.open(make_run(tmp_path / "c", names={"2": "dog"}))
    free = Subject.open(make_run(tmp_path / "d", names={"1": None}))
    assert free.class_names == ("background", None)
    (tmp_path / "real" / "a" / "image_2.png").unlink()
    with pytest.raises(InputError, match="must hold a real frame for each of 3 frames, got 2"):
        Subject.open(runs[0], real=tmp_path / "real")
    RunFolder.create(tmp_path / "e", {"sequence": "e", "fps": "12", "frame_count": 3, "class_names": {}})
    with pytest.raises(InputError, match="holds no frame that is done"):
        Subject.open(tmp_path / "e")
    wrong = Image.new("P", (20, 10))
    wrong.save(runs[1] / "masks" / "00001.png")
    with pytest.raises(InputError, match="several sizes"):
        Subject.open(runs[1])


def test_bad_options_are_told(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the teacher's own word proves nothing"):
        run(runs[0], "-o", tmp_path / "r.html")
    with pytest.raises(InputError, match=r"must end in \.html"):
        run(runs[0], "-o", tmp_path / "r.pdf", "--verifier", "seeing_red:make")
    with pytest.raises(InputError, match="--frames must be 1 or more, got 0"):
        run(runs[0], "-o", tmp_path / "r.html", "--verifier", "seeing_red:make", "--frames", 0)
    with pytest.raises(InputError, match="needs a teacher that finds objects by itself"):
        run(runs[0], "-o", tmp_path / "r.html", "--verifier", "teacher")
    with pytest.raises(InputError, match="at least one folder"):
        run("-o", tmp_path / "r.html", "--verifier", "seeing_red:make")


def test_the_teacher_is_refused_as_verifier(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no second opinion.*\(--verifier teacher\)"):
        run(runs[0], "-o", tmp_path / "r.html", "--verifier", "shapes", "--teacher", "shapes")
    assert not (tmp_path / "r.html").exists()


def test_runs_of_several_teachers_need_a_choice(runs: list[Path], tmp_path: Path) -> None:
    for folder, teacher in zip(runs, ("shapes", "torchvision-v2"), strict=True):
        record = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(record | {"teacher": teacher}))
    with pytest.raises(InputError, match="different teachers, shapes, torchvision-v2: name one with --teacher"):
        run(*runs, "-o", tmp_path / "r.html", "--verifier", "seeing_red:make")
