"""Masks of a whole video: folders, one picture for all frames, mask videos."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks, video
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("MASKREEL_SHARED_DATA", _REPOSITORY.parent / "shared" / "data"))
TENNIS = SHARED / "davis_tennis" / "mask.mp4"


def random_masks(count: int = 7, height: int = 18, width: int = 26) -> torch.Tensor:
    return torch.rand(count, height, width, generator=torch.Generator().manual_seed(0)) < 0.4


def save(path: Path, levels: list[list[int]]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.array(levels, np.uint8)).save(path)


@pytest.mark.parametrize("name", ["folder", "masks.mkv", "odd.mkv"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    expected = random_masks(width=25, height=17) if name == "odd.mkv" else random_masks()
    masks.write_masks(tmp_path / name, expected, fps=Fraction(25))
    size = (expected.shape[1], expected.shape[2])
    assert torch.equal(masks.read_masks(tmp_path / name, size=size, frame_count=7), expected)
    assert torch.equal(masks.read_masks(tmp_path / name), expected)
    chunks = list(masks.iterate_masks(tmp_path / name, size=size, chunk=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert all(chunk.dtype == torch.bool for chunk in chunks)
    assert torch.equal(torch.cat(chunks), expected)
    part = list(masks.iterate_masks(tmp_path / name, frame_count=7, chunk=2, start=2, stop=5))
    assert [len(chunk) for chunk in part] == [2, 1]
    assert torch.equal(torch.cat(part), expected[2:5])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_folder_names(tmp_path: Path) -> None:
    masks.write_masks(tmp_path / "a" / "b", random_masks(3))
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["00000.png", "00001.png", "00002.png"]


def test_long_mask_video_keeps_its_rate(tmp_path: Path) -> None:
    expected = random_masks(75)
    masks.write_masks(tmp_path / "long.mkv", expected.split(50), fps=Fraction(30000, 1001))
    assert torch.equal(masks.read_masks(tmp_path / "long.mkv", frame_count=75), expected)
    info = video.probe(tmp_path / "long.mkv")
    assert info.fps == Fraction(30000, 1001)
    assert not info.variable_frame_rate


def test_chunks_are_written_one_after_the_other(tmp_path: Path) -> None:
    expected = random_masks(70)
    taken = 0

    def chunks() -> Iterator[torch.Tensor]:
        nonlocal taken
        for chunk in expected.split(40):
            taken += 1
            yield chunk
            # The chunk before must be on disk by now, or memory would not be bounded.
            assert len(list(tmp_path.glob(".*.part/[0-9]*.png"))) == min(40 * taken, 70)

    masks.write_masks(tmp_path / "out", chunks())
    assert torch.equal(masks.read_masks(tmp_path / "out"), expected)


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"masks must all be of one size, got \(4, 5\) and \(4, 6\)"):
        masks.write_masks(tmp_path / "out", iter([torch.ones(2, 4, 5) > 0, torch.ones(2, 4, 6) > 0]))
    with pytest.raises(ValueError, match=r"masks must have shape \(T, H, W\), got \(4, 5\)"):
        masks.write_masks(tmp_path / "out", torch.ones(4, 5) > 0)
    with pytest.raises(TypeError, match=r"masks must be a torch\.bool tensor, got torch\.float32"):
        masks.write_masks(tmp_path / "out", torch.ones(2, 4, 5))
    with pytest.raises(InputError, match=r"out\.mp4 must end in \.mkv"):
        masks.write_masks(tmp_path / "out.mp4", random_masks(), fps=Fraction(25))
    with pytest.raises(ValueError, match="fps must be given for a mask video"):
        masks.write_masks(tmp_path / "out.mkv", random_masks())
    with pytest.raises(ValueError, match="masks must hold at least one mask"):
        masks.write_masks(tmp_path / "out.mkv", iter([]), fps=Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_folder_with_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    masks.write_masks(tmp_path / "out", random_masks(2))
    with pytest.raises(InputError, match="out exists and is not an empty folder"):
        masks.write_masks(tmp_path / "out", random_masks(1))
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_natural_order_and_strange_files(tmp_path: Path) -> None:
    for number in (10, 9, 100):
        save(tmp_path / f"mask{number}.png", [[255 * (number == value) for value in (9, 10, 100)]])
    (tmp_path / ".hidden.png").write_text("not read")
    (tmp_path / "notes.txt").write_text("not read")
    assert masks.read_masks(tmp_path)[:, 0].int().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_grey_level_is_that_of_the_whole_folder(tmp_path: Path) -> None:
    # The first frame has no object, only the noise of the lossy video that it came from.
    save(tmp_path / "noisy" / "0.png", [[0, 9, 1]])
    save(tmp_path / "noisy" / "1.png", [[0, 130, 90]])
    assert masks.read_masks(tmp_path / "noisy").int().tolist() == [[[0, 0, 0]], [[0, 1, 0]]]
    assert masks.read_masks(tmp_path / "noisy", stop=1).int().tolist() == [[[0, 0, 0]]]
    save(tmp_path / "ones" / "0.png", [[0, 0, 1]])
    save(tmp_path / "ones" / "1.png", [[0, 1, 2]])
    assert masks.read_masks(tmp_path / "ones").int().tolist() == [[[0, 0, 1]], [[0, 1, 1]]]


def test_label_maps_and_kind(tmp_path: Path) -> None:
    labels = torch.tensor([[0, 1, 3, 255]], dtype=torch.uint8)
    masks.write_label_png(tmp_path / "0.png", labels)
    masks.write_label_png(tmp_path / "1.png", torch.zeros_like(labels))
    assert masks.read_masks(tmp_path).int().tolist() == [[[0, 1, 1, 0]], [[0, 0, 0, 0]]]
    save(tmp_path / "grey" / "0.png", labels.tolist())
    assert masks.read_masks(tmp_path / "grey", kind="labels").int().tolist() == [[[0, 1, 1, 0]]]


def test_changed_folder_is_read_anew(tmp_path: Path) -> None:
    save(tmp_path / "m" / "0.png", [[0, 1]])
    past = (1_000_000_000, 1_000_000_000)
    os.utime(tmp_path / "m", past)
    assert masks.read_masks(tmp_path / "m").int().tolist() == [[[0, 1]]]
    save(tmp_path / "m" / "1.png", [[0, 255]])
    assert masks.read_masks(tmp_path / "m").int().tolist() == [[[0, 0]], [[0, 1]]]
    save(tmp_path / "m" / "2.png", [[255, 255]])
    assert len(masks.read_masks(tmp_path / "m")) == 3


def test_one_picture_holds_for_every_frame(tmp_path: Path) -> None:
    mask = random_masks(1)[0]
    masks.write_binary_png(tmp_path / "static.png", mask)
    chunks = list(masks.iterate_masks(tmp_path / "static.png", size=(18, 26), frame_count=70, chunk=32, start=1))
    assert [len(chunk) for chunk in chunks] == [32, 32, 5]
    assert all(torch.equal(chunk, mask.expand(len(chunk), -1, -1)) for chunk in chunks)
    assert len({chunk.data_ptr() for chunk in chunks}) == 1  # a two-hour video does not need a mask per frame
    assert masks.read_masks(tmp_path / "static.png", stop=3).shape == (3, 18, 26)
    with pytest.raises(ValueError, match=r"static\.png is one mask for every frame: give frame_count or stop"):
        masks.iterate_masks(tmp_path / "static.png")


@pytest.mark.parametrize("name", ["folder", "masks.mkv", "static.png"])
def test_wrong_size_is_named_with_both_sizes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "static.png":
        masks.write_binary_png(path, random_masks()[0])
    else:
        masks.write_masks(path, random_masks(), fps=Fraction(25))
    with pytest.raises(InputError, match=r"(00000|masks|static)\.\w+ is 26x18 pixels, expected 18x26$"):
        next(masks.iterate_masks(path, size=(26, 18), frame_count=7))


def test_odd_one_out_is_named(tmp_path: Path) -> None:
    masks.write_masks(tmp_path / "m", random_masks(3))
    masks.write_binary_png(tmp_path / "m" / "00002.png", torch.ones(5, 6) > 0)
    with pytest.raises(InputError, match=r"00002\.png is 6x5 pixels, expected 26x18"):
        masks.read_masks(tmp_path / "m")


@pytest.mark.parametrize("name", ["folder", "masks.mkv"])
@pytest.mark.parametrize("frame_count", [6, 8])
def test_wrong_number_is_named_with_both_numbers(name: str, frame_count: int, tmp_path: Path) -> None:
    masks.write_masks(tmp_path / name, random_masks(7), fps=Fraction(25))
    with pytest.raises(InputError, match=f"{name} holds 7 masks, expected {frame_count}: one per frame"):
        masks.read_masks(tmp_path / name, frame_count=frame_count)


def test_missing_paths_and_arguments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4 does not exist; masks are a video, a folder"):
        masks.iterate_masks(tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="holds no PNG files, expected one mask per frame"):
        masks.iterate_masks(tmp_path)
    save(tmp_path / "m" / "0.png", [[0, 1]])
    with pytest.raises(ValueError, match="chunk must be 1 or more masks, got 0"):
        masks.iterate_masks(tmp_path / "m", chunk=0)
    with pytest.raises(ValueError, match="0 <= start <= stop, got 3 and 2"):
        masks.iterate_masks(tmp_path / "m", start=3, stop=2)
    with pytest.raises(ValueError, match="m has no masks from start 1 to stop None"):
        masks.read_masks(tmp_path / "m", start=1)
    assert list(masks.iterate_masks(tmp_path / "m", start=1)) == []


@pytest.mark.skipif(not TENNIS.is_file(), reason="needs shared/data/davis_tennis")
def test_lossy_mask_video_is_cut_in_the_middle() -> None:
    tennis = masks.read_masks(TENNIS, size=(480, 854), frame_count=70, stop=6)
    assert tennis.shape == (6, 480, 854)
    area = tennis.flatten(1).sum(1)
    # Counted once with another decoder: the first frame has 13010 pixels at 235 or more and none from 16 to 199.
    assert area[0].item() == pytest.approx(13010, abs=60)
    assert ((area > 9000) & (area < 18000)).all()
    with pytest.raises(InputError, match=r"mask\.mp4 holds 70 masks, expected 71"):
        list(masks.iterate_masks(TENNIS, frame_count=71))
