"""Batches that are a pure function of (seed, step): a resumed run goes on without reading what it has seen."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from maskreel.common.training._random import restored_random_states, seed_generators, seed_of
from maskreel.common.training._signals import STOPPING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maskreel.common.training._config import TrainingConfig
    from maskreel.common.training._processes import Processes

__all__ = ["Batches", "data_loader", "loading"]

Key = tuple[int, int]
"""Epoch and index of a sample."""

ORDER, SAMPLE, WORKERS = range(3)
"""What a seed is for."""


class Batches(Sampler[list[Key]]):
    """The keys of every part of every batch from step `first` on, as this process has to load them.

    The epochs' permutations follow each other without a gap, so a batch may hold the end of one and the start of the
    next, and every sample is used equally often.
    """

    def __init__(self, samples: int, config: TrainingConfig, steps: int, processes: Processes) -> None:
        self.first = 0
        self._samples, self._seed, self._steps = samples, config.seed, steps
        self._batch, self._parts = config.batch_size, config.accumulate
        self._rank, self._processes = processes.rank, processes.count
        self._order: tuple[int, torch.Tensor] = (-1, torch.empty(0))

    def __iter__(self) -> Iterator[list[Key]]:
        size = self._batch // (self._processes * self._parts)
        for step in range(self.first, self._steps):
            for part in range(self._parts):
                start = step * self._batch + (part * self._processes + self._rank) * size
                yield [self._key(position) for position in range(start, start + size)]

    def __len__(self) -> int:
        return (self._steps - self.first) * self._parts

    def _key(self, position: int) -> Key:
        epoch, place = divmod(position, self._samples)
        if self._order[0] != epoch:
            generator = torch.Generator().manual_seed(seed_of(ORDER, self._seed, epoch))
            self._order = epoch, torch.randperm(self._samples, generator=generator)
        return epoch, int(self._order[1][place])


class _SeededSamples(Dataset[Any]):
    """A data set in whose `__getitem__` the global generators are seeded by (seed, epoch, index)."""

    def __init__(self, dataset: Any, seed: int) -> None:
        self._dataset, self._seed = dataset, seed

    def __getitems__(self, keys: list[Key]) -> list[Any]:
        """A batch at a time, because it takes long to put the generators back."""
        with restored_random_states():
            return [self._sample(*key) for key in keys]

    def _sample(self, epoch: int, index: int) -> Any:
        seed_generators(seed_of(SAMPLE, self._seed, epoch, index))
        return self._dataset[index]


def data_loader(
    dataset: Any,
    batches: Batches,
    config: TrainingConfig,
    *,
    collate: Callable[[list[Any]], Any] | None,
    pin_memory: bool,
) -> DataLoader[Any]:
    """Load `batches` of a map-style data set."""
    return DataLoader(
        _SeededSamples(dataset, config.seed),
        batch_sampler=batches,
        num_workers=config.workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=_ignore_stop_signals,
        generator=torch.Generator().manual_seed(seed_of(WORKERS, config.seed)),  # else it draws from the global one
    )


@contextmanager
def loading(loader: DataLoader[Any]) -> Iterator[Iterator[Any]]:
    """The batches; the workers end with the block, and not only when nothing refers to them, as exceptions do."""
    batches = iter(loader)
    try:
        yield batches
    finally:
        if loader.num_workers:
            batches._shutdown_workers()  # pyright: ignore[reportAttributeAccessIssue] (torch has no public way)


def _ignore_stop_signals(worker: int) -> None:
    """Slurm sends a signal to every process, but the workers are needed until the running step is done."""
    del worker
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
