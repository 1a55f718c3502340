"""Masks from PNG files, mask videos and arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.inversion.sources import open_masks

if TYPE_CHECKING:
    from pathlib import Path


def square(frames: int = 4, size: tuple[int, int] = (16, 24)) -> torch.Tensor:
    masks = torch.zeros(frames, *size, dtype=torch.bool)
    for index in range(frames):
        masks[index, 4:10, 2 + index : 9 + index] = True
    return masks


def test_grey_folder_is_one_object(tmp_path: Path) -> None:
    masks = square()
    masks[2] = False  # an empty frame is fine
    mask_tools.write_masks(tmp_path / "grey", masks)
    found = open_masks(tmp_path / "grey", fps=Fraction(30000, 1001))
    assert found.object_ids == (1,)
    assert found.fps == Fraction(30000, 1001)
    assert torch.equal(torch.cat([frame.masks for frame in found]), masks)


def test_grey_label_maps_need_to_be_called_so(tmp_path: Path) -> None:
    for index in range(2):
        labels = np.zeros((8, 8), np.uint8)
        labels[:4, :4], labels[6:, 6:] = 1, 3
        Image.fromarray(labels).save(tmp_path / f"{index}.png")
    assert open_masks(tmp_path).object_ids == (1,)
    assert open_masks(tmp_path, kind="labels").object_ids == (1, 3)


def test_palette_without_colours_is_a_picture(tmp_path: Path) -> None:
    image = Image.fromarray(square(1)[0].numpy() * np.uint8(255)).convert("P")
    image.save(tmp_path / "0.png")
    assert image.mode == "P"
    assert torch.equal(open_masks(tmp_path).frame(0).masks, square(1))


def test_sequence_without_object(tmp_path: Path) -> None:
    mask_tools.write_masks(tmp_path / "empty", torch.zeros(3, 8, 8, dtype=torch.bool))
    with pytest.raises(InputError, match="empty shows no object in any of its 3 frames"):
        open_masks(tmp_path / "empty")


def test_missing_frame_is_named(tmp_path: Path) -> None:
    mask_tools.write_masks(tmp_path / "gap", square())
    (tmp_path / "gap" / "00002.png").unlink()
    with pytest.raises(InputError, match=r"gap misses number 2, which must follow 00001\.png"):
        open_masks(tmp_path / "gap")


def test_damaged_frame_is_named(tmp_path: Path) -> None:
    for index in range(3):
        mask_tools.write_label_png(tmp_path / "bad" / f"{index:05d}.png", square()[index].to(torch.uint8))
    file = tmp_path / "bad" / "00001.png"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"bad/00001\.png cannot be read"):
        open_masks(tmp_path / "bad")


def test_frame_of_another_size_is_named(tmp_path: Path) -> None:
    mask_tools.write_masks(tmp_path / "odd", square())
    mask_tools.write_binary_png(tmp_path / "odd" / "00003.png", square(1, (12, 24))[0])
    with pytest.raises(InputError, match=r"odd/00003\.png is 24x12"):
        open_masks(tmp_path / "odd")


def test_folder_of_other_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "00000.jpg")
    with pytest.raises(InputError, match="holds no masks, expected DAVIS"):
        open_masks(tmp_path)


def test_numbers_sort_as_numbers(tmp_path: Path) -> None:
    masks = square(11)
    for index, mask in enumerate(masks):
        mask_tools.write_binary_png(tmp_path / f"mask{index}.png", mask)
    assert torch.equal(torch.cat([frame.masks for frame in open_masks(tmp_path)]), masks)


@pytest.mark.parametrize("palette", [True, False])
def test_one_png_is_one_frame(tmp_path: Path, palette: bool) -> None:
    mask = square(1)[0]
    file = tmp_path / "still.png"
    if palette:
        mask_tools.write_label_png(file, mask.to(torch.uint8) * 4)
    else:
        mask_tools.write_binary_png(file, mask)
    found = open_masks(file)
    assert (found.name, len(found), found.object_ids) == ("still", 1, (4,) if palette else (1,))
    assert torch.equal(found.frame(0).masks[0], mask)


def test_mask_video(tmp_path: Path) -> None:
    masks = square(40, (32, 64))
    mask_tools.write_masks(tmp_path / "masks.mkv", masks, fps=Fraction(25))
    found = open_masks(tmp_path / "masks.mkv")
    assert (len(found), found.fps, found.size) == (40, Fraction(25), (32, 64))
    for index in (39, 0, 17, 16, 15):  # in any order
        assert torch.equal(found.frame(index).masks[0], masks[index])
    assert open_masks(tmp_path / "masks.mkv", fps=Fraction(10)).fps == 10


def test_file_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no masks")
    with pytest.raises(InputError, match=r"notes\.txt is not a video .* \(expected DAVIS, a folder of PNG masks"):
        open_masks(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="nothing does not exist, expected DAVIS"):
        open_masks(tmp_path / "nothing")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_label_maps_in_an_array(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "maps.npy", square().numpy().astype(dtype))
    found = open_masks(tmp_path / "maps.npy")
    assert torch.equal(torch.cat([frame.masks for frame in found]), square())


def test_one_label_map_in_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", square(1)[0].numpy().astype(np.int32) * 7)
    found = open_masks(tmp_path / "map.npy")
    assert (len(found), found.object_ids) == (1, (7,))


def test_stack_of_overlapping_objects(tmp_path: Path) -> None:
    stack = torch.stack([square(), torch.zeros(4, 16, 24, dtype=torch.bool), square().flip(0)], dim=1)
    np.save(tmp_path / "stack.npy", stack.numpy())
    found = open_masks(tmp_path / "stack.npy")
    assert found.object_ids == (1, 3)  # the second is never seen
    assert found.class_names == (None, None)
    assert found.size == (16, 24)
    for index in range(4):
        assert torch.equal(found.frame(index).masks, stack[index, [0, 2]])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 4, 4), np.float32), r"holds float32 \(2, 4, 4\), expected label maps"),
        (np.zeros(5, np.uint8), r"holds uint8 \(5,\), expected label maps"),
        (np.full((2, 4, 4), 300), "holds labels from 300 to 300 in frame 0, expected 0 to 255"),
        (np.zeros((2, 4, 4), np.uint8), "shows no object in any of its 2 frames"),
        (np.zeros((2, 3, 4, 4), bool), "shows no object in any of its 2 frames"),
    ],
)
def test_arrays_that_are_no_masks(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(InputError, match=message):
        open_masks(tmp_path / "bad.npy")


def test_damaged_array(tmp_path: Path) -> None:
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"bad\.npy cannot be read as an \.npy array"):
        open_masks(tmp_path / "bad.npy")


def test_folder_takes_classes_of_davis_by_its_name(tmp_path: Path) -> None:
    for name in ("bear", "camel", "train", "something"):
        mask_tools.write_masks(tmp_path / name, square(2))
    classes = {name: open_masks(tmp_path / name).class_names for name in ("bear", "camel", "train", "something")}
    assert classes == {"bear": ("bear",), "camel": (None,), "train": (None,), "something": (None,)}
    assert open_masks(tmp_path / "camel", classes="1=sheep").class_names == ("sheep",)
