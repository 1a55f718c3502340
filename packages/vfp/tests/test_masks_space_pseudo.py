"""Label maps for clips that nobody has labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.masks import LabelWindows, StoredMasks, pseudo_label, pseudo_labels_of

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (16, 24)


class Threshold:
    """Bright pixels are of class 7, and frames whose first pixel is bright in a corner are segmented wrongly there."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        labels = torch.where(frames[:, 0] > 100, 7, 0).to(torch.uint8)
        labels[:, :2, :2] = torch.where(frames[:, 1, :2, :2] > 100, 9, labels[:, :2, :2])  # upper left only
        return labels


def frames(count: int = 5) -> torch.Tensor:
    pixels = torch.zeros(count, 3, *SIZE, dtype=torch.uint8)
    pixels[:, 0, 5:9, 3:9] = 200
    return pixels


def test_what_is_found_twice_is_trusted() -> None:
    found = pseudo_labels_of(frames(), Threshold())
    assert torch.equal(found.labels, torch.where(frames()[:, 0] > 0, 7, 0).to(torch.uint8))
    assert found.confidence.tolist() == [1.0] * 5
    assert found.confidence.dtype == torch.float32
    empty = pseudo_labels_of(torch.zeros(3, 3, *SIZE, dtype=torch.uint8), Threshold())
    assert empty.confidence.tolist() == [1.0] * 3


def test_what_depends_on_left_and_right_is_not_trusted() -> None:
    pixels = frames()
    pixels[2, 1, :2, :2] = 200  # 4 pixels of class 9, which the mirrored frame does not show
    found = pseudo_labels_of(pixels, Threshold())
    assert found.confidence.tolist() == pytest.approx([1, 1, 24 / 28, 1, 1])


def test_objects_in_a_frame_or_two_are_errors() -> None:
    for count, kept in ((2, False), (3, True)):
        pixels = frames()
        pixels[:count, 1, :2, :2] = 200
        found = pseudo_labels_of(pixels, Threshold())
        assert bool((found.labels == 9).any()) is kept
        assert bool((found.labels == 7).any())


def test_videos_are_labelled_once(tmp_path: Path) -> None:
    write_dataset(TableScene(size=SIZE), tmp_path / "data", Splits(train=1, unlabeled=2), seed=4, workers=0)
    videos = VfpFolder(tmp_path / "data", "unlabeled")
    segmenter, done = Threshold(), []
    files = pseudo_label(videos, segmenter, tmp_path / "labels", least=0.0, progress=done.append)
    assert [file.relative_to(tmp_path / "labels").as_posix() for file in files] == [
        "video_1/mask.npy",
        "video_2/mask.npy",
    ]
    assert done == [1, 1]
    masks = StoredMasks(files)
    assert len(masks) == 2
    assert torch.equal(masks[1], pseudo_labels_of(videos[1].frames(), Threshold()).labels)
    assert np.load(files[0]).dtype == np.uint8
    calls = segmenter.calls
    assert pseudo_label(videos, segmenter, tmp_path / "labels", least=0.0) == files
    assert segmenter.calls == calls
    np.save(files[0].with_name("confidence.npy"), np.array([1.0, 0.4], np.float32))
    assert pseudo_label(videos, segmenter, tmp_path / "labels", least=0.5)[-1:] == files[1:]
    assert files[0] not in pseudo_label(videos, segmenter, tmp_path / "labels", least=0.5)
    assert LabelWindows(masks)[0]["labels"].shape == (22, *SIZE)


def test_broken_confidences_and_impossible_options_are_refused(tmp_path: Path) -> None:
    write_dataset(TableScene(size=SIZE), tmp_path / "data", Splits(unlabeled=1), seed=1, workers=0)
    videos = VfpFolder(tmp_path / "data", "unlabeled")
    (file,) = pseudo_label(videos, Threshold(), tmp_path / "labels", least=0.0)
    file.with_name("confidence.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"confidence\.npy is not readable"):
        pseudo_label(videos, Threshold(), tmp_path / "labels")
    with pytest.raises(ValueError, match="least must be 0 to 1"):
        pseudo_label(videos, Threshold(), tmp_path / "labels", least=2)


def test_stored_masks_come_from_labelled_videos(tmp_path: Path) -> None:
    write_dataset(TableScene(size=SIZE), tmp_path, Splits(train=1, unlabeled=1), seed=1, workers=0)
    labelled, unlabelled = VfpFolder(tmp_path, "train")[0], VfpFolder(tmp_path, "unlabeled")[0]
    assert np.array_equal(StoredMasks([labelled])[0].numpy(), np.load(labelled.folder / "mask.npy"))
    with pytest.raises(InputError, match="has no label maps"):
        StoredMasks([unlabelled])[0]
