"""The root conftest.py: its markers, tried out with a pretended torch and without a cluster, and seeded generators."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
SUITE = """
import pytest

@pytest.mark.needs_cuda
def test_on_the_device():
    pass

def test_anywhere():
    pass
"""
FAKE_TORCH = """
import contextlib, types, warnings

def is_available():
    warnings.warn("the driver is old", UserWarning)
    return {available}

cuda = types.SimpleNamespace(is_available=is_available, is_initialized=lambda: False)
random = types.SimpleNamespace(fork_rng=lambda devices: contextlib.nullcontext())
manual_seed = lambda seed: None
"""


def run_suite(pytester: pytest.Pytester, *, available: bool, tests: str = SUITE) -> pytest.RunResult:
    """Run tests under the tree's own configuration, in a process that sees a pretended torch."""
    for name in ("conftest.py", "pyproject.toml"):
        (pytester.path / name).write_text((ROOT / name).read_text())
    (pytester.path / "torch.py").write_text(FAKE_TORCH.format(available=available))
    (pytester.path / "packages").mkdir()
    (pytester.path / "packages/test_suite.py").write_text(tests)
    return pytester.runpytest_subprocess("packages", "-p", "no:cacheprovider")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    if not (ROOT / "conftest.py").exists():
        pytest.skip("the tree's conftest.py is not above this package")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    monkeypatch.delenv("MASKREEL_REQUIRE_CUDA", raising=False)
    return pytester


def test_without_a_device_the_test_is_skipped(suite: pytest.Pytester) -> None:
    result = run_suite(suite, available=False)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*needs a CUDA device*"])


def test_without_a_promised_device_the_test_fails(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKREEL_REQUIRE_CUDA", "1")
    result = run_suite(suite, available=False)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*MASKREEL_REQUIRE_CUDA is set, but torch finds no CUDA device*"])


def test_with_a_device_the_test_runs(suite: pytest.Pytester) -> None:
    run_suite(suite, available=True).assert_outcomes(passed=2)


@pytest.mark.needs_cuda
def test_the_device_computes() -> None:
    assert torch.arange(5, device="cuda").sum().item() == 10


@pytest.mark.parametrize(
    ("promised", "outcome"), [(False, {"passed": 1, "skipped": 1}), (True, {"passed": 1, "errors": 1})]
)
def test_without_a_cluster_its_tests_are_skipped_or_fail_where_one_was_promised(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, promised: bool, outcome: dict[str, int]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("MASKREEL_REQUIRE_SLURM", "1" if promised else "")
    result = run_suite(suite, available=False, tests=SUITE.replace("needs_cuda", "needs_slurm"))
    result.assert_outcomes(**outcome)
    told = "MASKREEL_REQUIRE_SLURM is set, but sinfo finds no cluster" if promised else "needs a Slurm cluster"
    result.stdout.fnmatch_lines([f"*{told}*"])


@pytest.mark.parametrize(
    ("promised", "outcome"), [(False, {"passed": 1, "skipped": 1}), (True, {"passed": 1, "errors": 1})]
)
def test_without_a_browser_its_tests_are_skipped_or_fail_where_one_was_promised(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, promised: bool, outcome: dict[str, int]
) -> None:
    monkeypatch.setenv("MASKREEL_REQUIRE_BROWSER", "1" if promised else "")
    result = run_suite(suite, available=False, tests=SUITE.replace("needs_cuda", "needs_browser"))
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines([f"*{'MASKREEL_REQUIRE_BROWSER is set, but no' if promised else 'needs'} Chromium*"])


def test_every_test_starts_with_the_same_random_numbers() -> None:
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(3))
