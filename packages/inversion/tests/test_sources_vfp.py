"""Masks of the vfp data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.errors import InputError
from maskreel.common.world import OBJECT_CLASSES
from maskreel.inversion.sources import open_masks

if TYPE_CHECKING:
    from pathlib import Path


def labels() -> np.ndarray:
    maps = np.zeros((22, 16, 24), np.uint8)
    for index in range(22):
        maps[index, 2:8, index : index + 3] = 7
        maps[index, 10:14, 4:9] = 48
    return maps


def write_video(images: Path, masks: Path) -> None:
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    for index in range(22):
        Image.new("RGB", (24, 16), (index, 0, 0)).save(images / f"image_{index}.png")
    np.save(masks / "mask.npy", labels())


def test_classes_are_the_objects(tmp_path: Path) -> None:
    write_video(tmp_path / "video_3", tmp_path / "video_3")
    found = open_masks(tmp_path / "video_3")
    assert (found.name, len(found), found.size) == ("video_3", 22, (16, 24))
    assert found.object_ids == (7, 48)
    assert found.class_names == (str(OBJECT_CLASSES[6]), str(OBJECT_CLASSES[47]))
    assert all(np.array_equal(found.labels(index).numpy(), labels()[index]) for index in range(22))
    clip = found.real_frames(5, 8)
    assert clip is not None
    assert clip.frames[:, 0, 0, 0].tolist() == [5, 6, 7]


def test_one_video_of_the_data_set(tmp_path: Path) -> None:
    for split, name in (("train", "video_0"), ("val", "video_9")):
        write_video(tmp_path / split / name, tmp_path / split / name)
    assert open_masks(tmp_path, sequence="video_9").name == "video_9"
    with pytest.raises(InputError, match="expected the name of one as sequence, such as video_0, video_9, not video_5"):
        open_masks(tmp_path, sequence="video_5")


def test_frames_and_masks_apart(tmp_path: Path) -> None:
    write_video(tmp_path / "val" / "input" / "video_4", tmp_path / "val" / "target" / "video_4")
    by_folder = open_masks(tmp_path / "val" / "target" / "video_4")
    by_name = open_masks(tmp_path, sequence="video_4")
    for found in (by_folder, by_name):
        assert torch.equal(found.labels(20), torch.from_numpy(labels()[20]))
        clip = found.real_frames(21)
        assert clip is not None
        assert clip.frames[0, 0, 0, 0] == 21


def test_missing_image_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "video_3", tmp_path / "video_3")
    (tmp_path / "video_3" / "image_4.png").unlink()
    masks = open_masks(tmp_path / "video_3")  # the masks are all there
    with pytest.raises(InputError, match=r"image_4\.png is missing"):
        masks.real_frames()


def test_wrong_number_of_masks_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "video_3", tmp_path / "video_3")
    np.save(tmp_path / "video_3" / "mask.npy", labels()[:20])
    with pytest.raises(InputError, match=r"mask\.npy"):
        open_masks(tmp_path / "video_3")
