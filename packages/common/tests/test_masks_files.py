"""Label maps and masks as PNG files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks
from maskreel.common.errors import InputError

_REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("MASKREEL_SHARED_DATA", _REPOSITORY.parent / "shared" / "data"))
DAVIS_MASKS = SHARED / "davis_masks"


def save(path: Path, array: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_palette_has_the_published_colours() -> None:
    # First colours of the Pascal VOC devkit and its void colour.
    expected = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128)]
    assert list(masks.DAVIS_PALETTE[:7]) == expected
    assert masks.DAVIS_PALETTE[8] == (64, 0, 0)
    assert masks.DAVIS_PALETTE[20] == (0, 64, 128)
    assert masks.DAVIS_PALETTE[255] == (224, 224, 192)
    assert len(set(masks.DAVIS_PALETTE)) == 256


def test_label_round_trip_is_exact_for_every_label(tmp_path: Path) -> None:
    labels = torch.arange(256, dtype=torch.uint8).reshape(8, 32)
    masks.write_label_png(tmp_path / "labels.png", labels)
    assert torch.equal(masks.read_label_png(tmp_path / "labels.png"), labels)
    image = Image.open(tmp_path / "labels.png")
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), labels.numpy())
    assert image.convert("RGB").getpixel((1, 0)) == (128, 0, 0)


@pytest.mark.skipif(not DAVIS_MASKS.is_dir(), reason="needs shared/data/davis_masks")
@pytest.mark.parametrize("name", ["breakdance", "camel", "cows", "dog"])
def test_davis_file_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    source = DAVIS_MASKS / name / "00030.png"
    labels = masks.read_label_png(source)
    masks.write_label_png(tmp_path / "copy.png", labels)
    with Image.open(source) as before, Image.open(tmp_path / "copy.png") as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))


def test_label_map_with_an_own_short_palette(tmp_path: Path) -> None:
    labels = torch.tensor([[0, 1], [1, 0]], dtype=torch.uint8)
    masks.write_label_png(tmp_path / "labels.png", labels, palette=[(0, 0, 0), (10, 20, 30)])
    assert torch.equal(masks.read_label_png(tmp_path / "labels.png"), labels)
    with Image.open(tmp_path / "labels.png") as image:
        assert image.convert("RGB").getpixel((1, 0)) == (10, 20, 30)


def test_grey_label_map_keeps_its_values(tmp_path: Path) -> None:
    levels = np.array([[0, 3, 255]], np.uint8)
    assert masks.read_label_png(save(tmp_path / "l.png", levels)).tolist() == [[0, 3, 255]]
    assert masks.read_label_png(save(tmp_path / "1.png", levels > 100)).tolist() == [[0, 0, 255]]


def test_binary_of_labels_leaves_out_void() -> None:
    labels = torch.tensor([[0, 1, 7, 254, 255]], dtype=torch.uint8)
    assert masks.binary(labels).tolist() == [[False, True, True, True, False]]


def test_binary_round_trip(tmp_path: Path) -> None:
    mask = torch.rand(17, 23, generator=torch.Generator().manual_seed(0)) > 0.5
    masks.write_binary_png(tmp_path / "mask.png", mask)
    assert torch.equal(masks.read_binary_png(tmp_path / "mask.png"), mask)
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), mask.numpy() * 255)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([0, 1, 1], [False, True, True]),  # 0/1
        ([0, 2, 5], [False, True, True]),  # small labels
        ([0, 255, 255], [False, True, True]),  # 0/255
        ([0, 100, 127, 128, 255], [False, False, False, True, True]),  # soft edge
        ([0, 0, 0], [False, False, False]),
    ],
)
def test_grey_png_rule(levels: list[int], expected: list[bool], tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", np.array([levels], np.uint8))
    assert masks.read_binary_png(path).tolist() == [expected]


def test_palette_png_is_a_label_map_with_void(tmp_path: Path) -> None:
    masks.write_label_png(tmp_path / "a.png", torch.tensor([[0, 1, 200, 255]], dtype=torch.uint8))
    assert masks.read_binary_png(tmp_path / "a.png").tolist() == [[False, True, True, False]]
    # Asked for grey levels, dark red (128) counts and label 200 is as bright as its brightest channel.
    brightest = [max(masks.DAVIS_PALETTE[label]) > 127 for label in (0, 1, 200, 255)]
    assert masks.read_binary_png(tmp_path / "a.png", kind="grey").tolist() == [brightest]


def test_palette_png_with_grey_colours_is_a_grey_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "p.png", np.array([[0, 90, 130, 255]], np.uint8), "P")
    with Image.open(path) as image:
        assert image.mode == "P"
    assert masks.read_binary_png(path).tolist() == [[False, False, True, True]]


def test_inverted_two_colour_palette_goes_by_colour(tmp_path: Path) -> None:
    labels = torch.tensor([[0, 1]], dtype=torch.uint8)
    masks.write_label_png(tmp_path / "p.png", labels, palette=[(255, 255, 255), (0, 0, 0)])
    assert masks.read_binary_png(tmp_path / "p.png").tolist() == [[True, False]]


def test_one_bit_and_colour_pictures(tmp_path: Path) -> None:
    assert masks.read_binary_png(save(tmp_path / "1.png", np.array([[False, True]]))).tolist() == [[False, True]]
    blue = np.zeros((1, 2, 3), np.uint8)
    blue[0, 1, 2] = 255
    assert masks.read_binary_png(save(tmp_path / "rgb.png", blue)).tolist() == [[False, True]]
    assert masks.read_binary_png(save(tmp_path / "rgba.png", blue, "RGBA")).tolist() == [[False, True]]


def test_kind_decides_what_auto_would_read_otherwise(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", np.array([[0, 1, 2, 255]], np.uint8))
    assert masks.read_binary_png(path).tolist() == [[False, False, False, True]]
    assert masks.read_binary_png(path, kind="labels").tolist() == [[False, True, True, False]]
    noise = save(tmp_path / "noise.png", np.array([[0, 9]], np.uint8))
    assert masks.read_binary_png(noise, kind="grey").tolist() == [[False, False]]


def test_missing_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        masks.read_label_png(tmp_path / "gone.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png is not a PNG file"):
        masks.read_binary_png(tmp_path / "text.png")
    save(tmp_path / "photo.jpg", np.zeros((4, 4), np.uint8)).rename(tmp_path / "photo.png")
    with pytest.raises(InputError, match=r"photo\.png is not a PNG file"):
        masks.read_label_png(tmp_path / "photo.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    whole = save(tmp_path / "cut.png", noise).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.png cannot be read as a PNG file"):
        masks.read_label_png(tmp_path / "cut.png")


def test_pictures_that_are_no_masks_are_named(tmp_path: Path) -> None:
    colour = save(tmp_path / "rgb.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(InputError, match=r"rgb\.png is a picture of mode RGB, a label map must be"):
        masks.read_label_png(colour)
    with pytest.raises(InputError, match=r"rgb\.png is a picture of mode RGB"):
        masks.read_binary_png(colour, kind="labels")
    deep = save(tmp_path / "deep.png", np.zeros((2, 2), np.uint16))
    with pytest.raises(InputError, match=r"deep\.png is a picture of mode I.*8 bits per channel"):
        masks.read_binary_png(deep)
    clear = save(tmp_path / "clear.png", np.zeros((2, 2, 4), np.uint8))
    with pytest.raises(InputError, match=r"clear\.png has transparent pixels"):
        masks.read_binary_png(clear)


def test_failed_write_leaves_no_file(tmp_path: Path) -> None:
    labels = torch.full((2, 2), 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match="palette must hold up to 256 colours and one for label 5, got 2"):
        masks.write_label_png(tmp_path / "a.png", labels, palette=[(0, 0, 0), (1, 1, 1)])
    with pytest.raises(ValueError, match=r"labels must have shape \(H, W\), got \(1, 2, 2\)"):
        masks.write_label_png(tmp_path / "a.png", labels[None])
    with pytest.raises(TypeError, match=r"labels must be a torch\.uint8 tensor, got torch\.bool"):
        masks.write_label_png(tmp_path / "a.png", labels > 0)
    with pytest.raises(ValueError, match=r"mask must have shape \(H, W\), got \(1, 2, 2\)"):
        masks.write_binary_png(tmp_path / "a.png", labels[None] > 0)
    with pytest.raises(TypeError, match=r"mask must be a torch\.bool tensor, got torch\.uint8"):
        masks.write_binary_png(tmp_path / "a.png", labels)
    with pytest.raises(TypeError, match=r"labels must be a torch\.uint8 tensor, got list"):
        masks.binary([[0, 1]])  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []
