"""What a training computes, writes and leaves behind."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.training import DivergedError, Preempted, TrainingConfig, TrainingTask, train
from maskreel.common.training._data import Batches
from maskreel.common.training._processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Line(TrainingTask):
    """Fits a line; `during` is called in every step with its number, from 1."""

    def __init__(self, during: Callable[[int], object] | None = None, module: nn.Module | None = None) -> None:
        torch.manual_seed(3)
        self.module: Any = nn.Linear(3, 1) if module is None else module
        self.during = during
        self.calls = 0

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        self.calls += 1
        if self.during is not None:
            self.during(self.calls)
        return {"square": (module(batch["x"]) - batch["y"]).square().mean()}


def points(count: int = 10) -> list[dict[str, torch.Tensor]]:
    x = torch.randn(count, 3, generator=torch.Generator().manual_seed(1))
    return [{"x": row, "y": row.sum(0, keepdim=True)} for row in x]


def fail_in(step: int) -> Callable[[int], object]:
    return lambda call: 1 // (call - step)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def config(**changes: Any) -> TrainingConfig:
    few: dict[str, Any] = {"steps": 6, "batch_size": 5, "log_every": 1, "threads": 1}
    return TrainingConfig(**few | changes)


def batches(settings: TrainingConfig, data: list[dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
    """The batches of a run with one process, made by hand from the keys."""
    keys = Batches(len(data), settings, settings.steps, Processes(0, 1, torch.device("cpu")))
    return [{name: torch.stack([data[index][name] for _, index in batch]) for name in ("x", "y")} for batch in keys]


def test_equals_a_loop_written_by_hand(tmp_path: Path) -> None:
    settings = config(optimiser="sgd", lr=0.1, momentum=0.8, weight_decay=0.01, clip_norm=0.5)
    result = train(Line(), points(), settings, tmp_path)

    module, losses, norms = Line().module, [], []
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.8, weight_decay=0.01)
    for batch in batches(settings, points()):
        loss = (module(batch["x"]) - batch["y"]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(module.parameters(), 0.5)))
        optimiser.step()
        losses.append(float(loss.detach()))

    weights = load_file(result.weights)
    assert torch.equal(weights["weight"], module.weight)
    assert torch.equal(weights["bias"], module.bias)
    assert [line["losses"]["square"] for line in lines(tmp_path)] == losses
    assert [line["gradient_norm"] for line in lines(tmp_path)] == norms
    assert result.losses == {"square": losses[-1]}


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_adam_is_that_of_torch(tmp_path: Path, optimiser: Any) -> None:
    settings = config(optimiser=optimiser, lr=0.1, betas=(0.5, 0.6), weight_decay=0.1)
    result = train(Line(), points(), settings, tmp_path)
    module = Line().module
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser]
    reference = kind(module.parameters(), lr=0.1, betas=(0.5, 0.6), weight_decay=0.1)
    for batch in batches(settings, points()):
        reference.zero_grad()
        (module(batch["x"]) - batch["y"]).square().mean().backward()
        reference.step()
    torch.testing.assert_close(load_file(result.weights)["weight"], module.weight.detach())


def test_accumulated_parts_are_one_batch(tmp_path: Path) -> None:
    results = [
        train(Line(), points(), config(batch_size=6, accumulate=parts, lr=0.1), tmp_path / str(parts))
        for parts in (1, 3)
    ]
    one, three = (load_file(result.weights)["weight"] for result in results)
    assert torch.allclose(one, three, rtol=1e-4)
    curves = [[line["losses"]["square"] for line in lines(tmp_path / str(parts))] for parts in (1, 3)]
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)


def test_log_holds_means_since_the_last_line(tmp_path: Path) -> None:
    train(Line(), points(), config(steps=5), tmp_path / "each")
    train(Line(), points(), config(steps=5, log_every=2), tmp_path / "two")
    each = [line["losses"]["square"] for line in lines(tmp_path / "each")]
    expected = [(each[0] + each[1]) / 2, (each[2] + each[3]) / 2, each[4]]
    assert [line["losses"]["square"] for line in lines(tmp_path / "two")] == pytest.approx(expected)
    assert [line["step"] for line in lines(tmp_path / "two")] == [2, 4, 5]
    seconds = [line["seconds"] for line in lines(tmp_path / "two")]
    assert sorted(seconds) == seconds


def test_average_follows_the_formula(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    task = Line()
    task.during = lambda call: seen.append(task.module.weight.detach().clone())
    result = train(task, points(), config(ema=0.3, lr=0.1), tmp_path / "averaged")
    plain = load_file(train(Line(), points(), config(lr=0.1), tmp_path / "plain").weights)["weight"]
    average = seen[0].clone()
    for step, weight in enumerate([*seen[1:], plain], start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    assert torch.allclose(load_file(result.weights)["weight"], average, rtol=1e-5)
    assert torch.equal(task.module.weight, load_file(result.weights)["weight"])
    assert not torch.allclose(average, plain, rtol=1e-3)


class Inspected(Line):
    """Notes what the module is like when it is evaluated; scores go up and down."""

    scores = (1.0, 3.0, 2.0)

    def __init__(self) -> None:
        torch.manual_seed(3)
        super().__init__(module=nn.Sequential(nn.Linear(3, 1), nn.Dropout(), nn.BatchNorm1d(1)))
        self.modes: list[list[bool]] = []
        self.weights: list[torch.Tensor] = []
        self.gradients: list[bool] = []

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        self.module[2].eval()
        self.modes.append([part.training for part in module.modules()])
        return super().losses(module, batch)

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        self.drawn = torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002 (must not disturb the training)
        self.modes.append([part.training for part in module.modules()])
        self.weights.append(self.module[0].weight.detach().clone())
        self.gradients.append(torch.is_grad_enabled())
        return {"score": self.scores[len(self.weights) - 1], "other": float("nan")}


def test_evaluation_sees_the_average_and_changes_nothing(tmp_path: Path) -> None:
    task, settings = Inspected(), config(ema=0.5, evaluate_every=2, best="score", lr=0.1)
    result = train(task, points(), settings, tmp_path)
    training, inspected = [True, True, True, False], [False] * 4
    assert task.modes == [training, training, inspected] * 3
    assert not any(task.gradients)
    assert torch.equal(load_file(result.weights)["0.weight"], task.weights[2])
    assert result.best_weights is not None
    assert torch.equal(load_file(result.best_weights)["0.weight"], task.weights[1])
    assert (result.best, result.metrics["score"]) == (3.0, 2.0)
    told = [line for line in lines(tmp_path) if "metrics" in line]
    assert [(line["step"], line["metrics"]) for line in told] == [
        (step, {"score": score, "other": None}) for step, score in zip((2, 4, 6), task.scores, strict=True)
    ]
    rarely = train(Inspected(), points(), config(ema=0.5, lr=0.1), tmp_path / "rarely")
    assert torch.equal(load_file(rarely.weights)["0.weight"], load_file(result.weights)["0.weight"])


def test_bf16_on_the_cpu(tmp_path: Path) -> None:
    types: list[torch.dtype] = []

    class Typed(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            types.append(module(batch["x"]).dtype)
            return super().losses(module, batch)

    exact = train(Line(), points(), config(lr=0.1), tmp_path / "fp32")
    rounded = train(Typed(), points(), config(lr=0.1, precision="bf16"), tmp_path / "bf16")
    assert set(types) == {torch.bfloat16}
    assert load_file(rounded.weights)["weight"].dtype == torch.float32
    assert rounded.losses["square"] == pytest.approx(exact.losses["square"], rel=0.05)
    assert rounded.losses != exact.losses


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_on_each_device(tmp_path: Path, precision: Any, device: Any) -> None:
    """Interrupted and resumed equals uninterrupted with loss scaling, too; loss and devices are as they should be."""
    devices = set()

    class Placed(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            devices.add(batch["x"].device.type)
            values = super().losses(module, batch)
            return {"square": nn.functional.dropout(values["square"], 0.1)}

    def stop(call: int) -> None:
        if call == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    if (precision, device) == ("fp16", "cpu"):
        pytest.skip("fp16 trains on CUDA only")
    settings = config(lr=0.1, precision=precision, device=device, clip_norm=1.0)
    whole = train(Placed(), points(), settings, tmp_path / "whole")
    with pytest.raises(Preempted):
        train(Placed(stop), points(), settings, tmp_path / "parts")
    parts = train(Placed(), points(), settings, tmp_path / "parts")
    assert devices == {device}
    assert torch.equal(load_file(whole.weights)["weight"], load_file(parts.weights)["weight"])
    exact = train(Line(), points(), config(lr=0.1, device="cpu"), tmp_path / "cpu")
    assert 0 <= whole.losses["square"] < 10 * exact.losses["square"] + 1


def test_loss_that_is_not_finite(tmp_path: Path) -> None:
    class Broken(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            found = super().losses(module, batch)
            return found | {"extra": found["square"] * (float("inf") if self.calls == 4 else 1)}

    task = Broken()
    with pytest.raises(DivergedError, match=r"diverged in step 4: square 0?[\d.]+, extra inf; try a lower lr"):
        train(task, points(), config(checkpoint_every=2), tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000002.pth"]
    assert lines(tmp_path)[-1]["step"] == 3
    assert all(parameter.isfinite().all() for parameter in task.module.parameters())
    assert not (tmp_path / "final.safetensors").exists()


def test_pictures(tmp_path: Path) -> None:
    class Drawing(Line):
        def samples(self, module: nn.Module) -> torch.Tensor:
            return torch.full((3, 4, 6), self.calls, dtype=torch.uint8)

    train(Drawing(), points(), config(samples_every=4), tmp_path)
    pictures = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in pictures] == ["step_00000004.png", "step_00000006.png"]
    for path, shade in zip(pictures, (4, 6), strict=True):
        assert (np.asarray(Image.open(path)) == np.full((4, 6, 3), shade)).all()


def test_tensorboard_shows_the_log(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    class Shown(Line):
        def evaluate(self, module: nn.Module) -> dict[str, float]:
            return {"score": 0.25}

        def samples(self, module: nn.Module) -> torch.Tensor:
            return torch.zeros(3, 2, 2, dtype=torch.uint8)

    settings = config(tensorboard=True, checkpoint_every=2)
    with pytest.raises(ZeroDivisionError):
        train(Shown(fail_in(4)), points(), settings, tmp_path)
    train(Shown(), points(), settings, tmp_path)  # the third step is made twice
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    curve = [(event.step, event.value) for event in events.Scalars("losses/square")]
    expected = [(line["step"], line["losses"]["square"]) for line in lines(tmp_path) if "losses" in line]
    assert curve == [(step, pytest.approx(value)) for step, value in expected]
    assert [(event.step, event.value) for event in events.Scalars("metrics/score")] == [(6, 0.25)]
    assert [event.step for event in events.Images("samples")] == [6]


def test_folder_holds_what_it_should(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(Line(), points(), config(ema=0.9), tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert files == {"training.json", "log.jsonl", "final.safetensors", "checkpoints", "checkpoints/step_00000006.pth"}
    assert capfd.readouterr() == ("", "")
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["config"]["ema"] == 0.9
    assert record["samples"] == 10
    assert record["versions"]["torch"] == torch.__version__
    assert record["command"] == sys.argv
    assert record["result"]["weights"] == "final.safetensors"
    assert str(tmp_path) not in (tmp_path / "training.json").read_text()


def test_process_is_left_as_found(tmp_path: Path) -> None:
    from mmengine.logging import MessageHub, MMLogger

    def state() -> tuple[Any, ...]:
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)]
        tables = [list(table._instance_dict) for table in (MMLogger, MessageHub)]
        numbers = str(np.random.get_state()), random.getstate(), torch.get_rng_state().tolist()  # noqa: NPY002
        logs = [logging.getLogger(name).handlers[:] for name in (None, "maskreel", "mmengine")]
        return handlers, tables, numbers, logs, torch.get_num_threads(), dict(os.environ), torch.is_grad_enabled()

    task = Line()
    before = state()
    train(task, points(), config(threads=2 if torch.get_num_threads() == 1 else 1), tmp_path)
    assert state() == before


def test_other_threads_can_train(tmp_path: Path) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(train(Line(), points(), config(), tmp_path)))
    thread.start()
    thread.join()
    assert results[0].steps == 6


def test_progress_is_shown_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, maskreel = io.StringIO(), logging.getLogger("maskreel")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(maskreel, "level", logging.INFO)
    maskreel.manager._clear_cache()  # pyright: ignore[reportAttributeAccessIssue]
    train(Line(), points(), config(), tmp_path)
    monkeypatch.undo()
    maskreel.manager._clear_cache()  # pyright: ignore[reportAttributeAccessIssue]
    last = stream.getvalue().splitlines()[-1]
    assert last.startswith("train, loss ")
    assert "6/6 steps" in last
    assert "00:00 left" in last


def stop_by(number: int) -> Callable[[int], None]:
    return lambda call: os.kill(os.getpid(), number) if call == 2 else None


def test_preempted_job_is_queued_again(tmp_path: Path, scontrol: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Preempted, match=r"saved after step 2 of 6; run the same command again") as stopped:
        train(Line(stop_by(signal.SIGUSR1)), points(), config(), tmp_path / "run")
    assert stopped.value.code == 75
    assert "saved after step 2 of 6" in caplog.text  # a SystemExit ends a command without a word
    assert scontrol.read_text() == "requeue 7\n"
    assert (tmp_path / "run/checkpoints/step_00000002.pth").exists()


def test_terminated_job_is_not_queued_again(tmp_path: Path, scontrol: Path) -> None:
    with pytest.raises(Preempted):
        train(Line(stop_by(signal.SIGTERM)), points(), config(), tmp_path / "run")
    assert not scontrol.exists()


def test_queue_that_refuses(tmp_path: Path, scontrol: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bin/scontrol").write_text("#!/bin/sh\necho no such job >&2\nexit 1\n")
    with pytest.raises(Preempted):
        train(Line(stop_by(signal.SIGUSR1)), points(), config(), tmp_path / "run")
    assert "job 7 could not be put back into the queue: no such job" in caplog.text


def test_signal_in_the_last_step_changes_nothing(tmp_path: Path) -> None:
    class Scored(Line):
        def evaluate(self, module: nn.Module) -> dict[str, float]:
            return {"score": 0.5}

    result = train(Scored(stop_by(signal.SIGTERM)), points(), config(steps=2), tmp_path)
    assert (result.steps, result.metrics) == (2, {"score": 0.5})
    assert result.weights.exists()


def test_tied_weights_and_frozen_ones(tmp_path: Path) -> None:
    module: Any = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1))
    module[1].weight = module[0].weight
    module[2].requires_grad_(False)
    frozen = module[2].weight.clone()
    weights = load_file(train(Line(module=module), points(), config(lr=0.1, weight_decay=0.1), tmp_path).weights)
    assert torch.equal(weights["0.weight"], weights["1.weight"])
    assert torch.equal(weights["2.weight"], frozen)
    module[0].weight.data.add_(1)
    train(Line(module=module), points(), config(lr=0.1, weight_decay=0.1), tmp_path)
    assert torch.equal(module[0].weight, weights["0.weight"])


def test_collate_and_any_batch(tmp_path: Path) -> None:
    class Bare(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            return {"square": module(batch).square().mean()}

    def stack(samples: list[dict[str, torch.Tensor]]) -> torch.Tensor:
        return torch.stack([sample["x"] for sample in samples])

    assert train(Bare(), points(), config(), tmp_path, collate=stack).steps == 6


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(Line):
        def evaluate(self, module: nn.Module) -> dict[str, float]:
            return {"iou": 1.0}

    class Silent(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            return {}

    class Wide(Line):
        def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
            return {"rows": module(batch["x"])}

    class Painting(Line):
        def samples(self, module: nn.Module) -> torch.Tensor:
            return torch.zeros(3, 2, 2)

    frozen = Line(module=nn.Linear(3, 1).requires_grad_(False))
    cases: list[tuple[TrainingTask, Any, dict[str, Any], type[Exception], str]] = [
        (Line(), iter(points()), {}, TypeError, "dataset must have __len__ and __getitem__, got list_iterator"),
        (Line(), [], {}, InputError, "data set to train on is empty"),
        (Line(), points(), {"accumulate": 2}, InputError, r"batch_size must be a multiple of 2 \(1 processes"),
        (Line(), points(), {"best": "iou"}, InputError, "best is 'iou', but Line evaluates nothing"),
        (Named(), points(), {"best": "map"}, InputError, r"a metric of the evaluation \(iou\), got 'map'"),
        (frozen, points(), {}, ValueError, "no parameter with requires_grad"),
        (Silent(), points(), {}, ValueError, "at least one loss, got none"),
        (Wide(), points(), {}, ValueError, r"must return scalars, got 'rows' of shape \(5, 1\)"),
        (Painting(), points(), {}, TypeError, "uint8"),
    ]
    for index, (task, data, changes, error, message) in enumerate(cases):
        with pytest.raises(error, match=message):
            train(task, data, config(**changes), tmp_path / str(index))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"tensorboard is not installed.*maskreel-common\[train\]"):
        train(Line(), points(), config(tensorboard=True), tmp_path / "board")
    monkeypatch.setitem(sys.modules, "mmengine.runner", None)
    with pytest.raises(MissingExtraError, match=r"maskreel-common\[train\]"):
        train(Line(), points(), config(), tmp_path / "engine")


def test_every_sample_once_in_an_epoch() -> None:
    settings = config(batch_size=4, steps=9)
    one = Processes(0, 1, torch.device("cpu"))
    keys = [key for batch in Batches(12, settings, 9, one) for key in batch]
    for epoch in range(3):
        assert sorted(index for at, index in keys if at == epoch) == list(range(12))
    orders = [[index for at, index in keys if at == epoch] for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]


def test_processes_share_a_batch() -> None:
    settings = config(batch_size=8, accumulate=2, steps=5)
    whole = list(Batches(11, config(batch_size=8, steps=5), 5, Processes(0, 1, torch.device("cpu"))))
    shares = [list(Batches(11, settings, 5, Processes(rank, 2, torch.device("cpu")))) for rank in (0, 1)]
    for step, batch in enumerate(whole):
        parts = [part for share in shares for part in share[2 * step : 2 * step + 2]]
        assert sorted(key for part in parts for key in part) == sorted(batch)
        assert {len(part) for part in parts} == {2}
    late = Batches(11, settings, 5, Processes(1, 2, torch.device("cpu")))
    late.first = 3
    assert list(late) == shares[1][6:]
    assert len(late) == 4
