"""Options that no other file of tests drives: each has an effect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses, Slurm
from maskreel.inversion.choices import Masks, TeacherChoice
from maskreel.inversion.cli import main
from maskreel.inversion.config import InversionConfig
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.job import Job, make
from maskreel.inversion.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher

    Scene = Callable[..., list[FrameTarget]]
    Quick = Callable[..., InversionConfig]

TINY = ("--teacher", "tiny_teacher:tiny", "--device", "cpu", "--steps", "2", "--stages", "1", "--levels", "2")
VERIFIER = """
import torch
from maskreel.inversion.report import Found

def make():
    return lambda frames: [Found((frame[0] > 200)[None], ("bear",), torch.ones(1)) for frame in frames]
"""


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"start": "grey"}),
        ({}, {"motion": "free"}),
        ({}, {"details": 0.5}),
        ({}, {"precision": "bf16"}),
        ({"levels": 0}, {"start": "normal"}),
        ({"coherence": "none", "balance": False}, {"published_losses": True}),
    ],
)
def test_options_change_the_frames(
    before: dict[str, Any], change: dict[str, Any], teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    targets = scene(2)
    targets[1].masks[0, 4:7, 10:14] = True  # so that the motion is not affine
    brief = {"steps": 2, "stages": 1}
    settings = (brief | before, brief | before, brief | before | change)
    made = [MaskInverter(quick(**one), teacher).invert(targets) for one in settings]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_what_counts_as_progress(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    """With patience, a size is done early unless little progress counts."""
    counts = []
    for tolerance in (0.0, 0.99):
        config = quick(steps=12, stages=1, checks=12, patience=2, tolerance=tolerance, lr=0.02)
        seen: list[object] = []
        MaskInverter(config, teacher).work(scene(1)).run(seen.append)
        counts.append(len(seen))
    assert counts[1] < counts[0]


def run(*words: object) -> int | None:
    return main(["run", *map(str, words)], prog="maskreel inversion")


@pytest.mark.usefixtures("tiny_on_path")
def test_every_second_frame_and_files_for_tensorboard(mask_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    assert run(mask_folder, "-o", tmp_path / "out", *TINY, "--every", 2, "--tensorboard") == 0
    assert RunFolder(tmp_path / "out").frames_done() == (0, 1)
    labels = [mask_tools.read_label_png(tmp_path / "out" / "masks" / f"{index:05d}.png") for index in (0, 1)]
    for found, index in zip(labels, (0, 2), strict=True):
        assert torch.equal(found, mask_tools.read_label_png(mask_folder / f"{index:05d}.png"))
    assert list((tmp_path / "out").rglob("events.*"))


@pytest.mark.usefixtures("tiny_on_path")
@pytest.mark.parametrize(
    ("words", "executor", "device"),
    [
        (("--workers", 2, "--device", "cpu"), LocalProcesses(2, gpus=0), "cpu"),
        (("--workers", 2, "--device", "auto"), LocalProcesses(2, gpus=3), "auto"),
        (("--slurm", "long", "--device", "cuda"), Slurm("long", gpus=1, parallel=16), "cuda"),
        (("--slurm", "long", "--workers", 4, "--device", "auto"), Slurm("long", gpus=0, parallel=4), "auto"),
    ],
)
def test_who_makes_the_frames_and_where(
    words: tuple[object, ...],
    executor: object,
    device: str,
    mask_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also from a machine without CUDA: the nodes of a cluster are others. The processes choose their device."""
    asked: list[tuple[object, list[str]]] = []

    def noted(_: object, items: list[Job], *, executor: object, folder: Path) -> list[object]:
        asked.append((executor, [item.device for item in items]))
        raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.common.jobs.run_jobs", noted)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        run(mask_folder, "-o", tmp_path / "out", *TINY, "--coherence", "none", *words)
    assert asked == [(executor, [device])]


