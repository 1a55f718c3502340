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

    from maskreel.inversion.choices import Masks, TeacherChoice
    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.sources import MaskSequence

__all__ = ["add_cost", "open_run"]

COMPARED = ("masks", "teacher_settings", "config", "size", "frame_count")
"""Parts of the record that must be the same for a run to go on."""


def open_run(
    folder: Path, sequence: MaskSequence, masks: Masks, teacher: TeacherChoice, config: InversionConfig, device: str
) -> RunFolder:
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
        "masks": _plain(asdict(masks)),
        "teacher": teacher.name,
        "teacher_settings": _plain(asdict(teacher)),
        "config": _plain(asdict(config)),
        "device": device,
    }
    if not RunFolder.is_one(folder):
        return RunFolder.create(folder, record)
    run = RunFolder(folder)
    if changed := [name for name in COMPARED if run.record.get(name) != record[name]]:
        raise InputError(
            f"{folder} holds a run with other settings ({', '.join(changed)}); give another output, or --overwrite"
        )
    return run


def add_cost(folder: Path, costs: Sequence[Mapping[str, Any]]) -> None:
    """Add what a call took, "seconds", "iterations" and "peak_mib" of each process, to the record."""
    record = RunFolder(folder).record
    for name, joined in (("seconds", sum), ("iterations", sum), ("peak_mib", max)):
        record[name] = joined([record.get(name, 0), *(cost[name] for cost in costs)])
    write_json(folder / "run.json", record)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """As it is after a way through JSON, so that records can be compared."""
    return json.loads(json.dumps(value, default=str))
