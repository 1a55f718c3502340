"""The record of a run, run.json: what was asked for, and what it took."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.inversion.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from maskreel.inversion.job import Job
    from maskreel.inversion.sources import MaskSequence

__all__ = ["add_cost", "is_done", "open_run"]

COMPARED = ("masks", "teacher_settings", "config", "per_frame", "size", "frame_count")
"""Parts of the record that must be the same for a run to go on."""


def open_run(job: Job, sequence: MaskSequence) -> RunFolder:
    """The folder of a run, new or one to go on with.

    Raises:
        InputError: It holds a run with other settings.
    """
    record = {
        "sequence": sequence.name,
        "fps": str(sequence.fps),
        "class_names": {str(n): name for n, name in zip(sequence.object_ids, sequence.class_names, strict=True)},
        "frame_count": len(sequence),
        "size": list(sequence.size),
        "masks": _plain(asdict(job.masks)),
        "teacher": job.teacher.name,
        "verifier": job.teacher.verifier,
        "teacher_settings": _plain(asdict(job.teacher)),
        "config": _plain(asdict(job.config)),
        "per_frame": _plain(job.per_frame),
        "device": job.device,
    }
    if not RunFolder.is_one(job.folder):
        return RunFolder.create(job.folder, record)
    run = RunFolder(job.folder)
    if changed := [one for name in COMPARED for one in _differences(name, run.record.get(name, {}), record[name])]:
        raise InputError(
            f"{job.folder} holds a run with other settings ({', '.join(changed)}); give another output, or --overwrite"
        )
    return run


def is_done(job: Job, sequence: MaskSequence) -> bool:
    """Whether all frames are there; InputError where the folder holds a run with other settings."""
    return RunFolder.is_one(job.folder) and len(open_run(job, sequence).frames_done()) == len(sequence)


def add_cost(folder: Path, costs: Sequence[Mapping[str, Any]]) -> None:
    """Add what a call took, "seconds", "iterations" and "peak_mib" of each process, to the record."""
    record = RunFolder(folder).record
    for name, joined in (("seconds", sum), ("iterations", sum), ("peak_mib", max)):
        record[name] = joined([record.get(name, 0), *(cost[name] for cost in costs)])
    write_json(folder / "run.json", record)


def _differences(name: str, old: Any, new: Any) -> list[str]:
    """Names of the settings that differ, such as config.weights.mask."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [name]
    return [one for key in old | new for one in _differences(f"{name}.{key}", old.get(key), new.get(key))]


def _plain(value: Mapping[Any, Any]) -> dict[str, Any]:
    """As it is after a way through JSON, so that records can be compared."""
    return json.loads(json.dumps(value, default=str))
