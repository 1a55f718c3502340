"""`maskreel inversion run`, from the command line to the video."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
from maskreel.common.unet import UNet, save_unet
from maskreel.common.video import probe
from maskreel.inversion.cli import main
from maskreel.inversion.per_frame import read_per_frame
from maskreel.inversion.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("tiny_on_path")
QUICK = ("--teacher", "tiny_teacher:tiny", "--device", "cpu", "--steps", "3", "--stages", "1", "--levels", "2")
NONE = ("--coherence", "none", "--batch", "1")


def run(*argv: Any) -> int | None:
    return main(["run", *map(str, argv)], prog="maskreel inversion")


def frames_in(folder: Path) -> torch.Tensor:
    found = RunFolder(folder)
    return torch.stack([found.frame(number) for number in found.frames_done()])


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    root = tmp_path / "DAVIS"
    for place, name in enumerate(("bear", "cows")):
        for index in range(3):
            labels = torch.zeros(32, 48, dtype=torch.uint8)
            labels[8:20, 4 + 4 * index : 20 + 4 * index] = 1
            labels[30:, : 10 * place] = mask_tools.VOID
            mask_tools.write_label_png(root / "Annotations" / "480p" / name / f"{index:05d}.png", labels)
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("bear\n")
    (lists / "val.txt").write_text("cows\n")
    return root


def test_first_frames_of_all_sequences(davis: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("--davis", davis, "--first-frames", "-o", out, *QUICK) == 0
    for name in ("bear", "cows"):
        found = RunFolder(out / name)
        assert found.frames_done() == (0,)
        assert found.name == name
        assert found.record["seconds"] > 0
        assert found.record["iterations"] == 3
    with pytest.raises(InputError, match=r"out\.mp4 can hold one sequence, and there are 2; give a folder, or --seq"):
        run("--davis", davis, "-o", tmp_path / "out.mp4", *QUICK)


def test_one_sequence_becomes_a_video(davis: Path, tmp_path: Path) -> None:
    assert run("--davis", davis, "--sequence", "bear", "-o", tmp_path / "bear.mp4", *QUICK) == 0
    found = probe(tmp_path / "bear.mp4")
    assert (found.size, found.frame_count) == ((32, 48), 3)
    assert RunFolder(tmp_path / "bear.run").frames_done() == (0, 1, 2)
    assert RunFolder(tmp_path / "bear.run").class_names == {1: "bear"}
    # the finished run is not made again, and so the animation of the same run takes no step
    log = (tmp_path / "bear.run" / "log_all.jsonl").read_text()
    assert run("--davis", davis, "--sequence", "bear", "-o", tmp_path / "bear.gif", *QUICK) == 0
    assert (tmp_path / "bear.gif").read_bytes()[:3] == b"GIF"
    assert (tmp_path / "bear.run" / "log_all.jsonl").read_text() == log


def test_two_processes_make_the_same_frames(mask_folder: Path, tmp_path: Path) -> None:
    flags = (*QUICK, *NONE, "--preview-every", 0)
    assert run(mask_folder, "-o", tmp_path / "one", *flags) == 0
    assert run(mask_folder, "-o", tmp_path / "two", "--workers", 2, *flags) == 0
    assert RunFolder(tmp_path / "two").frames_done() == (0, 1, 2)
    assert torch.equal(frames_in(tmp_path / "one"), frames_in(tmp_path / "two"))
    before = RunFolder(tmp_path / "two").record
    assert before["iterations"] == 9
    assert run(mask_folder, "-o", tmp_path / "two", "--workers", 2, *flags) == 0
    assert RunFolder(tmp_path / "two").record == before
    assert not list((tmp_path / "two").glob("state*"))


def test_other_flags_are_refused_unless_it_is_overwritten(mask_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(mask_folder, "-o", out, *QUICK, "--frames", 0, 1) == 0
    first = frames_in(out)
    with pytest.raises(InputError, match=r"out holds a run with other settings \(config.seed\); .* --overwrite"):
        run(mask_folder, "-o", out, *QUICK, "--frames", 0, 1, "--seed", 1)
    assert torch.equal(frames_in(out), first)
    assert run(mask_folder, "-o", out, *QUICK, "--frames", 0, 1, "--seed", 1, "--overwrite") == 0
    assert not torch.equal(frames_in(out), first)


def test_overwrite_removes_nothing_but_runs(mask_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "diary.txt").write_text("mine")
    assert run(mask_folder, "-o", out, *QUICK, "--frames", 0, 1, "--overwrite") == 0
    assert (out / "diary.txt").read_text() == "mine"


def test_dry_run_makes_nothing(mask_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = sorted(tmp_path.rglob("*"))
    with caplog.at_level("INFO", logger="maskreel"):
        assert run(mask_folder, "-o", tmp_path / "out.mp4", *QUICK, "--dry-run") == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert "3 frames of 32x48 in 3 steps: about 0 min 0" in caplog.text
    assert "MiB of memory" in caplog.text


def test_thesis_with_the_flags_of_its_readme(mask_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ("--nr-epochs", 2, "--lr", 0.05, "--var-l2", 3e-4, "--var-l1", 2e-3, "--l2-norm", 4e-5, "--bn", 0.7)
    teacher = ("--teacher", "tiny_teacher:tiny", "--device", "cpu")
    assert run(mask_folder, "-o", out, "--preset", "thesis", *teacher, "--frames", 0, 2, *flags) == 0
    config = RunFolder(out).record["config"]
    assert (config["steps"], config["lr"], config["batch"], config["coherence"]) == (2, 0.05, 1, "none")
    weights = config["weights"]
    assert [weights[name] for name in ("tv_l2", "tv_l1", "l2", "statistics")] == [3e-4, 2e-3, 4e-5, 0.7]
    assert config["published_losses"]
    assert not config["balance"]
    assert RunFolder(out).frames_done() == (0, 1)


def test_weights_per_frame_from_a_file(mask_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"1": {"tv_l1": 0.9, "statistics": 0}}')
    flags = (*QUICK, *NONE, "--no-balance", "--frames", 0, 2)
    assert run(mask_folder, "-o", tmp_path / "plain", *flags) == 0
    assert run(mask_folder, "-o", tmp_path / "own", *flags, "--per-frame", file) == 0
    assert RunFolder(tmp_path / "own").record["per_frame"] == {"1": {"tv_l1": 0.9, "statistics": 0}}
    plain, own = frames_in(tmp_path / "plain"), frames_in(tmp_path / "own")
    assert torch.equal(plain[0], own[0])
    assert not torch.equal(plain[1], own[1])
    with pytest.raises(InputError, match="need --coherence none and --batch 1, got layers"):
        run(mask_folder, "-o", tmp_path / "no", *QUICK, "--coherence", "layers", "--per-frame", file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "must have the form"),
        ('{"first": {"l2": 1}}', "must have the form"),
        ('{"1": {"shade": 1}}', "frame 1 must have weights out of mask, object_class"),
        ('{"1": 3}', "frame 1 must have weights out of mask"),
        ('{"1": {"l2": -1}}', "frame 1: l2 must be 0 or more, got -1"),
        ('{"1": {"l2": "much"}}', "frame 1: could not convert"),
    ],
)
def test_bad_files_of_weights_per_frame(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(text)
    with pytest.raises(InputError, match=f"own.json.*{message}"):
        read_per_frame(file)


def test_good_and_missing_files_of_weights_per_frame(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"12": {"tv_l2": 2e-4, "statistics": 1}}))
    assert read_per_frame(file) == {12: {"tv_l2": 2e-4, "statistics": 1.0}}
    with pytest.raises(InputError, match=r"none.json does not exist"):
        read_per_frame(tmp_path / "none.json")


def test_flags_that_do_not_go_together(mask_folder: Path, davis: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give either masks or --davis, and not both"):
        run(mask_folder, "--davis", davis, "-o", tmp_path / "out")
    with pytest.raises(InputError, match="give either masks or --davis"):
        run("-o", tmp_path / "out")
    with pytest.raises(InputError, match="give either --first-frames or --frames"):
        run(mask_folder, "-o", tmp_path / "out", "--first-frames", "--frames", 0, 2)
    assert not (tmp_path / "out").exists()


def test_a_large_mask_is_made_smaller_unless_a_height_is_given(tmp_path: Path) -> None:
    labels = torch.zeros(480, 720, dtype=torch.uint8)
    labels[100:300, 100:400] = 1
    mask_tools.write_label_png(tmp_path / "large.png", labels)
    flags = (*QUICK, "--steps", 1)
    assert run(tmp_path / "large.png", "-o", tmp_path / "a", *flags) == 0
    assert run(tmp_path / "large.png", "-o", tmp_path / "b", *flags, "--height", 64) == 0
    assert RunFolder(tmp_path / "a").frame(0).shape == (3, 240, 360)
    assert RunFolder(tmp_path / "b").frame(0).shape == (3, 64, 96)


def test_a_verifier_to_compete_against(tmp_path: Path, mask_folder: Path) -> None:
    unet = tmp_path / "unet.safetensors"
    save_unet(UNet(len(SHAPES_CLASS_NAMES)), unet, class_names=SHAPES_CLASS_NAMES)
    labels = torch.zeros(1, 64, 64, dtype=torch.uint8)
    labels[0, 20:40, 20:40] = 7
    np.save(tmp_path / "masks.npy", labels.numpy())
    flags = (
        "--steps",
        1,
        "--stages",
        1,
        "--coherence",
        "none",
        "--device",
        "cpu",
        "--classes",
        f"7={SHAPES_CLASS_NAMES[7]}",
    )
    assert run(tmp_path / "masks.npy", "-o", tmp_path / "out", "--verifier", f"unet:{unet}", *flags) == 0
    assert RunFolder(tmp_path / "out").record["verifier"] == f"unet:{unet}"
    (line,) = (tmp_path / "out" / "log_all.jsonl").read_text().splitlines()
    assert 0 < json.loads(line)["terms"]["competition"] <= 1
    with pytest.raises(InputError, match="cannot compete: it must name the class of every pixel"):
        run(mask_folder, "-o", tmp_path / "other", "--verifier", f"unet:{unet}", *QUICK)
