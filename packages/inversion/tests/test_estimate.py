"""What a job would take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from maskreel.inversion.choices import Masks, TeacherChoice
from maskreel.inversion.estimate import Estimate, estimate
from maskreel.inversion.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig

pytestmark = pytest.mark.usefixtures("tiny_on_path")


def test_as_a_sentence() -> None:
    text = str(Estimate(90, (240, 427), 600, 125.4, 812))
    assert text == "90 frames of 240x427 in 600 steps: about 2 min 05 s, 812 MiB of memory"


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"coherence": "layers", "steps": 2}, 1),  # one step for each size
        ({"coherence": "none", "batch": 1, "steps": 9}, 3),
        ({"coherence": "chain", "batch": 2, "passes": 2, "patience": 1, "checks": 9, "steps": 9}, 4),
    ],
)
def test_steps_and_time_of_all_parts(
    settings: dict[str, Any],
    parts: int,
    mask_folder: Path,
    tmp_path: Path,
    quick: Callable[..., InversionConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clock that ticks once at each look: every step and every change of size takes one second."""
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    job = Job(Masks(mask_folder), TeacherChoice("tiny_teacher:tiny"), quick(**settings), tmp_path / "run")
    found = estimate(job)
    steps = settings["steps"]
    assert (found.frames, found.size, found.steps) == (3, (32, 48), parts * steps)
    assert parts * steps <= found.seconds <= parts * (steps + 2)
    assert found.peak_mib > 10
    assert not (tmp_path / "run").exists()
