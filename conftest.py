"""What holds for every test: markers for what few machines have, seeded generators, few threads, no messages."""

from __future__ import annotations

import functools
import gc
import importlib.util
import logging
import os
import random
import shutil
import subprocess
import sys
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser import Browser

    from maskreel.common.training import TrainingConfig


@functools.cache
def cuda_available() -> bool:
    try:
        import torch
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old or broken driver is reported as a warning
        return torch.cuda.is_available()


@functools.cache
def slurm_answers() -> bool:
    """Whether a cluster takes jobs from here."""
    if shutil.which("sinfo") is None:
        return False
    return subprocess.run(["sinfo"], check=False, capture_output=True).returncode == 0


def browser_there() -> bool:
    """Whether tests can steer a Chromium; what does it is not in the archive of a package."""
    try:
        from browser import find_browser
    except ImportError:
        return False
    return find_browser() is not None


PROMISES = {
    "needs_cuda": (cuda_available, "MASKREEL_REQUIRE_CUDA", "needs a CUDA device", "torch finds no CUDA device"),
    "needs_slurm": (slurm_answers, "MASKREEL_REQUIRE_SLURM", "needs a Slurm cluster", "sinfo finds no cluster"),
    "needs_browser": (
        browser_there,
        "MASKREEL_REQUIRE_BROWSER",
        "needs Chromium",
        "no Chromium is installed, or no tools/browser.py",
    ),
}
"""Markers of tests that need what few machines have: how to see it, how it is promised, what to say without it."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need what is not here, or fail them where it was promised."""
    for marker, (there, promise, need, fault) in PROMISES.items():
        if item.get_closest_marker(marker) is None or there():
            continue
        if os.environ.get(promise):
            pytest.fail(f"{promise} is set, but {fault}", pytrace=False)
        pytest.skip(need)


def pytest_configure(config: pytest.Config) -> None:
    """Two threads for torch and NumPy, here and in the processes that tests start: small tensors gain from no more.

    One, where tests run side by side.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1" if config.getoption("numprocesses", None) else "2")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests marked `needs_browser`; tools/browser.py tells what it can do."""
    from browser import Browser

    with Browser() as running:
        yield running


def _devices() -> Iterator[Any]:
    yield "cpu"
    if importlib.util.find_spec("pretended_cuda"):
        yield "pretended cuda"
    yield pytest.param("cuda", marks=pytest.mark.needs_cuda)


@pytest.fixture(params=_devices())
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """cpu; cuda where there is a device; and where there is none, a cuda that finds mixed devices, on the CPU.

    tools/pretended_cuda.py tells what the last can do; it is not in the archive of a package.
    """
    if request.param != "pretended cuda":
        yield request.param
        return
    if cuda_available():
        pytest.skip("there is a CUDA device")
    from pretended_cuda import pretended_cuda

    with pretended_cuda():
        yield "cuda"


@pytest.fixture
def leaves_no_memory() -> Callable[[Callable[[], object]], None]:
    """Checks that a second round of the same work leaves no memory of the CUDA device behind, for `needs_cuda`."""
    import torch

    def after(work: Callable[[], object]) -> int:
        work()
        gc.collect()
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    def check(work: Callable[[], object]) -> None:
        level = after(work)  # the first round brings workspaces that stay
        assert after(work) == level

    return check


@pytest.fixture
def one_step() -> Callable[[Any, Any], TrainingConfig]:
    """The shortest training, with a log and pictures, on a device in a precision."""
    from maskreel.common.training import TrainingConfig

    def config(device: Any, precision: Any) -> TrainingConfig:
        settings: dict[str, Any] = {"device": device, "precision": precision, "threads": 1, "tensorboard": False}
        return TrainingConfig(steps=1, batch_size=2, log_every=1, samples_every=1, **settings)

    return config


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For tests of small pictures, which only make threads wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
