"""Animation and its training on a CUDA device: as on the CPU, in half precision, compiled, without lost memory."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from maskreel.animate.animator import ImageAnimator
from maskreel.animate.config import AnimateConfig
from maskreel.animate.data import jittered
from maskreel.animate.fused import fused
from maskreel.animate.model import AnimationModel
from maskreel.animate.perturb import perturb_for_inference, perturb_for_training
from maskreel.animate.training.settings import LossSettings
from maskreel.animate.training.task import LOSSES, AnimationTask
from maskreel.common.perceptual import PyramidLoss
from maskreel.common.training import TrainingConfig, train
from maskreel.common.video import Clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.model_config import ModelConfig

CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-4}


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN takes TF32 for convolutions by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def fresh(config: ModelConfig) -> AnimationModel:
    torch.manual_seed(0)
    return AnimationModel(config).eval().requires_grad_(False)


def pictures(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def everything(model: AnimationModel, device: str) -> list[Tensor]:
    """What each network makes; masks are given where thresholds follow them."""
    source, driving, backdrop = (pictures(count, seed).to(device) for count, seed in ((1, 1), (3, 2), (1, 3)))
    given = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(4)).to(device)
    with torch.no_grad():
        ready = model.source(source, given[:1])
        found = [model.masks(driving), model.refined(ready, given), *model.pictures(ready, given)]
        found += model.swapped(driving, given, backdrop, given[:1])
    assert {tensor.device.type for tensor in found} == {device}
    return [tensor.float().cpu() for tensor in found]


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("how", ["plain", "fused", "contiguous"])
def test_every_network_gives_what_it_gives_on_the_cpu(how: str, guided: bool, small: ModelConfig, device: str) -> None:
    config = replace(small, guided=guided)
    expected = everything(fresh(config), "cpu")
    model = fresh(config).to(device)
    if how != "plain":
        model = fused(model, channels_last=how == "fused")
    for found, wanted in zip(everything(model, device), expected, strict=True):
        assert_close(found, wanted, **CLOSE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_fused_in_half_precision(dtype: torch.dtype, small: ModelConfig, device: str) -> None:
    if (dtype, device) == (torch.float16, "cpu"):
        pytest.skip("fp16 is for CUDA")
    expected = everything(fresh(small), "cpu")
    for found, wanted in zip(everything(fused(fresh(small).to(device), dtype=dtype), device), expected, strict=True):
        assert_close(found, wanted, rtol=0, atol=0.05)


@pytest.mark.needs_cuda
@pytest.mark.parametrize("how", ["plain", "fused"])
def test_compiled(how: str, small: ModelConfig) -> None:
    model = fresh(small).cuda()
    model = model if how == "plain" else fused(model)
    expected = everything(model, "cuda")
    for name, network in list(model.named_children()):
        setattr(model, name, torch.compile(network))
    for found, wanted in zip(everything(model, "cuda"), expected, strict=True):
        assert_close(found, wanted, **CLOSE)


def test_perturbed_masks_stay_where_they_are(device: str) -> None:
    masks = pictures(2)[:, :1]
    found = perturb_for_inference(masks.to(device))
    assert_close(found.cpu(), perturb_for_inference(masks))
    # What falls below the threshold, with strength 0, is all that is not random.
    still = perturb_for_training(masks.to(device), strength=0.0)
    assert_close(still.cpu(), perturb_for_training(masks, strength=0.0))
    drawn = perturb_for_training(masks.to(device))
    assert {found.device.type, still.device.type, drawn.device.type} == {device}
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_jitter_draws_the_same_on_every_device(device: str) -> None:
    torch.manual_seed(0)
    expected = jittered(pictures(2), 0.4)
    torch.manual_seed(0)
    found = jittered(pictures(2).to(device), 0.4)
    assert found.device.type == device
    assert_close(found.cpu(), expected)


def clip(frames: int = 4) -> Clip:
    """A light square on noise moves to the right."""
    made = torch.randint(0, 100, (3, 40, 56), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    moving = made.repeat(frames, 1, 1, 1)
    for time in range(frames):
        moving[time, :, 10:26, 4 + 6 * time : 20 + 6 * time] = 250
    return Clip(moving, Fraction(10))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fused": False, "motion": "relative", "smoothing": 0.5, "swap": "network"},
        {"precision": "bf16", "source_framing": "subject", "lock_background": True},
    ],
    ids=str,
)
def test_the_animator_makes_the_frames_of_the_cpu(settings: dict[str, Any], small: ModelConfig, device: Any) -> None:
    backdrop = torch.full((3, 40, 56), 60, dtype=torch.uint8)

    def made(where: Any, background: Any) -> Tensor:
        config = AnimateConfig(**({"device": where} | settings))
        result = ImageAnimator(config, model=fresh(small)).animate(clip().frames[0], clip(), background)
        assert result.frames.device.type == "cpu"
        return result.frames.float()

    for background in (backdrop,) if "swap" in settings else (None, backdrop):
        assert (made(device, background) - made("cpu", background)).abs().mean() < 1


def batch(count: int = 2) -> dict[str, Tensor]:
    made = {name: pictures(count, seed) for seed, name in enumerate(("source", "driving", "target"))}
    masks = (pictures(count, 7)[:, :1, ::2, ::2] > 0.5).float()
    return made | {"source_mask": masks, "driving_mask": masks, "twin": pictures(count, 8), "twin_mask": masks}


class Samples:
    """The pictures of `batch` one by one, as data."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: value[index] for name, value in batch().items()}


