"""What computes with tensors works on a CUDA device as on the CPU, in half precision too, and leaves no memory there.

Filling holes along flow, propagation and cameras are NumPy and OpenCV, which know no device.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from maskreel.common.training import train
from maskreel.common.video import Clip
from maskreel.inpaint.deepfill import DeepFill, DeepFillInpainter
from maskreel.inpaint.dfc import DFCS, Cascade, DFCCompleter, dfc_completer
from maskreel.inpaint.dfc.dfc_s import MultiScaleHead
from maskreel.inpaint.dfc.small import SmallStage
from maskreel.inpaint.dfc_training.clips import ClipSamples, save_clip
from maskreel.inpaint.dfc_training.settings import CompletionLoss
from maskreel.inpaint.dfc_training.task import CompletionTask
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.raft import RAFTFlow
from maskreel.inpaint.generator import FillNetwork, FillTask, SmallInpainter
from maskreel.inpaint.painting.lama import LaMaInpainter
from maskreel.inpaint.segmenters.torchvision import TorchvisionSegmenter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN takes TF32 for convolutions by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def pairs(count: int = 3) -> list[FlowPair]:
    """A camera that pans, and a hole that moves."""
    rng = np.random.default_rng(1)
    flows = 3 + rng.normal(size=(count, 2, *SIZE, 2)).astype(np.float32)
    regions = np.zeros((count, *SIZE), bool)
    for t in range(count):
        regions[t, 20:44, 4 * t : 4 * t + 30] = True
    return [FlowPair(forward, backward, region) for (forward, backward), region in zip(flows, regions, strict=True)]


def stacked(found: list[FlowPair]) -> np.ndarray:
    return np.stack([np.stack((pair.forward, pair.backward)) for pair in found])


def completer(kind: str, device: Any, **options: Any) -> DFCCompleter:
    torch.manual_seed(0)
    if kind == "shipped":
        return dfc_completer(device=device)
    if kind == "published":
        first = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=(1, 1, 1, 1))
        return DFCCompleter(Cascade(first), device=device, **options)
    stages = [SmallStage(33, 2), SmallStage(66, 4)]
    return DFCCompleter(Cascade(*stages), device=device, **options)


@pytest.mark.parametrize("kind", ["shipped", "published", "small"])
def test_flows_are_completed_as_on_the_cpu(kind: str, device: Any) -> None:
    options = {} if kind == "shipped" else {"precision": "float32", "context": 24, "batch": 2}
    found, expected = (stacked(list(completer(kind, where, **options)(pairs()))) for where in (device, "cpu"))
    assert not np.allclose(expected, stacked(pairs()), atol=0.1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_flows_are_completed_in_half_precision(precision: Any, device: Any) -> None:
    if (precision, device) == ("float16", "cpu"):
        pytest.skip("fp16 is for CUDA")
    found = stacked(list(completer("small", device, precision=precision)(pairs())))
    expected = stacked(list(completer("small", "cpu", precision="float32")(pairs())))
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.2)


def picture() -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    mask = np.zeros(image.shape[:2], bool)
    mask[20:41, 22:50] = True
    return image, mask


class Means(nn.Module):
    """Stands in for LaMa: paints the mean of what is known."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        mean = (image * (1 - mask)).sum((2, 3), keepdim=True) / (1 - mask).sum((2, 3), keepdim=True)
        return mean.expand_as(image)


