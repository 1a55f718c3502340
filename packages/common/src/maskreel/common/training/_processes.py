"""The processes of a run: one alone, or a group that torchrun or srun has started."""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch.distributed.distributed_c10d import Store

    from maskreel.common.training._config import TrainingConfig

__all__ = ["Processes", "joined_processes"]

ValueT = TypeVar("ValueT")

PATIENCE = timedelta(hours=2)
"""How long processes wait for each other, as they do while the first one evaluates or saves."""


@dataclass(frozen=True)
class Processes:
    """This process among those of its run."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def any(self, here: bool) -> bool:
        """Whether it holds in any process."""
        if self.count == 1:
            return here
        flag = torch.tensor(float(here), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over the processes."""
        if self.count == 1:
            return values
        dist.all_reduce(values)
        return values / self.count

    def gather(self, value: Any) -> list[Any]:
        """The values of all the processes, by rank."""
        if self.count == 1:
            return [value]
        gathered: list[Any] = [None] * self.count
        dist.all_gather_object(gathered, value)
        return gathered

    def by_first(self, function: Callable[[], ValueT]) -> ValueT:
        """What `function` returns or raises in the first process, in all of them."""
        outcome: list[Any] = [None, None]
        if self.first:
            try:
                outcome[0] = function()
            except Exception as error:
                if self.count == 1:
                    raise
                outcome[1] = error
        if self.count > 1:
            dist.broadcast_object_list(outcome, device=self.device)
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def share_buffers(self, module: torch.nn.Module) -> None:
        """Give every process the buffers (batch norm statistics) of the first one."""
        if self.count > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)


@dataclass(frozen=True)
class _Place:
    """What a launcher has told this process."""

    rank: int
    local_rank: int
    count: int
    address: str


@contextmanager
def joined_processes(config: TrainingConfig) -> Iterator[Processes]:
    """Find the other processes and the device; leave the group again afterwards, unless the caller had made it.

    Raises:
        InputError: The launcher does not fit the environment, or there is no such device.
    """
    if config.launcher == "none":
        _refuse_unused_group()
        yield Processes(0, 1, _device(config, 0))
        return
    place = _joined() if dist.is_initialized() else _PLACES[config.launcher](os.environ)
    device = _device(config, place.local_rank)
    with _selected(device), _group(place, device):
        yield Processes(place.rank, place.count, device)


@contextmanager
def _group(place: _Place, device: torch.device) -> Iterator[None]:
    if dist.is_initialized():
        yield
        return
    from torch.distributed.distributed_c10d import PrefixStore

    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        # a second group that finds the keys of the first would wait for ever
        store=PrefixStore(f"maskreel/{next(_groups)}", _store(place)),
        rank=place.rank,
        world_size=place.count,
        timeout=PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()


@functools.cache
def _store(place: _Place) -> Store:
    """Where the processes find each other; kept, because its port cannot be opened twice."""
    from torch.distributed.rendezvous import rendezvous

    method = f"tcp://{place.address}" if place.address else "env://"
    return next(iter(rendezvous(method, place.rank, place.count, timeout=PATIENCE)))[0]


_groups = itertools.count()
"""Numbers the groups of this process; each of them belongs to one call in every process."""


@contextmanager
def _selected(device: torch.device) -> Iterator[None]:
    if device.type == "cuda":
        with torch.cuda.device(device):
            yield
    else:
        yield


def _refuse_unused_group() -> None:
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1 or (dist.is_available() and dist.is_initialized()):
        raise InputError(
            "launcher is 'none', but this process belongs to a group, whose members would train apart; "
            "allowed here is 'pytorch' or 'slurm'"
        )


def _device(config: TrainingConfig, local_rank: int) -> torch.device:
    available = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise InputError("device is 'cuda', but torch finds no CUDA device here; allowed is 'cpu' or 'auto'")
    if config.precision == "fp16" and not available:
        raise InputError("precision is 'fp16', which needs a CUDA device; on the CPU 'fp32' and 'bf16' are allowed")
    if not available:
        return torch.device("cpu")
    if config.launcher == "none":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cuda", local_rank % torch.cuda.device_count())


def _joined() -> _Place:
    """The place in a group that the caller has made."""
    rank = dist.get_rank()
    return _Place(rank, int(os.environ.get("LOCAL_RANK", str(rank))), dist.get_world_size(), "")


def _torchrun(environment: Mapping[str, str]) -> _Place:
    rank, local_rank, count = _numbers(environment, "pytorch", "torchrun", ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    return _Place(rank, local_rank, count, "")


def _slurm(environment: Mapping[str, str]) -> _Place:
    names = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_JOB_ID")
    rank, local_rank, count, job = _numbers(environment, "slurm", "srun", names)
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "localhost")
    return _Place(rank, local_rank, count, f"{_first_host(nodes)}:{15_000 + job % 15_000}")


def _numbers(environment: Mapping[str, str], launcher: str, program: str, names: tuple[str, ...]) -> list[int]:
    missing = [name for name in names if name not in environment]
    if missing:
        raise InputError(
            f"launcher is '{launcher}', but {missing[0]} is not set: start this with {program}, or use launcher 'none'"
        )
    return [int(environment[name]) for name in names]


def _first_host(nodes: str) -> str:
    command = ["scontrol", "show", "hostnames", nodes]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


_PLACES = {"pytorch": _torchrun, "slurm": _slurm}
