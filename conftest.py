"""What holds for every test of every package: the `needs_cuda` marker, seeded generators, few threads, no messages."""

from __future__ import annotations

import functools
import logging
import os
import random
import sys
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@functools.cache
def cuda_available() -> bool:
    try:
        import torch
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old or broken driver is reported as a warning
        return torch.cuda.is_available()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `needs_cuda` where there is no device, or fail them where one was promised."""
    if item.get_closest_marker("needs_cuda") is None or cuda_available():
        return
    if os.environ.get("MASKREEL_REQUIRE_CUDA"):
        pytest.fail("MASKREEL_REQUIRE_CUDA is set, but torch finds no CUDA device", pytrace=False)
    pytest.skip("needs a CUDA device")


def pytest_configure() -> None:
    """Two threads for torch and NumPy, here and in the processes that tests start: small tensors gain from no more."""
    os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """The command line sets up messages and progress for its process; the next test should see neither."""
    logger = logging.getLogger("maskreel")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def seeded_generators() -> Iterator[None]:
    """Start every test with the same random numbers, and hand the generators back as they were."""
    with ExitStack() as stack:
        _seed_python(stack)
        _seed_numpy(stack)
        _seed_torch(stack)
        yield


def _seed_python(stack: ExitStack) -> None:
    stack.callback(random.setstate, random.getstate())
    random.seed(0)


def _seed_numpy(stack: ExitStack) -> None:
    if (numpy := sys.modules.get("numpy")) is not None:
        stack.callback(numpy.random.set_state, numpy.random.get_state())
        numpy.random.seed(0)


def _seed_torch(stack: ExitStack) -> None:
    if (torch := sys.modules.get("torch")) is not None:
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
        stack.enter_context(torch.random.fork_rng(devices=devices))
        torch.manual_seed(0)
