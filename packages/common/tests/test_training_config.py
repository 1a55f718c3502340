"""The fields of a training: which values are refused, what each of them does, and the learning rate over the steps."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from maskreel.common.cli import run_subcommands
from maskreel.common.errors import InputError
from maskreel.common.training import TrainingConfig, TrainingTask, train
from maskreel.common.training._schedule import learning_rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIELDS = [field.name for field in dataclasses.fields(TrainingConfig)]


class Watched(TrainingTask):
    """Notes what a run does to it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
        self.seen: dict[str, Any] = {"evaluated": 0, "pictures": 0, "parts": 0, "samples": 0}

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        values, worker = batch
        output = module(values)
        self.seen |= {
            "threads": torch.get_num_threads(),
            "in worker": bool((worker >= 0).all()),
            "dtype": output.dtype,
            "device": output.device.type,
            "parts": self.seen["parts"] + 1,
            "samples": self.seen["samples"] + len(values),
        }
        return {"square": (output.float() - values.sum(1, keepdim=True)).square().mean()}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        self.seen["evaluated"] += 1
        return {"up": float(self.seen["evaluated"]), "down": -float(self.seen["evaluated"])}

    def samples(self, module: nn.Module) -> torch.Tensor:
        self.seen["pictures"] += 1
        return torch.zeros(3, 2, 2, dtype=torch.uint8)


class Numbers:
    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        worker = torch.utils.data.get_worker_info()
        return torch.randn(3), -1 if worker is None else worker.id


BASE = TrainingConfig(steps=4, batch_size=4, lr=0.1, device="cpu", evaluate_every=2, threads=1)


def observe(config: TrainingConfig, folder: Path) -> dict[str, Any]:
    """All that a run shows, or the error that it ends with."""
    task = Watched()
    try:
        result = train(task, Numbers(), config, folder)
    except InputError as error:
        return {"error": str(error)}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return task.seen | {
        "weights": [value.tolist() for value in task.module.state_dict().values()],
        "steps": result.steps,
        "best": result.best,
        "rates": [line["lr"] for line in log if "lr" in line],
        "norms": [line.get("gradient_norm") for line in log if "lr" in line],
        "checkpoints": sorted(path.name for path in (folder / "checkpoints").iterdir()),
        "tensorboard": (folder / "tensorboard").exists(),
        "kept best": (folder / "best.safetensors").exists(),
        "averaged": torch.load(folder / f"checkpoints/step_{result.steps:08}.pth", weights_only=True)["average"]
        is not None,
    }


def with_base(**changes: Any) -> TrainingConfig:
    return dataclasses.replace(BASE, **changes)


EFFECTS: dict[str, tuple[TrainingConfig, Any, str, Any]] = {
    # field: (config, its other value, what must differ, what it is then; ... = anything else)
    "steps": (BASE, 3, "steps", 3),
    "epochs": (BASE, 2.0, "steps", 6),
    "batch_size": (BASE, 6, "samples", 24),
    "accumulate": (BASE, 2, "parts", 8),
    "optimiser": (BASE, "sgd", "weights", ...),
    "lr": (BASE, 0.2, "rates", [0.2]),
    "weight_decay": (BASE, 0.1, "weights", ...),
    "betas": (BASE, (0.5, 0.5), "weights", ...),
    "momentum": (with_base(optimiser="sgd"), 0.5, "weights", ...),
    "schedule": (with_base(log_every=1), "cosine", "rates", ...),
    "warmup": (with_base(log_every=1), 0.5, "rates", pytest.approx([0.004, 0.1, 0.1, 0.1])),
    "milestones": (with_base(log_every=1, schedule="step"), (0.5,), "rates", pytest.approx([0.1, 0.1, 0.01, 0.01])),
    "gamma": (with_base(log_every=1, schedule="step"), 0.5, "rates", pytest.approx([0.1, 0.1, 0.1, 0.05])),
    "precision": (BASE, "bf16", "dtype", torch.bfloat16),
    "clip_norm": (BASE, 1e-3, "norms", ...),
    "ema": (BASE, 0.5, "averaged", True),
    "checkpoint_every": (BASE, 3, "checkpoints", ["step_00000003.pth", "step_00000004.pth"]),
    "keep": (with_base(checkpoint_every=1), 1, "checkpoints", ["step_00000004.pth"]),
    "evaluate_every": (BASE, 1, "evaluated", 4),
    "samples_every": (BASE, 2, "pictures", 2),
    "log_every": (BASE, 2, "rates", [0.1, 0.1]),
    "best": (BASE, "up", "best", 2.0),
    "best_is": (with_base(best="up"), "lowest", "best", 1.0),
    "tensorboard": (BASE, True, "tensorboard", True),
    "seed": (BASE, 1, "weights", ...),
    "workers": (BASE, 1, "in worker", True),
    "launcher": (BASE, "pytorch", "error", ...),  # refused without torchrun; test_training_processes has the rest
    "device": (BASE, "cuda", "device", "cuda"),
    "threads": (BASE, 2, "threads", 2),
}


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[TrainingConfig], dict[str, Any]]:
    return functools.cache(lambda config: observe(config, tmp_path_factory.mktemp("run")))


