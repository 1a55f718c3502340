"""The pretended device: it computes what the CPU does, and every mistake that only a GPU would show fails on it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if torch.cuda.is_available():
    pytest.skip("there is a CUDA device", allow_module_level=True)

from pretended_cuda import pretended_cuda


@pytest.fixture
def there() -> Iterator[torch.Tensor]:
    with pretended_cuda():
        yield torch.arange(12.0).reshape(3, 4).to("cuda")


MISTAKES: dict[str, tuple[Callable[[torch.Tensor], Any], type[Exception], str]] = {
    "sum with a tensor of the CPU": (lambda x: x + torch.ones(3, 4), RuntimeError, "tensors on cpu and on cuda"),
    "stack": (lambda x: torch.stack([x, torch.ones(3, 4)]), RuntimeError, "tensors on cpu and on cuda"),
    "a network left behind": (nn.Linear(4, 2), RuntimeError, "tensors on cpu and on cuda"),
    "numpy": (lambda x: x.numpy(), TypeError, r"takes \.cpu\(\) before"),
    "asarray": (np.asarray, TypeError, r"takes \.cpu\(\) before"),
    "an index of the device": (lambda x: torch.ones(3, 4)[x > 1], RuntimeError, "tensors on cpu and on cuda"),
    "a value of the CPU": (lambda x: x.index_put_((x > 1,), torch.ones(10)), RuntimeError, "tensors on cpu and on"),
    "a generator": (
        lambda x: torch.rand(3, device=x.device, generator=torch.Generator()),
        RuntimeError,
        "a generator on cpu for a result on cuda",
    ),
    "under inference": (torch.inference_mode()(lambda x: x @ torch.ones(4, 2)), RuntimeError, "tensors on cpu and"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_fails_on_a_device_fails(name: str, there: torch.Tensor) -> None:
    mistake, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        mistake(there)


ALLOWED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "a single number of the CPU": lambda x: x * torch.tensor(2.0),
    "indices of the CPU": lambda x: x[torch.tensor([0, 2])],
    "lists of indices": lambda x: torch.cat([x[[2, 0]], x[[]], x[:, [1, 1, 0, 3]]]),
    "a mask": lambda x: x[x > 4],
    "made there": lambda x: x + torch.ones(3, 4, device=x.device) + torch.tensor([1.0, 2, 3, 4], device=x.device),
    "made like another": lambda x: x.new_tensor([1.0, 2, 3, 4]) * x.new_ones(3, 4) + torch.zeros_like(x),
    "in a context": lambda x: _within(x),
    "in place, in a view": lambda x: _in_place(x.clone()),
    "inference": torch.inference_mode()(lambda x: nn.functional.interpolate(x[None, None], scale_factor=2.0)),
}


def _within(x: torch.Tensor) -> torch.Tensor:
    with torch.device(x.device):
        return x + torch.ones(4)


def _in_place(x: torch.Tensor) -> torch.Tensor:
    x[1:, 2] += 5
    x[0].zero_()
    return x


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_device_allows_gives_what_the_cpu_gives(name: str, there: torch.Tensor) -> None:
    work = ALLOWED[name]
    found = work(there)
    assert (found.device, found.is_cuda) == (torch.device("cuda", 0), True)
    assert torch.equal(found.cpu(), work(torch.arange(12.0).reshape(3, 4)))


def test_what_is_copied_into_a_tensor_of_the_cpu_stays_there(there: torch.Tensor) -> None:
    result = torch.zeros(3, 4)
    result[1:] = there[1:]
    assert result.tolist() == [[0.0] * 4, [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 10.0, 11.0]]
    assert result.copy_(there) is result
    assert torch.equal(result, torch.arange(12.0).reshape(3, 4))


def test_numbers_come_out() -> None:
    with pretended_cuda():
        x = torch.tensor([[1.0, 2.0]], device="cuda")
        assert x.tolist() == [[1.0, 2.0]]
        assert (x.sum().item(), bool((x > 0).all()), x.cpu().numpy().sum()) == (3.0, True, 3.0)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_training_step_and_a_checkpoint_are_those_of_the_cpu(scaled: bool) -> None:
    def trained(device: str) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)).to(device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler(device, enabled=scaled and device == "cuda")
        with torch.autocast(device, torch.bfloat16, enabled=False):
            loss = network(torch.rand(2, 3, 8, 8).to(device)).square().mean()
        scaler.scale(loss).backward()
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), 0.1)
        scaler.step(optimiser)
        scaler.update()
        file = io.BytesIO()
        torch.save(network.state_dict(), file)
        file.seek(0)
        return torch.load(file, weights_only=True)

    expected = trained("cpu")
    with pretended_cuda():
        found = trained("cuda")
        fresh = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to("cuda")
        fresh.load_state_dict(found)
        assert all(torch.equal(value.cpu(), found[name]) for name, value in fresh.state_dict().items())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)


def test_afterwards_there_is_none() -> None:
    with pretended_cuda():
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
    with pytest.raises((RuntimeError, AssertionError), match=r"CUDA|NVIDIA"):
        torch.zeros(1, device="cuda")


def test_it_is_for_machines_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(RuntimeError, match="this machine has a CUDA device"), pretended_cuda():
        pass


def test_the_fixture_takes_it_where_there_is_none(device: str) -> None:
    made = torch.zeros(2).to(device)
    assert made.device.type == device
    if device == "cuda":
        with pytest.raises(RuntimeError, match="tensors on cpu and on cuda"):
            torch.add(made, torch.zeros(2))
