"""The folder of a run."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.errors import InputError
from maskreel.inversion.run_folder import RunFolder
from maskreel.inversion.sources import open_masks

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {"sequence": "bear", "fps": "30000/1001", "class_names": {"1": "bear", "2": None}, "frame_count": 3, "seed": 4}


def frame(index: int) -> torch.Tensor:
    return torch.randint(0, 256, (3, 8, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(index))


def labels(index: int) -> torch.Tensor:
    maps = torch.zeros(8, 10, dtype=torch.uint8)
    maps[1:4, index : index + 3], maps[5:7, 2:5], maps[7] = 1, 2, 255
    return maps


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", RECORD)
    for index in (2, 0):
        run.write_frame(index, frame(index), labels(index))
    again = RunFolder(tmp_path / "run")
    assert again.record == RECORD
    assert (again.name, again.fps, again.frame_count) == ("bear", Fraction(30000, 1001), 3)
    assert again.class_names == {1: "bear", 2: None}
    assert again.frames_done() == (0, 2)
    assert torch.equal(again.frame(2), frame(2))
    assert torch.equal(again.labels(2), labels(2))
    picture = np.array(Image.open(tmp_path / "run" / "frames" / "00002.png"))  # by another reader
    assert np.array_equal(picture, frame(2).permute(1, 2, 0).numpy())


def test_a_frame_without_its_mask_is_not_done(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, RECORD)
    for index in range(3):
        run.write_frame(index, frame(index), labels(index))
    (tmp_path / "masks" / "00001.png").unlink()
    (tmp_path / "frames" / "00002.png").unlink()
    (tmp_path / "frames" / ".00002.x.part.png").write_bytes(b"half")
    assert run.frames_done() == (0,)


def test_stopped_while_writing_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.create(tmp_path, RECORD)

    def half_then_stop(image: Image.Image, file: Any, *_: object, **__: object) -> None:
        file.write_bytes(b"half a picture")
        if image.mode == "RGB":
            raise KeyboardInterrupt
        original(image, file, format="PNG")

    original = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", half_then_stop)
    with pytest.raises(KeyboardInterrupt):
        run.write_frame(0, frame(0), labels(0))
    assert run.frames_done() == ()
    assert list((tmp_path / "frames").iterdir()) == []


def test_shapes_that_do_not_go_together(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, RECORD)
    with pytest.raises(ValueError, match=r"got \(3, 8, 10\) and \(8, 9\)"):
        run.write_frame(0, frame(0), labels(0)[:, :9])
    assert run.frames_done() == ()


@pytest.mark.parametrize("name", ["sequence", "fps", "class_names", "frame_count"])
def test_record_needs_what_others_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"record must have '{name}'"):
        RunFolder.create(tmp_path, {key: value for key, value in RECORD.items() if key != name})


def test_folder_that_is_no_run(tmp_path: Path) -> None:
    assert not RunFolder.is_one(tmp_path)
    with pytest.raises(InputError, match=r"run\.json is missing, expected a folder that maskreel inversion run wrote"):
        RunFolder(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"run\.json cannot be read as JSON"),
        ("[]", r"run\.json must hold one object, got list"),
        ('{"fps": "fast"}', r"run\.json has fps 'fast', expected one like \"24\""),
        ('{"fps": "0"}', r"run\.json has fps '0'"),
        ('{"class_names": ["bear"]}', r"run\.json has class_names of another form"),
    ],
)
def test_damaged_record(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.json").write_text(text)
    run = RunFolder(tmp_path)
    with pytest.raises(InputError, match=message):
        _ = run.fps, run.class_names


def test_damaged_frame_is_named(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, RECORD)
    run.write_frame(0, frame(0), labels(0))
    file = tmp_path / "frames" / "00000.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match=r"frames/00000\.png cannot be read as a picture"):
        run.frame(0)
    with pytest.raises(InputError, match=r"frames/00001\.png does not exist"):
        run.frame(1)


def test_its_masks_can_be_filled_again(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", RECORD)
    for index in range(3):
        run.write_frame(index, frame(index), labels(index))
    masks = open_masks(tmp_path / "run")
    assert (masks.name, masks.fps, masks.class_names) == ("bear", Fraction(30000, 1001), ("bear", None))
    assert torch.equal(masks.labels(1), labels(1))
    assert masks.real_frames() is None  # the frames of a run are not real


def test_create_keeps_frames(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, RECORD).write_frame(0, frame(0), labels(0))
    again = RunFolder.create(tmp_path, RECORD | {"seed": 5})
    assert again.frames_done() == (0,)
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 5