SETTINGS = {
    "published": LossSettings(refine_from=0.0, swap_from=0.0),
    "changed": LossSettings(
        refine_from=0.0,
        swap_from=0.0,
        truth_weight=1.0,
        crossed=1.0,
        redrawn=1.0,
        consistency_weight=1.0,
        pseudo_pairs=1.0,
        generated=1.0,
    ),
}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("name", SETTINGS)
def test_all_networks_train_on_a_device(
    name: str, precision: Any, small: ModelConfig, device: Any, tmp_path: Path
) -> None:
    """One step: losses as on the CPU, but for those that follow from draws of the device."""
    if (precision, device) == ("fp16", "cpu"):
        pytest.skip("fp16 is for CUDA")
    pytest.importorskip("mmengine")

    def losses(where: Any, how: Any) -> dict[str, float]:
        torch.manual_seed(0)
        task = AnimationTask(AnimationModel(small), PyramidLoss(), SETTINGS[name], steps_per_epoch=1)
        config = TrainingConfig(steps=1, batch_size=2, device=where, precision=how, threads=1, tensorboard=False)
        return train(task, Samples(), config, tmp_path / f"{where}-{how}").losses  # type: ignore[arg-type]

    found, exact = losses(device, precision), losses("cpu", "fp32")
    drawn = {"refined"}
    same = set(LOSSES) - drawn
    assert {one: found[one] for one in same} == pytest.approx(
        {one: exact[one] for one in same}, rel=1e-3 if precision == "fp32" else 0.1, abs=1e-3
    )
    assert all(0 < found[one] < 10 * exact[one] for one in drawn)


@pytest.mark.needs_cuda
def test_memory_returns_to_its_level(small: ModelConfig, leaves_no_memory: Callable[..., None]) -> None:
    def step() -> None:
        torch.manual_seed(0)
        task = AnimationTask(AnimationModel(small).cuda(), PyramidLoss(), SETTINGS["published"], steps_per_epoch=1)
        task.step = 0
        losses = task.losses(task.module, {name: value.cuda() for name, value in batch().items()})
        sum(losses.values(), torch.zeros((), device="cuda")).backward()

    def run() -> None:
        ImageAnimator(AnimateConfig(device="cuda"), model=fresh(small)).animate(clip().frames[0], clip())

    leaves_no_memory(lambda: everything(fused(fresh(small).cuda()), "cuda"))
    leaves_no_memory(step)
    leaves_no_memory(run)
