"""Labelled frames as training samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.maskrcnn import LabelledFrames, instance_targets

if TYPE_CHECKING:
    from pathlib import Path


def clip(length: int, value: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Frame t has the value `value + t` and the label map has one object, `value + t`, in the left column."""
    frames = torch.empty(length, 3, 4, 6, dtype=torch.uint8)
    labels = torch.zeros(length, 4, 6, dtype=torch.uint8)
    for time in range(length):
        frames[time] = value + time
        labels[time, :, 0] = value + time
    return frames, labels


def test_frames_of_all_clips_follow_each_other() -> None:
    frames = LabelledFrames([clip(2, 10), clip(3, 20)])
    assert len(frames) == 5
    for index, value in enumerate([10, 11, 20, 21, 22]):
        sample = frames[index]
        assert sample["image"].dtype == torch.float32
        assert torch.equal(sample["image"], torch.full((3, 4, 6), value / 255))
        assert torch.equal(sample["labels"], torch.tensor([[value, 0, 0, 0, 0, 0]] * 4, dtype=torch.uint8))
    with pytest.raises(IndexError, match="index must be 0 to 4, got 5"):
        frames[5]


def test_clips_may_be_memory_mapped(tmp_path: Path) -> None:
    frames, labels = clip(3, 30)
    np.save(tmp_path / "frames.npy", frames.numpy())
    np.save(tmp_path / "labels.npy", labels.numpy())
    mapped = [(np.load(tmp_path / "frames.npy", mmap_mode="r"), np.load(tmp_path / "labels.npy", mmap_mode="r"))]
    sample = LabelledFrames(mapped)[2]
    assert torch.equal(sample["image"], frames[2].float() / 255)
    assert torch.equal(sample["labels"], labels[2])


def test_augmentation_flips_both_and_changes_the_brightness_within_its_bounds() -> None:
    frames, labels = clip(1, 100)
    frames[..., 0] = 254
    original, data = frames.clone(), LabelledFrames([(frames, labels)], augment=True)
    torch.manual_seed(0)
    samples = [data[0] for _ in range(200)]
    flipped = [bool(sample["labels"][0, -1]) for sample in samples]
    assert 70 < sum(flipped) < 130
    for sample, turned in zip(samples, flipped, strict=True):
        image = sample["image"].flip(-1) if turned else sample["image"]
        assert torch.equal(sample["labels"].flip(-1) if turned else sample["labels"], labels[0])
        factor = image[0, 0, 1] / (100 / 255)
        assert torch.allclose(image, (original[0] / 255 * factor).clamp(max=1), atol=1e-6)
    factors = [float(sample["image"][0, 0, 2]) / (100 / 255) for sample in samples]
    assert min(factors) == pytest.approx(0.9, abs=0.01)
    assert max(factors) == pytest.approx(1.1, abs=0.01)
    assert max(float(sample["image"].max()) for sample in samples) == 1
    assert torch.equal(frames, original)


def test_every_label_of_eight_pixels_or_more_is_one_target() -> None:
    labels = torch.zeros(2, 6, 8, dtype=torch.uint8)
    labels[0, 1:3, 2:6] = 5  # 8 pixels
    labels[0, 4, 0:7] = 48  # 7 pixels
    (target, empty) = instance_targets(labels)
    assert target["labels"].tolist() == [5]
    assert target["boxes"].tolist() == [[2.0, 1.0, 6.0, 3.0]]
    assert torch.equal(target["masks"], labels[:1] == 5)
    assert empty["boxes"].shape == (0, 4)
    assert empty["masks"].shape == (0, 6, 8)


def test_clips_are_checked() -> None:
    frames, labels = clip(2, 1)
    with pytest.raises(ValueError, match="clips must hold at least one clip"):
        LabelledFrames([])
    with pytest.raises(TypeError, match=r"frames and labels of clips\[1\] must be uint8, got uint8 and int64"):
        LabelledFrames([(frames, labels), (frames, labels.long())])
    with pytest.raises(ValueError, match=r"clips\[0\] must be frames \(T, 3, H, W\) and labels \(T, H, W\), got"):
        LabelledFrames([(frames, labels[:1])])
