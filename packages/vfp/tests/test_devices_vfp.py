"""Networks, training and forecasts on a CUDA device: as on the CPU, in half precision, compiled, no memory lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from maskreel.common.training import train
from maskreel.vfp import ForecastConfig, MaskForecaster
from maskreel.vfp.frames import FeedConfig, FramePredictionTask, PredictorConfig, VideoWindows, build_predictor
from maskreel.vfp.masks import LabelWindows, MaskForecastTask, MaskNetworkConfig, build_mask_network
from maskreel.vfp.networks import ConvLSTMConfig, SimVPConfig, build_convlstm, build_simvp, optimise_for_inference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

SMALL: dict[str, Any] = {"spatial_width": 8, "temporal_width": 16, "temporal_depth": 2, "mlp_ratio": 2.0}
CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-4}


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN takes TF32 for convolutions by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def network(kind: str) -> nn.Module:
    torch.manual_seed(0)
    if kind == "convlstm":
        return build_convlstm(ConvLSTMConfig(channels=2, widths=(4,), kernel=3, patch=2))
    return build_simvp(SimVPConfig(3, 3, 2, translator=kind, **SMALL))  # type: ignore[arg-type]


def answer(module: nn.Module, clip: Tensor, kind: str) -> Tensor:
    return module(clip, 3) if kind == "convlstm" else module(clip)


KINDS = ["gsta", "tau", "incepu", "convlstm"]


@pytest.mark.parametrize("kind", KINDS)
def test_forward_and_backward_equal_those_of_the_cpu(kind: str, device: str) -> None:
    clip = torch.randn(2, 3, 2, 16, 16, generator=torch.Generator().manual_seed(1))

    def run(where: str) -> list[Tensor]:
        module = network(kind).to(where)
        given = clip.to(where).requires_grad_()
        found = answer(module, given, kind)
        found.square().mean().backward()
        assert found.device.type == where
        assert given.grad is not None
        return [found.detach(), given.grad, *(part.grad for part in module.parameters() if part.grad is not None)]

    for found, expected in zip(run(device), run("cpu"), strict=True):
        assert_close(found.cpu(), expected, **CLOSE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision(kind: str, dtype: torch.dtype, device: str) -> None:
    if (dtype, device) == (torch.float16, "cpu"):
        pytest.skip("fp16 is for CUDA")
    clip = torch.randn(1, 3, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = answer(network(kind).eval(), clip, kind)
        with torch.autocast(device, dtype):
            found = answer(network(kind).eval().to(device), clip.to(device), kind)
    assert_close(found.float().cpu(), expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("kind", ["gsta", "incepu"])
def test_folded_for_inference(kind: str, device: str) -> None:
    clip = torch.randn(2, 3, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    module: Any = network(kind).eval()
    with torch.no_grad():
        expected = module(clip)
        found = optimise_for_inference(module.to(device))(clip.to(device))
    assert_close(found.cpu(), expected, **CLOSE)


@pytest.mark.needs_cuda
@pytest.mark.parametrize("kind", KINDS)
def test_compiled(kind: str) -> None:
    clip = torch.randn(1, 3, 2, 16, 16, device="cuda")
    module = network(kind).eval().cuda()
    with torch.no_grad():
        assert_close(answer(torch.compile(module), clip, kind), answer(module, clip, kind), **CLOSE)  # type: ignore


def clips(count: int = 2) -> list[Tensor]:
    """uint8 (22, 3, 16, 16) each: a bright square moves."""
    made = []
    for seed in range(count):
        frames = torch.full((22, 3, 16, 16), 40, dtype=torch.uint8)
        for time in range(22):
            frames[time, :, 4:8, (seed + time) % 12 : (seed + time) % 12 + 4] = 220
        made.append(frames)
    return made


def frame_task(kind: str) -> Any:
    torch.manual_seed(0)
    options: dict[str, Any] = {"network": kind, "patch": 2, **SMALL}
    feed = FeedConfig(feed="scheduled") if kind == "convlstm" else None
    return FramePredictionTask(build_predictor(PredictorConfig(**options)), clips(1), feed=feed)


def mask_task(design: str) -> Any:
    torch.manual_seed(0)
    config: Any = {"targets": (11,), "embedding": 4}
    if design == "objects":
        config = {"targets": (21,), "observed": (6, 10), "drafts": ()}
    made = build_mask_network(MaskNetworkConfig(design=design, **config, **SMALL))  # type: ignore[arg-type]
    return MaskForecastTask(made, {"held": [labels() for _ in range(2)]})


def labels() -> Tensor:
    made = torch.zeros(22, 32, 48, dtype=torch.uint8)
    for time in range(22):
        made[time, 11:21, 6 + time : 16 + time] = 9
    return made


TASKS: dict[str, tuple[Callable[[str], Any], str, Callable[[], Any]]] = {
    "simvp": (frame_task, "simvp", lambda: VideoWindows(clips())),
    "convlstm": (frame_task, "convlstm", lambda: VideoWindows(clips())),
    "objects": (mask_task, "objects", lambda: LabelWindows([labels(), labels()])),
    "tokens": (mask_task, "tokens", lambda: LabelWindows([labels(), labels()])),
}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("name", TASKS)
def test_tasks_train_on_a_device(name: str, precision: Any, device: Any, tmp_path: Path, one_step: Any) -> None:
    """One step: losses as on the CPU; quality and pictures are made."""
    if (precision, device) == ("fp16", "cpu"):
        pytest.skip("fp16 is for CUDA")
    pytest.importorskip("mmengine")
    make, kind, data = TASKS[name]

    def losses(where: Any, how: Any) -> dict[str, float]:
        return train(make(kind), data(), one_step(where, how), tmp_path / f"{where}-{how}").losses

    found, exact = losses(device, precision), losses("cpu", "fp32")
    assert found == pytest.approx(exact, rel=1e-3 if precision == "fp32" else 0.1, abs=1e-3)
    assert list((tmp_path / f"{device}-{precision}" / "samples").iterdir())


@pytest.mark.parametrize("method", ["best", "masks", "frames"])
def test_forecasts_are_those_of_the_cpu(method: Any, device: Any) -> None:
    frames = torch.randint(0, 256, (11, 3, 10, 15), dtype=torch.uint8).repeat_interleave(16, 2).repeat_interleave(16, 3)
    observed = torch.zeros(11, 160, 240, dtype=torch.uint8)
    for time in range(11):
        observed[time, 60:90, 40 + 5 * time : 70 + 5 * time] = 9

    def run(where: Any) -> Tensor:
        config = ForecastConfig(method=method, device=where, futures=8)
        return MaskForecaster(config).forecast(frames, observed=None if method == "frames" else observed).labels

    found, expected = run(device), run("cpu")
    assert found.device.type == "cpu"
    assert expected.any()
    assert float((found == expected).float().mean()) > 0.99


@pytest.mark.needs_cuda
@pytest.mark.parametrize("kind", KINDS)
def test_memory_returns_to_its_level(kind: str, leaves_no_memory: Callable[..., None]) -> None:
    clip = torch.randn(2, 3, 2, 16, 16)

    def work() -> None:
        answer(network(kind).cuda(), clip.cuda(), kind).square().mean().backward()

    leaves_no_memory(work)
