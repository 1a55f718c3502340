"""Inversion on a CUDA device: the frames of the CPU, teachers of both kinds, half precision, memory that returns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, shapes_maskrcnn
from maskreel.common.unet import UNet, save_unet
from maskreel.inversion import InversionConfig, MaskInverter, Weights
from maskreel.inversion.report import open_verifier
from maskreel.inversion.settings import AugmentSettings, MaskRCNNSettings
from maskreel.inversion.teachers import Ensemble, MaskRCNNTeacher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher, Teacher

    Quick = Callable[..., InversionConfig]
    Scene = Callable[..., list[FrameTarget]]

LEVELS = 2
"""Of 255, that frames may differ by in the mean: Adam turns rounding of tiny gradients into whole steps."""


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN takes TF32 for convolutions by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def inverted(config: InversionConfig, teacher: Teacher, targets: list[FrameTarget], device: str) -> torch.Tensor:
    seen: list[int] = []
    frames = MaskInverter(config, teacher.to(device)).invert(targets, watch=lambda progress: seen.append(progress.step))
    assert frames.dtype == torch.uint8
    assert frames.device.type == "cpu"
    assert seen
    return frames.float()


@pytest.mark.parametrize("coherence", ["layers", "chain", "none"])
def test_a_device_gives_the_frames_of_the_cpu(
    coherence: str, teacher: SemanticTeacher, scene: Scene, quick: Quick, device: str
) -> None:
    config = quick(coherence=coherence)
    found = inverted(config, teacher, scene(), device)
    expected = inverted(config, teacher, scene(), "cpu")
    assert expected.std() > 3
    assert (found - expected).abs().mean() < LEVELS


def test_a_mask_rcnn_and_an_ensemble(teacher: SemanticTeacher, scene: Scene, quick: Quick, device: str) -> None:
    config = quick(steps=2, coherence="none", weights=Weights(temporal=0), augment=AugmentSettings(), stages=1)
    targets = scene(2, size=(48, 64))
    single: Teacher = MaskRCNNTeacher(shapes_maskrcnn(), MaskRCNNSettings())
    for one in (single, Ensemble([teacher, teacher])):
        found, expected = (inverted(config, one, targets, where) for where in (device, "cpu"))
        assert (found - expected).abs().mean() < LEVELS


def test_half_precision(teacher: SemanticTeacher, scene: Scene, quick: Quick, device: str) -> None:
    config = quick(coherence="none")
    rounded = inverted(replace(config, precision="bf16"), teacher, scene(), device)
    exact = inverted(config, teacher, scene(), "cpu")
    assert (rounded - exact).abs().mean() < 10 * LEVELS


@pytest.mark.needs_cuda
@pytest.mark.parametrize("coherence", ["layers", "none"])
def test_memory_returns_to_its_level(
    coherence: str, teacher: SemanticTeacher, scene: Scene, quick: Quick, leaves_no_memory: Callable[..., Any]
) -> None:
    leaves_no_memory(lambda: inverted(quick(coherence=coherence), teacher, scene(), "cuda"))


def test_a_verifier_sees_on_a_device_what_it_sees_on_the_cpu(device: str, tmp_path: Path) -> None:
    network = UNet(len(SHAPES_CLASS_NAMES))
    for one in network.parameters():  # untrained, it sees nothing but background
        torch.nn.init.normal_(one, std=0.2)
    save_unet(network, tmp_path / "unet.safetensors", class_names=SHAPES_CLASS_NAMES)
    frames = torch.randint(256, (2, 3, 32, 48), dtype=torch.uint8)
    name = f"unet:{tmp_path / 'unet.safetensors'}"
    there, here = open_verifier(name, device=device), open_verifier(name)
    assert there.network is not None
    assert {one.device.type for one in there.network.parameters()} == {device}
    for found, expected in zip(there(frames), here(frames), strict=True):
        assert len(expected.names) > 1
        assert found.names == expected.names
        torch.testing.assert_close(found.scores, expected.scores, atol=1e-3, rtol=0)
