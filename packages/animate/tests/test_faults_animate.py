"""Damaged files of a job, a kill while it is taken away, and a training with other losses; see test_animate_run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.animate.running.job import Job
from maskreel.animate.running.segments import _read_figures as read_figures
from maskreel.animate.training.settings import LossSettings
from maskreel.animate.training.task import AnimationTask
from maskreel.common.errors import InputError
from maskreel.common.training._config import TrainingConfig
from maskreel.common.training._folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_while_a_job_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left must be known as a job's, or the next run would refuse the folder as somebody else's."""
    job = Job(tmp_path / "job")

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt), job.opened({"a": 1}):
            job.segment(0).touch()
    assert sorted(path.name for path in job.folder.iterdir()) == ["settings.json"]
    with job.opened({"a": 2}):
        job.segment(0).touch()
    assert not job.folder.exists()


def test_damaged_settings_of_a_job_are_named(tmp_path: Path) -> None:
    job = Job(tmp_path / "job")
    job.folder.mkdir()
    (job.folder / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json cannot be read as JSON"), job.opened({"a": 1}):
        pytest.fail("nothing may be done with them")


@pytest.mark.parametrize("text", ["7", "[]", "[[1, 2]]", "[[1, 2], [3]]", '[[1, 2], "ab"]', '[[1, 2], ["a", "b"]]'])
def test_damaged_figures_of_a_segment_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "000000.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"000000\.json does not hold two figures for each of 2 frames; delete it"):
        read_figures(path, 2)
    path.write_text("[[0.5, 0.25], [1, 0]]")
    assert read_figures(path, 2) == [(0.5, 0.25), (1, 0)]
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"000000\.json cannot be read as JSON"):
        read_figures(path, 2)


def task(settings: LossSettings) -> AnimationTask:
    made = AnimationTask.__new__(AnimationTask)
    made.settings = settings
    return made


def test_a_training_with_other_losses_is_refused(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), TrainingConfig()
    folder.begin(folder.asked(config, 3, task(LossSettings()).identity()), torch.device("cpu"))
    assert folder.finished(folder.asked(config, 3, task(LossSettings()).identity())) is None
    other = folder.asked(config, 3, task(LossSettings(swap_from=5.0)).identity())
    with pytest.raises(InputError, match=r"was begun with swap_from of the task 2\.0, not 5\.0; go on with that"):
        folder.finished(other)


def test_weights_of_the_loss_count_by_their_content(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    identities = [task(LossSettings(vgg=tmp_path / name)).identity() for name in "abc"]
    assert identities[0] == identities[1] != identities[2]
