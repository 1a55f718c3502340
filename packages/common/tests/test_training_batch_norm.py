"""Batch norm over the samples of two processes is batch norm over the whole batch in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.multiprocessing.spawn import spawn

from maskreel.common.training import TrainingTask, same_in_all
from maskreel.common.training._batch_norm import shared_batch_norm
from maskreel.common.training._processes import Processes

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")

CPU = torch.device("cpu")
CASES: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "2d, uneven": (nn.BatchNorm2d(3), (8, 3, 5, 4), 3),
    "1d, average since the start": (nn.BatchNorm1d(6, momentum=None), (10, 6), 5),
    "1d, sequences, one has none": (nn.BatchNorm1d(2), (4, 2, 7), 0),
    "nobody has any": (nn.BatchNorm2d(2), (0, 2, 4, 4), 0),
    "3d, no weights": (nn.BatchNorm3d(2, affine=False), (4, 2, 2, 3, 3), 2),
    "nothing tracked": (nn.BatchNorm2d(3, track_running_stats=False), (4, 3, 4, 4), 2),
    "far from 0": (nn.BatchNorm2d(2), (6, 2, 8, 8), 2),
}
"""A layer, the shape of the whole batch, and how many of its samples the first process has."""


class Task(TrainingTask):
    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def losses(self, module: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        return {"sum": module(batch).square().sum()}


class Frozen(nn.BatchNorm2d):
    """As inpaint has one."""

    def train(self, mode: bool = True) -> Frozen:
        del mode
        return super().train(False)


def passed(name: str, part: slice) -> dict[str, torch.Tensor]:
    """Twice forward and once backward, of a part of the batch in this process."""
    layer, shape, _ = CASES[name]
    torch.manual_seed(4)
    x = (torch.randn(shape) + (300.0 if name == "far from 0" else 0.0)).requires_grad_()
    wanted = torch.rand(shape)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    layer.train()
    layer(x[part] + 1)
    y = layer(x[part])
    ((y - wanted[part]) ** 3).sum().backward()
    assert x.grad is not None
    gradients = {f"gradient of {key}": value.grad for key, value in layer.named_parameters() if value.grad is not None}
    return {"y": y.detach(), "gradient": x.grad, **dict(layer.named_buffers()), **gradients}


def worker(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for name, (layer, _, first) in CASES.items():
        with shared_batch_norm(Task(layer), Processes(rank, 2, CPU)):
            found[name] = passed(name, slice(0, first) if rank == 0 else slice(first, None))
    found["too few"] = too_few(rank)
    found["same"] = same_in_all(0.1 + rank)
    torch.save(found, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def too_few(rank: int) -> str:
    layer = nn.BatchNorm1d(2)
    with (
        shared_batch_norm(Task(layer), Processes(rank, 2, CPU)),
        pytest.raises(ValueError, match="more than 1 value") as raised,
    ):
        layer(torch.ones(rank, 2))
    return str(raised.value)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("gloo")
    spawn(worker, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_normalise_as_one(name: str, ranks: list[dict[str, Any]]) -> None:
    whole, (mine, others) = passed(name, slice(None)), (rank[name] for rank in ranks)
    relative, absolute = (2e-3, 2e-3) if name == "far from 0" else (1e-4, 1e-5)
    assert torch.allclose(torch.cat([mine["y"], others["y"]]), whole["y"], rtol=relative, atol=absolute)
    assert torch.allclose(mine["gradient"] + others["gradient"], whole["gradient"], rtol=relative, atol=absolute)
    for key in whole.keys() - {"y", "gradient"}:
        summed = mine[key] + others[key] if key.startswith("gradient") else mine[key]
        assert torch.allclose(summed, whole[key], rtol=relative, atol=absolute), key
        assert key.startswith("gradient") or torch.equal(mine[key], others[key])


def test_one_value_is_refused_in_all(ranks: list[dict[str, Any]]) -> None:
    assert all("more than 1 value per channel" in rank["too few"] for rank in ranks)


def test_value_of_the_first_process(ranks: list[dict[str, Any]]) -> None:
    assert [rank["same"] for rank in ranks] == [0.1, 0.1]
    assert same_in_all(0.3) == 0.3


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_layers_are_shared_for_the_block_only(device: str) -> None:
    """On CUDA it is torch's own layer; a class changes without a GPU, too."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), Frozen(3), nn.BatchNorm2d(3))
    before, names = [type(layer) for layer in net], list(net.state_dict())
    x = torch.rand(2, 3, 4, 4)
    expected = net.eval()(x)
    with shared_batch_norm(Task(net), Processes(0, 2, torch.device(device))):
        assert (type(net[1]) is nn.SyncBatchNorm) == (device == "cuda")
        assert type(net[1]) is type(net[3]) is not nn.BatchNorm2d
        assert type(net[2]) is Frozen
        assert list(net.state_dict()) == names
        assert torch.equal(net(x), expected)  # in evaluation there is no group to ask
    assert [type(layer) for layer in net] == before
    assert net.train()(x).shape == x.shape
    assert "process_group" not in vars(net[1])


def test_statistics_that_are_kept_stay(tmp_path: Path) -> None:
    """A layer in evaluation mode in a network that trains; there is a group, of one, and it is not asked."""
    net = nn.Sequential(nn.BatchNorm2d(3), Frozen(3)).train()
    net[0].eval()
    buffers = {name: value.clone() for name, value in net.named_buffers()}
    with shared_batch_norm(Task(net), Processes(0, 2, CPU)):
        net(torch.rand(2, 3, 4, 4) + 5)
    assert all(torch.equal(value, buffers[name]) for name, value in net.named_buffers())


def test_one_process_needs_no_other() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3))
    with shared_batch_norm(Task(net), Processes(0, 1, CPU)):
        assert type(net[0]) is nn.BatchNorm2d


def test_processes_that_may_part_normalise_alone(caplog: pytest.LogCaptureFixture) -> None:
    task = Task(nn.Sequential(nn.BatchNorm2d(3)))
    task.idle_parameters = True
    with shared_batch_norm(task, Processes(0, 2, CPU)):
        assert type(task.module[0]) is nn.BatchNorm2d  # pyright: ignore[reportIndexIssue]
    assert "1 batch norm layers see the samples of one process at a time" in caplog.text
    task.same_layers = True
    with shared_batch_norm(task, Processes(0, 2, CPU)):
        assert type(task.module[0]) is not nn.BatchNorm2d  # pyright: ignore[reportIndexIssue]
