"""What an animation needs before its networks are loaded: everything that can be refused by then is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from maskreel.animate.backdrop import is_transparent
from maskreel.animate.running.idle import refuse_idle, refuse_idle_crf, refuse_missing_start
from maskreel.animate.running.inputs import Driving, Picture, open_driving, read_source
from maskreel.animate.running.job import Job
from maskreel.animate.running.outputs import Output, check_apart, choose_output

if TYPE_CHECKING:
    import os

    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.running.inputs import Inputs

__all__ = ["Order", "take_order"]


class Order(NamedTuple):
    """Inputs that are open, and where the result goes."""

    picture: Picture
    driving: Driving
    target: Output
    job: Job


def take_order(
    inputs: Inputs,
    config: AnimateConfig,
    *,
    output: str | os.PathLike[str] | None,
    job: str | os.PathLike[str] | None,
    seconds: float | None,
) -> Order:
    """Open the inputs and choose the output; nothing is written.

    Raises:
        InputError: a file cannot be used, a setting can have no effect with these inputs, the output cannot hold the
            result or would replace an input, or the folder of unfinished work is somebody else's.
    """
    refuse_idle(config, inputs)
    picture, driving = read_source(inputs.source), open_driving(inputs.driving, seconds=seconds)
    refuse_missing_start(config, driving)
    target = choose_output(
        None if output is None else Path(output),
        inputs.source,
        driving,
        transparent=inputs.background is not None and is_transparent(inputs.background),
        lossless=config.lossless,
    )
    refuse_idle_crf(config, target)
    check_apart(target.path, *inputs.files.values())
    work = Job(Path(job) if job else target.path.with_suffix(".job"))
    work.check()
    return Order(picture, driving, target, work)
