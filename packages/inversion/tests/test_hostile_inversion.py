"""Hostile input of the readers that only maskreel inversion has."""

from __future__ import annotations

import errno
import json
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common.cli._outcome import exit_code
from maskreel.common.errors import InputError
from maskreel.inversion.append_line import append_line
from maskreel.inversion.run_folder import RunFolder
from maskreel.inversion.sources import CocoSequence
from maskreel.inversion.sources._files import array_file
from maskreel.inversion.statistics import LayerStatistics, Reference

if TYPE_CHECKING:
    from pathlib import Path


def coco(path: Path, *, image: dict[str, Any] | None = None, annotation: dict[str, Any] | None = None) -> Path:
    whole = {
        "images": [{"id": 1, "height": 4, "width": 4, "file_name": "a/1.png"} | (image or {})],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4]]}],
        "categories": [{"id": 1, "name": "bear"}],
    }
    whole["annotations"][0] |= annotation or {}
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        ({"height": 10**6, "width": 10**6}, "a size of 1000000x1000000 pixels"),
        ({"height": -1}, "a size of 4x-1 pixels"),
        ({"height": "4"}, "a height that is no whole number"),
        ({"file_name": "../../../etc/passwd"}, "a file_name that leads out of its folder"),
        ({"file_name": "/etc/passwd"}, "a file_name that leads out of its folder"),
        ({"file_name": 7}, "a file_name that leads out of its folder"),
        ({"id": [1]}, "a id that is no whole number"),
    ],
)
def test_images_of_coco(tmp_path: Path, image: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=rf"a\.json has {fault}"):
        CocoSequence(coco(tmp_path / "a.json", image=image), fps=Fraction(25))


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [4, 4], "counts": [2**63, 1]},
        {"size": [10**9, 10**9], "counts": "0"},
        [[float("nan"), 0, 4, 0, 4, 4]],
        [["x", 0, 4, 0, 4, 4]],
        [[[0, 0], [1, 1]]],
        7,
        None,
    ],
)
def test_segmentations_of_coco(tmp_path: Path, segmentation: Any) -> None:
    sequence = CocoSequence(coco(tmp_path / "a.json", annotation={"segmentation": segmentation}), fps=Fraction(25))
    with pytest.raises(InputError, match=r"a\.json has a damaged segmentation in annotation 1 of a/1\.png: "):
        sequence.frame(0)


def test_million_objects(tmp_path: Path) -> None:
    """A frame would hold a mask of each."""
    path = coco(tmp_path / "a.json")
    whole = json.loads(path.read_text())
    rle = {"size": [4, 4], "counts": [0, 16]}
    whole["annotations"] = [{"id": n, "image_id": 1, "category_id": 1, "segmentation": rle} for n in range(20_000)]
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match=r"a\.json annotates more than 254 objects"):
        CocoSequence(path, fps=Fraction(25)).frame(0)


def test_ids_by_the_million_in_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1_000_000, dtype=np.int64).reshape(1, 1000, 1000))
    with pytest.raises(InputError, match=r"a\.npy holds labels from 0 to 999999 in frame 0, expected 0 to 255"):
        array_file(tmp_path / "a.npy", fps=Fraction(25)).frame(0)


def test_records_of_runs(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"fps": ' + "[" * 100_000)
    with pytest.raises(InputError, match=r"run\.json cannot be read as JSON: it is nested too deep"):
        _ = RunFolder(tmp_path).record
    (tmp_path / "run.json").write_text('{"fps": "1e99999999"}')
    with pytest.raises(InputError, match=r"run\.json has fps '1e99999999', expected one like"):
        _ = RunFolder(tmp_path).fps


@pytest.mark.parametrize(
    "metadata", [{"layers": "[" * 100_000}, {"layers": "7"}, {"frames": "x"}, {"layers": None}, {"layers": '["gone"]'}]
)
def test_statistics_with_lying_metadata(tmp_path: Path, metadata: dict[str, str | None]) -> None:
    from safetensors.torch import save_file

    from maskreel.common.weights import load_state_dict, read_metadata

    path = tmp_path / "a.safetensors"
    Reference({"l": LayerStatistics(torch.zeros(3), torch.ones(3))}, 4, "12e4").save(path)
    assert Reference.load(path).fingerprint == "12e4"
    about = {key: value for key, value in (read_metadata(path) | metadata).items() if value is not None}
    state = {name: value.clone() for name, value in load_state_dict(path).items()}  # windows into the file before 0.8
    save_file(state, path, about)
    with pytest.raises(InputError, match=r"a\.safetensors (is not whole|cannot be read as JSON)"):
        Reference.load(path)


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("state", ["bomb", [], {"part": 0}, {"part": 0, "made": None, "current": 7}, "cut"])
def test_state_of_an_interrupted_run(tmp_path: Path, state: Any) -> None:
    from maskreel.inversion.job import _restore

    class Work:
        def restore(self, state: dict[str, Any]) -> None:
            _ = state["part"], state["made"]["x"]

    path = tmp_path / "state_all.pt"
    torch.save(Bomb(tmp_path / "made") if state == "bomb" else state, path)
    if state == "cut":
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"state_all\.pt .*delete it, and its part begins anew"):
        _restore(Work(), path)  # type: ignore[arg-type]
    assert not (tmp_path / "made").exists()


def test_lines_are_not_added_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "log.jsonl").symlink_to(outside)
    with pytest.raises(OSError, match=r"log\.jsonl") as caught:
        append_line(tmp_path / "log.jsonl", "{}")
    assert caught.value.errno == errno.ELOOP
    assert exit_code(lambda: append_line(tmp_path / "log.jsonl", "{}")) == 2
    assert outside.read_text() == "mine"
    append_line(tmp_path / "own.jsonl", "1")
    append_line(tmp_path / "own.jsonl", "2")
    assert (tmp_path / "own.jsonl").read_text() == "1\n2\n"
