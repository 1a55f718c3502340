"""Random numbers: seeds that are functions of what they are for, and the states of the global generators."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["random_states", "restore_random_states", "restored_random_states", "seed_generators", "seed_of"]


def seed_of(*words: int) -> int:
    """63 bits that depend on every word; different words give unrelated seeds."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_generators(seed: int, *, cuda: bool = False) -> None:
    """Seed the global generators of torch, NumPy and Python."""
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (data sets may draw from it)
    random.seed(seed)
    if cuda and torch.cuda.is_available():
        torch.cuda.manual_seed(seed)


def random_states(*, cuda: bool = False) -> dict[str, Any]:
    """The states of the global generators as plain values and tensors; CUDA's is that of the present device."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state(),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
        "python": random.getstate(),
        "cuda": torch.cuda.get_rng_state() if cuda and torch.cuda.is_initialized() else None,
    }


def restore_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), *rest))  # noqa: NPY002
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    if states["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


@contextmanager
def restored_random_states(*, cuda: bool = False) -> Iterator[None]:
    """Whatever the block draws or seeds, the generators are afterwards as before."""
    states = random_states(cuda=cuda)
    try:
        yield
    finally:
        restore_random_states(states)
