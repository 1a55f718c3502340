"""A job: what appears in the folder, stops, and what an earlier run has left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inversion import job as job_module
from maskreel.inversion.choices import Masks, TeacherChoice, targets_of
from maskreel.inversion.interruption import Interruption
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.job import Job, make
from maskreel.inversion.record import add_cost
from maskreel.inversion.run_folder import RunFolder
from maskreel.inversion.sources import open_masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.teachers import SemanticTeacher

    Quick = Callable[..., InversionConfig]

pytestmark = pytest.mark.usefixtures("tiny_on_path")
TINY = TeacherChoice("tiny_teacher:tiny")


def frames_in(folder: Path) -> torch.Tensor:
    run = RunFolder(folder)
    return torch.stack([run.frame(number) for number in run.frames_done()])


def stop_after(count: int) -> Callable[..., None]:
    done = 0

    def watch(*_: Any) -> None:
        nonlocal done
        done += 1
        if done == count:
            raise KeyboardInterrupt

    return watch


def test_a_folder_holds_what_the_inverter_makes(
    mask_folder: Path, tmp_path: Path, quick: Quick, teacher: SemanticTeacher
) -> None:
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "run", preview_every=2)
    cost = make(job)
    sequence = open_masks(mask_folder)
    wanted = MaskInverter(quick(), teacher).invert(targets_of(sequence, teacher))
    run = RunFolder(job.folder)
    assert run.frames_done() == (0, 1, 2)
    assert torch.equal(frames_in(job.folder), wanted)
    assert all(torch.equal(run.labels(number), sequence.labels(number)) for number in range(3))
    assert run.record["config"]["steps"] == 5
    assert run.record["teacher"] == "tiny_teacher:tiny"
    assert sorted(path.name for path in job.folder.iterdir()) == [
        "frames",
        "log_all.jsonl",
        "masks",
        "previews",
        "run.json",
    ]
    lines = [json.loads(line) for line in (job.folder / "log_all.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5] or lines[-1]["step"] == 5
    assert {path.name for path in (job.folder / "previews").iterdir()} == {"000_00002.png", "000_00004.png"}
    assert cost["iterations"] == 5
    assert cost["peak_mib"] > 10


@pytest.mark.parametrize(
    ("settings", "count"),
    [({"coherence": "layers"}, 4), ({"coherence": "none", "batch": 1}, 7), ({"coherence": "chain", "batch": 1}, 7)],
)
def test_after_ctrl_c_the_same_call_goes_on(
    settings: dict[str, Any], count: int, mask_folder: Path, tmp_path: Path, quick: Quick
) -> None:
    job = Job(Masks(mask_folder), TINY, quick(**settings), tmp_path / "run", preview_every=0)
    with pytest.raises(KeyboardInterrupt):
        make(job, stop_after(count))
    assert (job.folder / "state_all.pt").is_file()
    best = sorted(path.name for path in (job.folder / "best_so_far").iterdir())
    assert best == (["00000.png", "00001.png", "00002.png"] if count == 4 else ["00001.png"])
    assert len(RunFolder(job.folder).frames_done()) == (0 if count == 4 else 1)
    cost = make(job)
    undisturbed = replace(job, folder=tmp_path / "other")
    assert cost["iterations"] == make(undisturbed)["iterations"] - count
    assert torch.equal(frames_in(job.folder), frames_in(undisturbed.folder))
    assert not (job.folder / "state_all.pt").exists()


def test_a_state_of_the_middle_of_a_step_is_not_kept(
    mask_folder: Path, tmp_path: Path, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption within a step leaves parameters that no whole number of steps leads to."""
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "run", preview_every=0)
    calls = 0
    step = torch.optim.Adam.step

    def interrupted(self: torch.optim.Adam, *rest: Any) -> Any:
        nonlocal calls
        step(self, *rest)
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(job)
    monkeypatch.setattr(torch.optim.Adam, "step", step)
    assert not (job.folder / "state_all.pt").exists()
    make(job)
    other = replace(job, folder=tmp_path / "other")
    make(other)
    assert torch.equal(frames_in(job.folder), frames_in(other.folder))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in the foreground: shells let processes in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_the_first_ctrl_c_waits_for_the_end_of_a_step() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        assert not interruption.asked
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("ctrl_c")
def test_a_real_ctrl_c_ends_a_job_between_two_steps(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "run", preview_every=0)
    with pytest.raises(KeyboardInterrupt):
        make(job, lambda progress, _: signal.raise_signal(signal.SIGINT) if progress.step == 3 else None)
    assert torch.load(job.folder / "state_all.pt", weights_only=True)["current"]["step"] == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from maskreel.inversion import job as module
from maskreel.inversion.choices import Masks, TeacherChoice
from maskreel.inversion.config import InversionConfig, Weights
from maskreel.inversion.settings import AugmentSettings

module.SAVE_SECONDS = 0.0
config = InversionConfig(
    steps=5, stages=1, levels=2, batch=1, coherence="none",
    weights=Weights(mask=1.0, temporal=0.0), augment=AugmentSettings(jitter=2, flip=0.5),
)
teacher = TeacherChoice("tiny_teacher:tiny")
job = module.Job(Masks(Path(sys.argv[1])), teacher, config, Path(sys.argv[2]), preview_every=0)
count = 0