def test_every_field_is_tried() -> None:
    assert list(EFFECTS) == FIELDS


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs_cuda if name == "device" else []) for name in FIELDS]
)
def test_every_field_has_an_effect(name: str, observed: Callable[[TrainingConfig], dict[str, Any]]) -> None:
    config, value, shown, expected = EFFECTS[name]
    before, after = observed(config), observed(dataclasses.replace(config, **{name: value}))
    assert before.get(shown) != after[shown]
    assert expected is ... or after[shown] == expected


def test_what_needs_cuda_is_refused_without(observed: Callable[[TrainingConfig], dict[str, Any]]) -> None:
    assert "'fp16', which needs a CUDA device" in observed(with_base(precision="fp16"))["error"]
    if not torch.cuda.is_available():
        assert "torch finds no CUDA device" in observed(with_base(device="cuda"))["error"]


REFUSED = [
    ("steps", 0),
    ("epochs", 0.0),
    ("batch_size", 0),
    ("accumulate", 0),
    ("lr", 0.0),
    ("weight_decay", -1.0),
    ("betas", (0.9, 1.0)),
    ("momentum", 1.0),
    ("warmup", 1.0),
    ("milestones", (0.5, 1.5)),
    ("gamma", 0.0),
    ("clip_norm", 0.0),
    ("ema", 1.0),
    ("checkpoint_every", 0),
    ("keep", 0),
    ("evaluate_every", 0),
    ("samples_every", 0),
    ("log_every", 0),
    ("seed", -1),
    ("workers", -1),
    ("threads", 0),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_values_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be "):
        TrainingConfig(**{name: value})


def test_fields_are_flags(capsys: pytest.CaptureFixture[str]) -> None:
    got: list[TrainingConfig] = []

    def fit(config: TrainingConfig) -> None:
        got.append(config)

    verbs = {"train": fit}
    flags = ["--steps", "7", "--clip-norm", "2", "--betas", "0.5", "0.9", "--tensorboard", "--schedule", "step"]
    run_subcommands(verbs, ["train", *flags, "--milestones", "0.5"], "maskreel test")
    assert got == [
        TrainingConfig(steps=7, clip_norm=2.0, betas=(0.5, 0.9), tensorboard=True, schedule="step", milestones=(0.5,))
    ]
    with pytest.raises(SystemExit):
        run_subcommands(verbs, ["train", "--help"], "maskreel test")
    shown = capsys.readouterr().out
    for name in FIELDS:
        assert f"-{name.replace('_', '-')} " in shown
    with pytest.raises(SystemExit, match="2"):
        run_subcommands(verbs, ["train", "--lr", "0"], "maskreel test")
    assert "lr must be above 0" in capsys.readouterr().err


def torch_rates(make: Callable[[torch.optim.Optimizer], Any], lr: float, steps: int) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("warmup", [None, 0.1])
def test_onecycle_is_that_of_torch(warmup: float | None) -> None:
    config = TrainingConfig(steps=50, lr=0.3, schedule="onecycle", warmup=warmup)
    share = 0.3 if warmup is None else warmup

    def make(optimiser: torch.optim.Optimizer) -> Any:
        return lr_scheduler.OneCycleLR(optimiser, 0.3, total_steps=51, pct_start=share, cycle_momentum=False)

    assert [learning_rate(config, step, 51) for step in range(51)] == pytest.approx(torch_rates(make, 0.3, 51))


def test_cosine_and_step_are_those_of_torch() -> None:
    cosine = TrainingConfig(lr=0.3, schedule="cosine")
    expected = torch_rates(lambda optimiser: lr_scheduler.CosineAnnealingLR(optimiser, 20), 0.3, 20)
    assert [learning_rate(cosine, step, 20) for step in range(20)] == pytest.approx(expected)
    falling = TrainingConfig(lr=0.3, schedule="step", milestones=(0.25, 0.8), gamma=0.5)
    expected = torch_rates(lambda optimiser: lr_scheduler.MultiStepLR(optimiser, [5, 16], 0.5), 0.3, 20)
    assert [learning_rate(falling, step, 20) for step in range(20)] == pytest.approx(expected)


def test_warmup_is_linear() -> None:
    config = TrainingConfig(lr=25.0, warmup=0.5)
    assert [learning_rate(config, step, 10) for step in range(6)] == pytest.approx([1, 7, 13, 19, 25, 25])
    falling = TrainingConfig(lr=1.0, warmup=0.5, schedule="cosine")
    rates = [learning_rate(falling, step, 11) for step in range(11)]
    assert rates.index(max(rates)) == 5
    assert rates[-1] < 0.1


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "cosine", "step"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_very_short_runs(schedule: Any, steps: int) -> None:
    config = TrainingConfig(lr=1.0, schedule=schedule)
    assert all(0 < learning_rate(config, step, steps) <= 1 for step in range(steps))
