"""Runs as data sets: read again by the readers of DAVIS and COCO."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from maskreel.common import masks as mask_tools
from maskreel.common.datasets import Davis
from maskreel.common.errors import InputError
from maskreel.inversion.exports import ExportSequence, export_coco, export_davis, from_run, from_targets
from maskreel.inversion.exports._coco_categories import COCO_IDS
from maskreel.inversion.exports._polygons import polygons
from maskreel.inversion.run_folder import RunFolder
from maskreel.inversion.sources import davis_sequences, open_masks
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = (24, 33)


def frame(index: int) -> torch.Tensor:
    """Smooth, so that JPEG keeps it."""
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    return torch.stack([rows * 5 + index, columns * 5, rows + columns]).to(torch.uint8)


def labels(index: int) -> torch.Tensor:
    maps = torch.zeros(SIZE, dtype=torch.uint8)
    maps[3:12, index : index + 7] = 1
    maps[5:8, index + 2 : index + 4] = 0  # a hole
    if index != 1:
        maps[14:20, 10:25] = 4
    maps[22] = 255
    return maps


def make_run(folder: Path, name: str = "video_7", frames: int = 3) -> RunFolder:
    classes = {"1": "bear", "4": "red metal cube"}
    record = {"sequence": name, "fps": "24", "class_names": classes, "frame_count": frames}
    run = RunFolder.create(folder, record)
    for index in range(frames):
        run.write_frame(index, frame(index), labels(index))
    return run


def test_our_own_reader_of_davis(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, name) for name in ("video_7", "video_8")]
    export_davis(tmp_path / "davis", [from_run(run) for run in runs], lossless=True)
    davis = Davis(tmp_path / "davis", split="train")
    assert davis.names == ("video_7", "video_8")
    for sequence in davis:
        assert sequence.object_ids == (1, 4)
        assert torch.equal(sequence.labels(), torch.stack([labels(index) for index in range(3)]))
        difference = sequence.frames().frames.int() - torch.stack([frame(index) for index in range(3)]).int()
        assert difference.abs().float().mean() < 2  # JPEG
        png = tmp_path / "davis" / "PNGImages" / "480p" / sequence.name / "00002.png"
        assert np.array_equal(np.array(Image.open(png)), frame(2).permute(1, 2, 0).numpy())
    assert len(Davis(tmp_path / "davis", year="2016")) == 2
    assert not list(tmp_path.glob(".*"))


def test_classes_come_back_from_davis(tmp_path: Path) -> None:
    export_davis(tmp_path / "davis", [from_run(make_run(tmp_path / "run"))], split="val", resolution="Full-Resolution")
    (again,) = davis_sequences(tmp_path / "davis", split="val", resolution="Full-Resolution")
    assert again.class_names == ("bear", "red metal cube")
    assert torch.equal(again.labels(0), labels(0))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
@pytest.mark.parametrize("segmentation", ["rle", "polygons"])
def test_pycocotools_reads_it(tmp_path: Path, segmentation: Literal["rle", "polygons"]) -> None:
    export_coco(tmp_path / "coco", [from_run(make_run(tmp_path / "run"))], segmentation=segmentation)
    coco: Any = COCO(str(tmp_path / "coco" / "annotations.json"))
    assert {one["name"]: one["id"] for one in coco.loadCats(coco.getCatIds())} == {"bear": 23, "red metal cube": 101}
    assert len(coco.getImgIds()) == 3
    for index, image in enumerate(coco.loadImgs(sorted(coco.getImgIds()))):
        assert (image["height"], image["width"]) == SIZE
        picture = np.array(Image.open(tmp_path / "coco" / "images" / image["file_name"]))
        assert np.array_equal(picture, frame(index).permute(1, 2, 0).numpy())
        found = {one["track_id"]: one for one in coco.loadAnns(coco.getAnnIds(image["id"], iscrowd=False))}
        assert set(found) == ({1, 4} if index != 1 else {1})
        for number, one in found.items():
            truth = (labels(index) == number).numpy()
            filled = truth | (mask_tools.fill_holes(torch.from_numpy(truth)[None])[0].numpy())
            assert np.array_equal(coco.annToMask(one).astype(bool), truth if segmentation == "rle" else filled)
            ys, xs = np.nonzero(truth)
            assert one["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert one["area"] == truth.sum()
        (crowd,) = coco.loadAnns(coco.getAnnIds(image["id"], iscrowd=True))
        assert np.array_equal(coco.annToMask(crowd).astype(bool), (labels(index) == 255).numpy())


def test_we_read_our_own_coco(tmp_path: Path) -> None:
    runs = [from_run(make_run(tmp_path / name, name)) for name in ("a", "b")]
    export_coco(tmp_path / "coco", runs)
    masks = open_masks(tmp_path / "coco" / "annotations.json", sequence="b")
    assert masks.object_ids == (1, 4)
    assert masks.class_names == ("bear", "red metal cube")
    assert all(torch.equal(masks.labels(index), labels(index)) for index in range(3))
    clip = masks.real_frames()
    assert clip is not None
    assert torch.equal(clip.frames[1], frame(1))


def test_ids_are_those_of_coco(data_of: Callable[[str, str], Any]) -> None:
    categories = data_of("torchvision", "models/_meta.py")._COCO_CATEGORIES
    assert {name: number for number, name in enumerate(categories) if name not in ("__background__", "N/A")} == COCO_IDS


def test_polygons_follow_the_edges_of_pixels() -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(40):
        mask = mask_tools.fill_holes(torch.rand(1, 17, 23, generator=generator) > 0.4)[0]
        drawn = torch.zeros_like(mask)
        for outline in polygons(mask):
            drawn |= mask_tools.rasterise_polygon(np.array(outline).reshape(-1, 2), (17, 23))
        # fill_holes leaves gaps that are open through a corner; an outline closes them.
        assert (drawn >= mask).all()
        assert torch.equal(drawn & ~mask, drawn & ~mask & mask_tools.fill_holes(drawn[None])[0])
    assert polygons(torch.ones(2, 3, dtype=torch.bool)) == [[0, 0, 0, 2, 3, 2, 3, 0]]


def targets() -> list[FrameTarget]:
    masks = [torch.stack([labels(index) == 1, labels(index) == 4]) for index in range(3)]
    return [FrameTarget(one, torch.tensor([2, 1]), labels(index) == 255) for index, one in enumerate(masks)]


def test_frames_of_a_generator(tmp_path: Path) -> None:
    pictures = (frame(index) for index in range(3))
    names = ("background", "dog", "cat")
    sequence = from_targets("pets", pictures, targets(), fps=Fraction(10), class_names=names)
    export_davis(tmp_path / "davis", [sequence])
    (again,) = davis_sequences(tmp_path / "davis")
    assert again.class_names == ("cat", "dog")
    assert torch.equal(again.frame(2).masks, targets()[2].masks)


def test_later_objects_lie_over_earlier_ones(tmp_path: Path) -> None:
    both = torch.zeros(2, *SIZE, dtype=torch.bool)
    both[0, :8, :8], both[1, 4:12, 4:12] = True, True
    target = FrameTarget(both, torch.tensor([1, 1]))
    export_davis(tmp_path / "davis", [from_targets("two", [frame(0)], [target], fps=Fraction(24))])
    (again,) = davis_sequences(tmp_path / "davis")
    assert int((again.labels(0) == 2).sum()) == 64
    assert int((again.labels(0) == 1).sum()) == 64 - 16


def test_targets_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="targets must hold at least one frame"):
        from_targets("none", [], [], fps=Fraction(24))
    other = [targets()[0], FrameTarget(targets()[1].masks, torch.tensor([1, 1]))]
    with pytest.raises(ValueError, match="targets must have the same objects in every frame"):
        from_targets("other", [frame(0), frame(1)], other, fps=Fraction(24))
    with pytest.raises(ValueError, match="zip"):
        export_coco(tmp_path / "coco", [from_targets("few", [frame(0)], targets(), fps=Fraction(24))])
    assert not (tmp_path / "coco").exists()
    with pytest.raises(ValueError, match=r"name must be a folder's name, got '\.\./x'"):
        from_targets("../x", [frame(0)], targets()[:1], fps=Fraction(24))


def test_unfinished_runs(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", frames=4)
    (tmp_path / "run" / "frames" / "00003.png").unlink()
    with pytest.raises(InputError, match="run has 3 of 4 frames, finish the run first"):
        from_run(run)
    assert from_run(run, unfinished=True).frame_count == 3
    (tmp_path / "run" / "masks" / "00001.png").unlink()
    with pytest.raises(InputError, match="run lacks frame 1 with its mask"):
        from_run(run, unfinished=True)
    for file in (tmp_path / "run" / "masks").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="run holds no finished frame"):
        from_run(run, unfinished=True)


class Stop(Exception):  # noqa: N818
    """Like a key that was pressed."""


def stopping_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise Stop


@pytest.mark.parametrize("kind", [export_davis, export_coco])
def test_a_stopped_export_goes_on(tmp_path: Path, kind) -> None:
    run = make_run(tmp_path / "run")
    steps = stopping_after(2)
    with pytest.raises(Stop):
        kind(tmp_path / "out", [from_run(run)], progress=lambda _: next(steps))
    assert not (tmp_path / "out").exists()
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / ".out.part").rglob("*.[jp][pn]g")}
    assert len(written) >= 2
    kind(tmp_path / "out", [from_run(run)])
    kept = {tmp_path / "out" / file.relative_to(tmp_path / ".out.part"): time for file, time in written.items()}
    assert all(file.stat().st_mtime_ns == time for file, time in kept.items())
    kind(tmp_path / "whole", [from_run(run)])
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_stopped_export_of_other_frames_begins_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    steps = stopping_after(1)
    with pytest.raises(Stop):
        export_coco(tmp_path / "out", [from_run(run)], progress=lambda _: next(steps))
    run.write_frame(0, 255 - frame(0), labels(0))
    export_coco(tmp_path / "out", [from_run(run)])
    picture = np.array(Image.open(tmp_path / "out" / "images" / "video_7" / "00000.png"))
    assert np.array_equal(picture, (255 - frame(0)).permute(1, 2, 0).numpy())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    sequence = from_run(make_run(tmp_path / "run"))
    with pytest.raises(InputError, match="run exists already, expected the name of a new or empty folder"):
        export_davis(tmp_path / "run", [sequence])
    (tmp_path / "empty").mkdir()
    export_coco(tmp_path / "empty", [sequence])
    assert json.loads((tmp_path / "empty" / "annotations.json").read_text())["images"]


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_sequences_have_names_of_their_own(tmp_path: Path, names: list[str]) -> None:
    sequences = [ExportSequence(name, Fraction(24), {}, []) for name in names]
    with pytest.raises(ValueError, match="sequences must be one or more of different names"):
        export_davis(tmp_path / "out", sequences)