@pytest.mark.usefixtures("tiny_on_path")
def test_a_device_that_is_not_here_is_refused_at_once(
    mask_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device"):
        run(mask_folder, "-o", tmp_path / "out", *TINY, "--workers", 2, "--device", "cuda")
    job = Job(Masks(mask_folder), TeacherChoice("tiny_teacher:tiny"), InversionConfig(), tmp_path / "out", "cuda")
    with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device"):
        make(job)
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.usefixtures("tiny_on_path")
def test_year_and_resolution_of_davis(tmp_path: Path) -> None:
    """The masks are those of 1080p, the list is that of 2016, where all objects are one."""
    root = tmp_path / "DAVIS"
    labels = torch.zeros(32, 48, dtype=torch.uint8)
    labels[8:20, 4:20], labels[8:20, 30:40] = 1, 2
    mask_tools.write_label_png(root / "Annotations" / "1080p" / "cows" / "00000.png", labels)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    (root / "ImageSets" / "2016" / "val.txt").write_text("cows\n")
    words = ("--davis", root, "--split", "val", "-o", tmp_path / "out", *TINY)
    for missing in ((), ("--year", "2016"), ("--resolution", "1080p")):
        with pytest.raises(InputError, match="DAVIS"):
            run(*words, *missing)
    assert run(*words, "--year", "2016", "--resolution", "1080p") == 0
    assert sorted(RunFolder(tmp_path / "out").class_names) == [1]


@pytest.mark.usefixtures("tiny_on_path")
def test_the_short_side_is_for_teachers_that_have_one(mask_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a short side of 64 is not for tiny_teacher:tiny"):
        run(mask_folder, "-o", tmp_path / "out", *TINY, "--short-side", 64)


@pytest.mark.usefixtures("tiny_on_path")
def test_statistics_that_doctor_saved_change_the_frames(mask_folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "dark.safetensors"
    dark = torch.randint(0, 60, (4, 3, 32, 48), dtype=torch.uint8)
    for number, frame in enumerate(dark):
        Image.fromarray(frame.permute(1, 2, 0).numpy()).save(tmp_path / f"{number}.png")
    doctor = ["doctor", "tiny_teacher:tiny", "--device", "cpu", "--frames", str(tmp_path), "--save", str(saved)]
    assert main(doctor, prog="maskreel inversion") == 0
    for name, words in {"plain": (), "again": (), "dark": ("--statistics", saved)}.items():
        assert run(mask_folder, "-o", tmp_path / name, *TINY, "--first-frames", *words) == 0
    plain, again, other = (RunFolder(tmp_path / name).frame(0) for name in ("plain", "again", "dark"))
    assert torch.equal(plain, again)
    assert not torch.equal(plain, other)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two frames with a thing of 280 pixels."""
    (tmp_path / "seeing_red.py").write_text(VERIFIER)
    monkeypatch.chdir(tmp_path)
    record = {"sequence": "a", "fps": "12", "frame_count": 2, "class_names": {"1": "bear"}}
    folder = RunFolder.create(tmp_path / "a", record)
    labels = torch.zeros(40, 56, dtype=torch.uint8)
    labels[10:24, 10:30] = 1
    for index in range(2):
        frame = torch.full((3, 40, 56), 60, dtype=torch.uint8)
        frame[0][labels == 1] = 250
        folder.write_frame(index, frame, labels)
    return tmp_path / "a"


def report(made: Path, name: str, *words: object) -> dict[str, Any]:
    page = made.parent / f"{name}.html"
    words = ("report", made, "--verifier", "seeing_red:make", "-o", page, *words)
    assert main(list(map(str, words)), prog="maskreel inversion") in (0, None)
    rows = json.loads(page.with_suffix(".json").read_text())["scores by seeing_red:make"]
    return {row["pictures"]: row for row in rows}


def test_options_of_the_report(made: Path) -> None:
    plain = report(made, "plain")
    assert plain["inverted"]["n objects"] == 2
    assert report(made, "large", "--min-pixels", 300)["inverted"]["n objects"] == 0
    other = report(made, "other", "--seed", 1)
    assert other["inverted"] == plain["inverted"]
    assert other["noise"] != plain["noise"]
    with pytest.raises(InputError, match=r"none\.safetensors"):
        report(made, "weights", "--teacher", "shapes", "--weights", "none.safetensors")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_the_device_of_the_report_is_asked_for(made: Path) -> None:
    with pytest.raises(InputError, match="device is cuda"):
        report(made, "cuda", "--device", "cuda")


def test_the_resolution_of_an_export_is_its_folder(made: Path) -> None:
    words = ["export", str(made), "-o", "davis", "--format", "davis", "--resolution", "Full-Resolution"]
    assert main(words, prog="maskreel inversion") in (0, None)
    with Image.open("davis/JPEGImages/Full-Resolution/a/00000.jpg") as picture:
        assert picture.size == (56, 40)
