"""What detectron2's trainer is given: records and settings, checked without detectron2."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import MissingExtraError
from maskreel.common.masks import decode_rle
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.segmentation import BlurImages, detectron2_config, detectron2_options, detectron2_records
from maskreel.vfp.segmentation._blur_files import write_video

if TYPE_CHECKING:
    from pathlib import Path


def test_records_of_observed_frames(tmp_path: Path) -> None:
    write_dataset(TableScene(size=(32, 48)), tmp_path, Splits(train=2), seed=0, workers=0)
    videos = list(VfpFolder(tmp_path, "train"))
    records = detectron2_records(videos)
    assert len(records) == 22  # 11 of each
    assert [record["image_id"] for record in records] == list(range(22))
    assert records[21]["file_name"] == str(tmp_path / "train" / "video_1" / "image_10.png")
    labels = videos[1].labels()
    assert labels is not None
    for frame, record in enumerate(records[11:]):
        assert (record["height"], record["width"]) == (32, 48)
        painted = torch.zeros(32, 48, dtype=torch.uint8)
        for one in record["annotations"]:
            mask = decode_rle(one["segmentation"])
            rows, columns = torch.where(mask)
            x, y, width, height = one["bbox"]
            assert (x, y) == (columns.min(), rows.min())
            assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
            assert one["bbox_mode"] == 1  # BoxMode.XYWH_ABS
            painted[mask] = one["category_id"] + 1
        assert torch.equal(painted, labels[frame])


def test_records_of_blur_images_and_of_frames_without_objects(tmp_path: Path) -> None:
    labels = torch.zeros(2, 4, 6, dtype=torch.uint8)
    labels[1, 1:3, 2:5] = 48
    write_video(tmp_path, 7, 20, torch.zeros(2, 3, 4, 6, dtype=torch.uint8), labels)
    empty, last = detectron2_records(BlurImages(tmp_path))
    assert empty["annotations"] == []
    assert last["file_name"] == str(tmp_path / "video_7_frame_22.png")
    (only,) = last["annotations"]
    assert only["category_id"] == 47
    assert only["bbox"] == [2, 1, 3, 2]
    assert np.array_equal(decode_rle(only["segmentation"]).numpy(), labels[1].numpy() == 48)


def test_settings_repair_what_the_published_system_got_wrong() -> None:
    options = detectron2_options(mean=(0.1, 0.2, 0.3), std=(0.2, 0.2, 0.4), batch=8, steps=100)
    assert options["INPUT.FORMAT"] == "RGB"
    assert options["MODEL.PIXEL_MEAN"] == pytest.approx([25.5, 51, 76.5])
    assert options["MODEL.PIXEL_STD"] == pytest.approx([51, 51, 102])
    assert options["INPUT.MIN_SIZE_TRAIN"] == (options["INPUT.MIN_SIZE_TEST"],) == (160,)
    assert options["INPUT.RANDOM_FLIP"] == "horizontal"
    assert options["DATALOADER.FILTER_EMPTY_ANNOTATIONS"] is False
    assert options["MODEL.ROI_HEADS.NUM_CLASSES"] == 48
    assert options["MODEL.ANCHOR_GENERATOR.SIZES"] == [[8], [16], [32], [64], [128]]
    assert (options["SOLVER.IMS_PER_BATCH"], options["SOLVER.MAX_ITER"]) == (8, 100)
    assert all(name.isupper() or name[0].isupper() for name in options)


def test_without_detectron2_the_config_says_what_is_missing() -> None:
    if importlib.util.find_spec("detectron2") is not None:
        settings = detectron2_config(batch=8)
        assert settings.SOLVER.IMS_PER_BATCH == 8
        assert settings.INPUT.FORMAT == "RGB"
        return
    with pytest.raises(MissingExtraError, match="detectron2 is not installed"):
        detectron2_config()
