"""Training of the small Mask R-CNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.maskrcnn import LabelledFrames, ShapesTask, build_shapes
from maskreel.common.training import TrainingConfig, train

if TYPE_CHECKING:
    from pathlib import Path


def clips(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Two frames each, with a red square of class 2 that moves by four pixels."""
    made = []
    for index in range(count):
        frames, labels = torch.full((2, 3, 48, 64), 128, dtype=torch.uint8), torch.zeros(2, 48, 64, dtype=torch.uint8)
        for time in range(2):
            left = 10 + 6 * index + 4 * time
            labels[time, 12:30, left : left + 18] = 2
        frames[:, 0][labels == 2] = 200
        made.append((frames, labels))
    return made


def test_the_losses_are_those_of_torchvision() -> None:
    task = ShapesTask()
    data = LabelledFrames(clips(2))
    batch = torch.utils.data.default_collate([data[0], data[3]])
    losses = task.losses(task.module, batch)
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}
    assert all(value.shape == () and value.requires_grad for value in losses.values())
    assert float(losses["loss_box_reg"].detach()) > 0  # there were objects to learn from


def test_without_clips_there_is_nothing_to_measure_or_show() -> None:
    task = ShapesTask()
    assert task.evaluate(task.module) == {}
    assert task.samples(task.module) is None


def test_quality_and_pictures() -> None:
    network = build_shapes().eval()
    shown = clips(2)
    task = ShapesTask(shown, network=network)
    assert task.module is network
    quality = task.evaluate(network)
    assert set(quality) == {"box_ap50", "mask_ap50", "mask_ap", "mean_iou"}
    assert quality["mask_ap50"] == pytest.approx(0, abs=0.05)
    picture = task.samples(network)
    assert picture is not None
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 2 * 48 + 3 * 8, 2 * 64 + 3 * 8)
    # The truth is drawn in the upper row: the square is no longer as red as it was.
    assert not torch.equal(picture[:, 8 : 8 + 48, 8 : 8 + 64], torch.as_tensor(shown[0][0][0]))


def test_it_can_be_trained(tmp_path: Path) -> None:
    task = ShapesTask()
    before = {key: value.clone() for key, value in task.module.state_dict().items()}
    config = TrainingConfig(steps=2, batch_size=2, lr=1e-3, device="cpu", threads=1, tensorboard=False)
    result = train(task, LabelledFrames(clips(2), augment=True), config, tmp_path)
    assert result.steps == 2
    after = task.module.state_dict()
    assert all(bool(value.isfinite().all()) for value in after.values())
    changed = [key for key, value in after.items() if not torch.equal(value, before[key])]
    assert {key.split(".")[0] for key in changed} == {"backbone", "rpn", "roi_heads"}
