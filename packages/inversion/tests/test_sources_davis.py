"""DAVIS as masks to be filled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.inversion.sources import davis_sequences, open_masks

SIZE = (12, 20)
FOLDER = Path("Annotations") / "480p"
SEQUENCES = {"bear": (1,), "bmx-trees": (1, 2), "made-up": (1, 3)}


def labels_of(name: str, index: int) -> torch.Tensor:
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    for place, number in enumerate(SEQUENCES[name]):
        labels[2:8, 2 + 8 * place + index : 8 + 8 * place + index] = number
    labels[11] = mask_tools.VOID
    return labels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "DAVIS"
    for name in SEQUENCES:
        for index in range(3):
            picture = root / "JPEGImages" / "480p" / name / f"{index:05d}.jpg"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 12), (50 * index, 0, 0)).save(picture)
            mask_tools.write_label_png(
                root / "Annotations" / "480p" / name / f"{index:05d}.png", labels_of(name, index)
            )
    for year in ("2016", "2017"):
        lists = root / "ImageSets" / year
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("bear\n")
        (lists / "val.txt").write_text("bmx-trees\nmade-up\n")
    return root


@pytest.mark.parametrize("frames", [True, False])
def test_all_of_train_and_val(root: Path, frames: bool) -> None:
    if not frames:
        shutil.rmtree(root / "JPEGImages")
    found = davis_sequences(root)
    assert [one.name for one in found] == list(SEQUENCES)
    for one in found:
        assert (one.size, one.fps, len(one)) == (SIZE, 24, 3)
        assert one.object_ids == SEQUENCES[one.name]
        assert all(torch.equal(one.labels(index), labels_of(one.name, index)) for index in range(3))
        clip = one.real_frames(1, 3)
        assert (clip is not None) == frames
        if clip is not None:
            assert clip.frames[:, 0, 0, 0].tolist() == pytest.approx([50, 100], abs=3)


@pytest.mark.parametrize("frames", [True, False])
def test_one_split_some_names_first_frames(root: Path, frames: bool) -> None:
    if not frames:
        shutil.rmtree(root / "JPEGImages")
    assert [one.name for one in davis_sequences(root, split="val")] == ["bmx-trees", "made-up"]
    found = davis_sequences(root, names=["made-up", "bear"], first=1)
    assert [(one.name, len(one)) for one in found] == [("made-up", 1), ("bear", 1)]
    assert len(davis_sequences(root, names=["bear"], first=99)[0]) == 3


@pytest.mark.parametrize("frames", [True, False])
def test_2016_takes_everything_as_one_object(root: Path, frames: bool) -> None:
    if not frames:
        shutil.rmtree(root / "JPEGImages")
    (found,) = davis_sequences(root, year="2016", names=["bmx-trees"])
    assert (found.object_ids, found.class_names) == ((1,), ("person",))
    labels = labels_of("bmx-trees", 1)
    assert torch.equal(found.frame(1).masks[0], (labels == 1) | (labels == 2))


def test_classes(root: Path) -> None:
    assert [one.class_names for one in davis_sequences(root)] == [("bear",), ("bicycle", "person"), (None, None)]
    (root / "davis_semantics.json").write_text(json.dumps({"made-up": {"1": "red metal cube", "3": "tv"}}))
    assert davis_sequences(root)[2].class_names == ("red metal cube", "tv")


def test_masks_without_lists_and_frames(root: Path) -> None:
    shutil.rmtree(root / "JPEGImages")
    shutil.rmtree(root / "ImageSets")
    assert [one.name for one in davis_sequences(root)] == sorted(SEQUENCES)
    with pytest.raises(InputError, match=r"2017/val\.txt does not exist, expected the names"):
        davis_sequences(root, split="val")


def test_test_set_with_first_masks_only(root: Path) -> None:
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("bear\n")
    for index in (1, 2):
        (root / "Annotations" / "480p" / "bear" / f"{index:05d}.png").unlink()
    (first,) = davis_sequences(root, split="test-dev", first=1)
    assert first.object_ids == (1,)
    (whole,) = davis_sequences(root, split="test-dev")
    with pytest.raises(InputError, match=r"bear/00001\.png does not exist: this frame of bear is not annotated"):
        _ = whole.object_ids


def test_what_is_missing_is_named(root: Path) -> None:
    with pytest.raises(InputError, match="no sequence 'cow' in train and val, only bear, bmx-trees, made-up"):
        davis_sequences(root, names=["cow"])
    with pytest.raises(InputError, match=r"Annotations/Full-Resolution is missing, expected the masks of DAVIS 2017"):
        davis_sequences(root, resolution="Full-Resolution")
    with pytest.raises(ValueError, match="first must be 1 or more frames, got 0"):
        davis_sequences(root, first=0)
    shutil.rmtree(root / "JPEGImages")
    shutil.rmtree(root / "Annotations" / "480p" / "bear")
    with pytest.raises(InputError, match="bear is missing, although bear is in the list of the split"):
        davis_sequences(root)


def test_opened_by_root_or_folder(root: Path) -> None:
    by_name = open_masks(root, sequence="bmx-trees", fps=None)
    by_folder = open_masks(root / "Annotations" / "480p" / "bmx-trees")
    for one in (by_name, by_folder):
        assert (one.name, one.object_ids, one.class_names) == ("bmx-trees", (1, 2), ("bicycle", "person"))
        clip = one.real_frames(2)
        assert clip is not None
        assert len(clip) == 1
    with pytest.raises(InputError, match="DAVIS holds many sequences, expected the name of one: bear, bmx-trees"):
        open_masks(root)
    with pytest.raises(InputError, match="bear holds no sequences to choose 'bear' from"):
        open_masks(root / "Annotations" / "480p" / "bear", sequence="bear")


def test_real_frames_of_another_size(root: Path) -> None:
    for index in range(3):
        Image.new("RGB", (30, 30)).save(root / "JPEGImages" / "480p" / "bear" / f"{index:05d}.jpg")
    masks = open_masks(root / "Annotations" / "480p" / "bear")
    with pytest.raises(InputError, match=r"real frames of .*bear are 30x30 pixels, expected 20x12 like the masks"):
        masks.real_frames()
