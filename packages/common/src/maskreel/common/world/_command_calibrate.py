"""`maskreel world calibrate`: a table scene whose masks are like those of a data set."""

from __future__ import annotations

import logging
import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.world._command_stats import opened, read_labels, rows

if TYPE_CHECKING:
    from maskreel.common.world._statistics import MaskStatistics

logger = logging.getLogger(__name__)


def calibrate(
    data: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    split: Literal["train", "val"] = "train",
    skip_bad: bool = False,
    clips: int = 120,
    rounds: int = 24,
    seed: int = 0,
    workers: int | None = None,
) -> int:
    """Fit the table scene to the masks of a data set in the layout of vfp: speed, friction, sizes and numbers.

    Prints the statistics of the data set beside those of the fitted scene. `maskreel world render table --scene OUTPUT`
    renders it.

    Args:
        data: The data set, which holds train and val.
        output: The scene, as .json.
        split: Which of them.
        skip_bad: Leave out and list videos with a fault; otherwise the first one is an error.
        clips: Clips to simulate for every scene that is tried.
        rounds: Changes of the scene, at most; a round takes some 20 scenes.
        seed: Of the simulated clips.
        workers: Processes; by default one per core, 0 for none but this.
    """
    from maskreel.common.world import MaskStatistics
    from maskreel.common.world._calibration import calibrate as fit
    from maskreel.common.world._table.file import write_scene

    if output.suffix != ".json":
        raise InputError(f"{output} must end in .json")
    wanted = MaskStatistics.measure(labels.numpy() for labels in read_labels(opened(data, split, skip_bad)))
    if not wanted.objects_per_frame:
        raise InputError(f"{data / split} shows no object, so there is nothing to fit")
    with progress(description="fit", total=rounds, unit="rounds") as bar:
        try:
            found = fit(wanted, clips=clips, rounds=rounds, seed=seed, workers=workers, progress=bar.update)
        except ValueError as error:
            raise InputError(str(error)) from error
    write_scene(output, found.scene)
    sys.stdout.write(_comparison(wanted, found.statistics))
    logger.info("%s: distance %.2f, of the default scene %.2f", output, found.distance, found.start_distance)
    return 0


def _comparison(wanted: MaskStatistics, found: MaskStatistics) -> str:
    lines = [f"{'':30} {'data':>12} {'scene':>12}\n"]
    for (name, real), (_, made) in zip(rows(wanted), rows(found), strict=True):
        lines.append(f"{name:30} {real:>12} {made:>12}\n")
    return "".join(lines)