def watch(progress, work):
    global count
    count += 1
    if count == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

module.make(job, watch)
print(count)
"""


def test_after_kill_the_same_call_goes_on(mask_folder: Path, tmp_path: Path) -> None:
    def call(folder: str, kill_at: int) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", textwrap.dedent(KILLED), str(mask_folder), str(tmp_path / folder), str(kill_at)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    assert call("run", 8).returncode == -signal.SIGKILL
    assert RunFolder(tmp_path / "run").frames_done() == (0,)
    again = call("run", 0)
    assert again.stdout.split() == ["7"], again.stderr
    config_of = RunFolder(tmp_path / "run").record["config"]
    assert config_of["steps"] == 5
    assert call("other", 0).stdout.split() == ["15"]
    assert torch.equal(frames_in(tmp_path / "run"), frames_in(tmp_path / "other"))


def test_finished_runs_are_not_made_again(
    mask_folder: Path, tmp_path: Path, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "run", preview_every=0)
    make(job)
    before = {path: path.stat().st_mtime_ns for path in job.folder.rglob("*.*")}
    monkeypatch.setattr(job_module, "work_of", lambda *_: pytest.fail("made again"))
    assert make(job)["iterations"] == 0
    assert {path: path.stat().st_mtime_ns for path in job.folder.rglob("*.*")} == before


def test_other_settings_are_refused_by_name(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    config = quick(coherence="none", batch=1)
    job = Job(Masks(mask_folder), TINY, config, tmp_path / "run", preview_every=0)
    with pytest.raises(KeyboardInterrupt):
        make(job, stop_after(1))
    for changed, name in [
        (replace(job, config=replace(config, lr=0.2)), r"\(config\.lr\)"),
        (replace(job, config=config.with_weights(mask=2.0)), r"\(config\.weights\.mask\)"),
        (replace(job, masks=replace(job.masks, last=2)), r"\(masks\.last, frame_count\)"),
        (replace(job, teacher=TeacherChoice("shapes")), r"\(teacher_settings\.name\)"),
        (replace(job, per_frame={1: {"tv_l1": 0.5}}), r"\(per_frame\.1\)"),
    ]:
        with pytest.raises(InputError, match=f"holds a run with other settings {name}; give another output"):
            make(changed)
    make(replace(job, preview_every=5))  # which is not of the result


def test_parts_of_frames_make_the_whole(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    config = quick(coherence="none", batch=2)
    whole = Job(Masks(mask_folder), TINY, config, tmp_path / "whole", preview_every=0)
    make(whole)
    parts = [replace(whole, folder=tmp_path / "parts", part=part) for part in (1, 0)]
    make(parts[0])
    assert RunFolder(tmp_path / "parts").frames_done() == (2,)
    make(parts[1])
    assert torch.equal(frames_in(tmp_path / "parts"), frames_in(tmp_path / "whole"))


def test_a_frame_that_is_there_is_whole(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    """While frames appear one after the other, each can be read, and no scratch file is left."""
    job = Job(Masks(mask_folder), TINY, quick(coherence="none", batch=1), tmp_path / "run", preview_every=0)
    counts: list[int] = []

    def watch(*_: Any) -> None:
        counts.append(len(frames_in(job.folder)) if RunFolder(job.folder).frames_done() else 0)

    make(job, watch)
    assert counts == [0] * 5 + [1] * 5 + [2] * 5
    assert not list(job.folder.rglob("*.part*"))


def test_what_cannot_be_made(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    job = Job(Masks(mask_folder), TINY, quick(stages=4), tmp_path / "run")
    with pytest.raises(InputError, match=r"masks: 4 stages halve the size .* must be 64 or more"):
        make(job)
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "b", per_frame={0: {"tv_l1": 0.5}})
    with pytest.raises(InputError, match="weights per frame need --coherence none"):
        make(job)
    with pytest.raises(InputError, match=r"does not exist|no such|cannot"):
        make(Job(Masks(tmp_path / "nowhere"), TINY, quick(), tmp_path / "c"))
    with pytest.raises(InputError, match="'nothing' is not a teacher"):
        make(Job(Masks(mask_folder), TeacherChoice("nothing"), quick(), tmp_path / "d"))
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]  # no record that would refuse the mended call
    with pytest.raises(InputError, match="masks"):
        Masks(mask_folder, first=7).open()


def test_cost_adds_up(mask_folder: Path, tmp_path: Path, quick: Quick) -> None:
    job = Job(Masks(mask_folder), TINY, quick(), tmp_path / "run", preview_every=0)
    with pytest.raises(KeyboardInterrupt):
        make(job, stop_after(1))
    add_cost(job.folder, [{"seconds": 2.0, "iterations": 3, "peak_mib": 70}])
    add_cost(job.folder, [{"seconds": 1.5, "iterations": 4, "peak_mib": 60}] * 2)
    record = RunFolder(job.folder).record
    assert (record["seconds"], record["iterations"], record["peak_mib"]) == (5.0, 11, 70)
    assert record["frame_count"] == 3
