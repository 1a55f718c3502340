"""What computes with tensors gives on a CUDA device what it gives on the CPU, stays there, and leaves no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from maskreel.common import flow as flow_tools
from maskreel.common import masks as mask_tools
from maskreel.common.maskrcnn import LabelledFrames, ShapesTask, build_shapes, detections_to_labels, shapes_maskrcnn
from maskreel.common.perceptual import PyramidLoss, VggLoss
from maskreel.common.training import train
from maskreel.common.unet import UNet, UNetTask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}
"""In float32, with other orders of summation; convolutions of a GPU may round to TF32 only where that is asked for."""


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN takes TF32 for convolutions by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def scene() -> tuple[Tensor, Tensor]:
    """Frames uint8 (2, 3, 64, 96), each with a red square of class 18 on grey, and their labels."""
    frames, labels = torch.full((2, 3, 64, 96), 128, dtype=torch.uint8), torch.zeros(2, 64, 96, dtype=torch.uint8)
    for time, left in enumerate((12, 40)):
        labels[time, 20:44, left : left + 24] = 18
        frames[time, :, 20:44, left : left + 24] = torch.tensor([180, 30, 30], dtype=torch.uint8)[:, None, None]
    return frames, labels


def of_flow(device: str) -> list[Tensor]:
    forward = 3 * torch.randn(2, 2, 24, 32, generator=torch.Generator().manual_seed(0)).to(device)
    picture = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1)).to(device)
    matrix = torch.tensor([[1.1, 0.0, 2.0], [0.1, 0.9, -1.0]]).to(device)
    return [
        flow_tools.warp(picture, forward),
        flow_tools.warp(picture, forward, mode="nearest", padding="zeros"),
        flow_tools.inside(forward),
        flow_tools.consistency_error(forward, -forward),
        flow_tools.occlusion(forward, -forward),
        flow_tools.motion_boundary(forward),
        flow_tools.resize_flow(forward, (12, 20)),
        flow_tools.affine_flow(matrix, (24, 32)),
        flow_tools.flow_to_colour(forward),
    ]


def of_masks(device: str) -> list[Tensor]:
    masks = torch.rand(2, 24, 32, generator=torch.Generator().manual_seed(0)).to(device) > 0.6
    labels = scene()[1].to(device)
    instances, ids = mask_tools.labels_to_instances(labels)
    changed = [getattr(mask_tools, name)(masks, 2.0) for name in ("dilate", "erode", "close", "feather")]
    cleaned = [mask_tools.fill_holes(masks), mask_tools.remove_small(masks, 4)]
    return [*changed, *cleaned, mask_tools.boxes(masks), instances, mask_tools.instances_to_labels(instances, ids)]


def of_losses(device: str) -> list[Tensor]:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()
    target = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)).to(device)
    found = []
    for loss in (VggLoss.random(0, factors=(1, 2)).to(device), PyramidLoss().to(device)):
        value = loss(images, loss.target(target))
        found += [value.detach(), *torch.autograd.grad(value, images)]
    return found


def of_detector(device: str) -> list[Tensor]:
    model = shapes_maskrcnn().to(device)
    frames = scene()[0].to(device).float() / 255
    with torch.no_grad():
        found = model.detect(frames)
    kept = [objects.above(0.5) for objects in found]
    assert all(len(objects) for objects in kept)
    tensors = [tensor for objects in kept for tensor in (objects.boxes, objects.scores, objects.masks)]
    return [*tensors, detections_to_labels(kept[0])]


WORK = [of_flow, of_masks, of_losses, of_detector]


@pytest.mark.parametrize("work", WORK)
def test_a_device_gives_what_the_cpu_gives(work: Callable[[str], list[Tensor]], device: str) -> None:
    for found, expected in zip(work(device), work("cpu"), strict=True):
        assert found.device.type == device
        if expected.is_floating_point():
            assert_close(found.cpu(), expected, **CLOSE)
        else:
            assert (found.cpu() != expected).float().mean() < 0.01


@pytest.mark.needs_cuda
@pytest.mark.parametrize("work", WORK)
def test_memory_returns_to_its_level(work: Callable[[str], Any], leaves_no_memory: Callable[..., None]) -> None:
    leaves_no_memory(lambda: work("cuda"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_in_half_precision(dtype: torch.dtype, device: str) -> None:
    if (dtype, device) == (torch.float16, "cpu"):
        pytest.skip("fp16 is for CUDA")
    exact = of_losses("cpu")
    with torch.autocast(device, dtype):
        rounded = of_losses(device)
    for value, wanted in zip(rounded[::2], exact[::2], strict=True):
        assert value.dtype == torch.float32
        assert_close(value.cpu(), wanted, rtol=0.05, atol=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("kind", ["detector", "unet"])
def test_tasks_train_on_a_device(kind: str, precision: Any, device: Any, tmp_path: Path, one_step: Any) -> None:
    """One step: the weights move as on the CPU, and quality and pictures are made."""
    if (precision, device) == ("fp16", "cpu"):
        pytest.skip("fp16 is for CUDA")
    pytest.importorskip("mmengine")
    frames, labels = scene()

    def losses(where: Any, how: Any) -> dict[str, float]:
        torch.manual_seed(0)
        network: Any = build_shapes() if kind == "detector" else UNet(19)
        task: Any = (ShapesTask if kind == "detector" else UNetTask)([(frames, labels)], network=network)
        return train(task, LabelledFrames([(frames, labels)]), one_step(where, how), tmp_path / f"{where}-{how}").losses

    found, exact = losses(device, precision), losses("cpu", "fp32")
    close = 0.5 if kind == "detector" else 1e-3 if precision == "fp32" else 0.2  # a device draws other proposals
    assert found == pytest.approx(exact, rel=close, abs=0.2 * close)
    assert list((tmp_path / f"{device}-{precision}" / "samples").iterdir())