@pytest.fixture(scope="module")
def deepfill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights."""
    path = tmp_path_factory.mktemp("deepfill") / "random.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(DeepFill().state_dict(), path)
    return path


@pytest.mark.parametrize("kind", ["small", "deepfill"])
def test_painters_paint_what_they_paint_on_the_cpu(kind: str, deepfill: Path, device: Any) -> None:
    def painted(where: Any) -> np.ndarray:
        if kind == "small":
            return SmallInpainter(device=where)(*picture()).astype(float)
        return DeepFillInpainter(deepfill, device=where, max_side=48)(*picture()).astype(float)

    assert np.abs(painted(device) - painted("cpu")).max() <= 2


@pytest.mark.needs_cuda
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_lama_paints_what_it_paints_on_the_cpu(tmp_path: Path) -> None:
    torch.jit.script(Means()).save(str(tmp_path / "lama.pt"))
    found, expected = (LaMaInpainter(tmp_path / "lama.pt", device=where)(*picture()) for where in ("cuda", "cpu"))
    assert np.abs(found.astype(int) - expected).max() <= 1


def frames(count: int = 2) -> Tensor:
    coarse = torch.rand(count, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(coarse, (128, 136), mode="bicubic").clamp(0, 1).mul(255).byte()


@pytest.mark.parametrize("amp", [False, True])
def test_raft_finds_the_flow_of_the_cpu(amp: bool, device: Any) -> None:
    if amp and device == "cpu":
        pytest.skip("amp is for CUDA")

    def flow(where: Any, **options: Any) -> Tensor:
        found = RAFTFlow("raft-small", random_seed=3, device=where, iterations=2, **options)(frames(1), frames(2)[1:])
        assert found.device.type == "cpu"
        return found

    expected = flow("cpu")
    assert_close(flow(device, amp=amp), expected, rtol=0, atol=0.1 * float(expected.abs().max()) if amp else 1e-3)


def test_a_segmenter_marks_what_it_marks_on_the_cpu(tmp_path: Path, device: Any) -> None:
    from torchvision.models import segmentation

    torch.manual_seed(0)
    network = segmentation.fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True)
    nn.init.normal_(network.classifier[4].weight, 0, 0.5)  # pyright: ignore
    torch.save(network.state_dict(), tmp_path / "random.pth")
    clip = Clip(frames(), Fraction(25))

    def masks(where: Any) -> Tensor:
        options: Any = {"weights": tmp_path / "random.pth", "short_side": 64, "low": 0.04, "high": 0.05}
        found = TorchvisionSegmenter("torchvision-fcn", device=where, **options)(clip, 0)
        assert found.device.type == "cpu"
        return found

    assert (masks(device) != masks("cpu")).float().mean() < 0.01


class Crops:
    """Random pictures with a hole in the middle, as data for `FillTask`."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        truth = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(index))
        hole = torch.zeros(1, 64, 64)
        hole[:, 20:40, 20:44] = 1
        guess = torch.where(hole > 0, torch.tensor(0.5), truth)
        return {"input": torch.cat([guess, hole, torch.zeros(1, 64, 64)]), "truth": truth}


def fill_task() -> FillTask:
    torch.manual_seed(0)
    return FillTask(FillNetwork(), [Crops()[0]])


def completion_task(folder: Path) -> tuple[CompletionTask, ClipSamples]:
    clip = np.random.default_rng(0).normal(0, 1, (4, 9, 12, 16)).astype(np.float16)
    clip[:, 8] = 0
    clip[:, 8, 3:9, 4:12] = 1
    save_clip(folder / "clip.npy", clip)
    torch.manual_seed(0)
    samples = ClipSamples([folder / "clip.npy", folder / "clip.npy"])
    cascade = Cascade(SmallStage(33, 2), SmallStage(66, 4))
    return CompletionTask(cascade, "joint", loss=CompletionLoss(hard=1.0, relative=0.3), held_out=[samples[0]]), samples


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("kind", ["fill", "completion"])
def test_tasks_train_on_a_device(kind: str, precision: Any, device: Any, tmp_path: Path, one_step: Any) -> None:
    """One step: losses as on the CPU; quality and pictures are made."""
    if (precision, device) == ("fp16", "cpu"):
        pytest.skip("fp16 is for CUDA")
    pytest.importorskip("mmengine")

    def losses(where: Any, how: Any) -> dict[str, float]:
        task, data = (fill_task(), Crops()) if kind == "fill" else completion_task(tmp_path)
        return train(task, data, one_step(where, how), tmp_path / f"{where}-{how}").losses  # type: ignore[arg-type]

    found, exact = losses(device, precision), losses("cpu", "fp32")
    assert found == pytest.approx(exact, rel=1e-3 if precision == "fp32" else 0.1, abs=1e-3)
    assert list((tmp_path / f"{device}-{precision}" / "samples").iterdir())


@pytest.mark.needs_cuda
def test_memory_returns_to_its_level(deepfill: Path, leaves_no_memory: Callable[..., None]) -> None:
    leaves_no_memory(lambda: list(completer("shipped", "cuda")(pairs())))
    leaves_no_memory(lambda: DeepFillInpainter(deepfill, device="cuda", max_side=48)(*picture()))
    leaves_no_memory(lambda: SmallInpainter(device="cuda")(*picture()))
    leaves_no_memory(lambda: RAFTFlow("raft-small", random_seed=3, device="cuda", iterations=2)(frames(1), frames(1)))
