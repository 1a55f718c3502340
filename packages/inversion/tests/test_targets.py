"""What a frame is to show."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.targets import FrameTarget


def masks() -> torch.Tensor:
    made = torch.zeros(3, 6, 8, dtype=torch.bool)
    made[0, 1:4, 2:5] = made[2, 5, 7] = True
    return made


def test_boxes_are_half_open_and_need_something_to_be_around() -> None:
    target = FrameTarget(masks(), torch.tensor([4, -1, 2]))
    assert target.size == (6, 8)
    present = target.present()
    assert present.boxes.tolist() == [[2, 1, 5, 4], [7, 5, 8, 6]]
    assert present.boxes.dtype == torch.float32
    assert present.labels.tolist() == [4, 2]
    with pytest.raises(ValueError, match="empty"):
        _ = target.boxes


def test_half_covered_pixels_belong_to_the_object() -> None:
    mask = torch.zeros(1, 4, 8, dtype=torch.bool)
    mask[0, :, :3] = True
    void = torch.zeros(4, 8, dtype=torch.bool)
    void[:, 6:] = True
    small = FrameTarget(mask, torch.tensor([1]), void).resized((2, 4))
    share = torch.nn.functional.avg_pool2d(mask.float(), 2)[0]
    assert small.masks[0, :, [0, 2, 3]].equal((share >= 0.5)[:, [0, 2, 3]])
    assert small.void is not None
    assert small.void.tolist() == [[False, False, False, True]] * 2
    assert small.labels.tolist() == [1]


def test_sizes_that_stay_and_frames_without_objects() -> None:
    target = FrameTarget(masks(), torch.tensor([4, -1, 2]))
    assert target.resized((6, 8)) is target
    nothing = FrameTarget(torch.zeros(0, 6, 8, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))
    assert nothing.resized((3, 4)).masks.shape == (0, 3, 4)
    assert nothing.resized((3, 4)).masks.dtype == torch.bool
    assert len(nothing.present().masks) == 0


def test_to_moves_everything() -> None:
    moved = FrameTarget(masks(), torch.tensor([1, 1, 1]), torch.zeros(6, 8, dtype=torch.bool)).to("meta")
    assert moved.void is not None
    assert {moved.masks.device.type, moved.labels.device.type, moved.void.device.type} == {"meta"}


def test_what_does_not_go_together() -> None:
    labels = torch.tensor([1, 1, 1])
    with pytest.raises(TypeError, match=r"masks must be bool, got torch.uint8"):
        FrameTarget(masks().byte(), labels)
    with pytest.raises(ValueError, match=r"masks must have shape \(N, H, W\), got \(6, 8\)"):
        FrameTarget(masks()[0], labels)
    with pytest.raises(ValueError, match=r"as many as the 3 masks, got torch.int64 \(2,\)"):
        FrameTarget(masks(), labels[:2])
    with pytest.raises(ValueError, match=r"labels must be int64 .* got torch.float32"):
        FrameTarget(masks(), labels.float())
    with pytest.raises(ValueError, match=r"void must be bool \(6, 8\), got torch.bool \(6, 7\)"):
        FrameTarget(masks(), labels, torch.zeros(6, 7, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"void must be bool \(6, 8\), got torch.uint8 \(6, 8\)"):
        FrameTarget(masks(), labels, torch.zeros(6, 8, dtype=torch.uint8))
