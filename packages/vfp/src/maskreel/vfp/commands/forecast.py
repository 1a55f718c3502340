"""`maskreel vfp forecast`: from any 11 frames to the mask of the 22nd."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from maskreel.common.atomic import write_json
from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.vfp.config import ForecastConfig  # noqa: TC001 (tyro reads annotations at run time)

if TYPE_CHECKING:
    from maskreel.vfp.data import Clips, Result
    from maskreel.vfp.forecaster import MaskForecaster

logger = logging.getLogger(__name__)


def forecast(
    source: tyro.conf.Positional[Path],
    config: ForecastConfig,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    stride: int | None = None,
    every: int | None = None,
    quarantine: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Forecast the mask of frame 22 from 11 observed frames; no labels are needed.

    SOURCE is a split of the data set such as DIR/val or DIR/hidden, one of its videos, a video file, a folder of
    numbered images, a folder of these, or an .npy array of frames or clips. A record (.json) is written beside the
    result. Killed? Run the same command again: it goes on.

    Args:
        source: Where the frames are.
        config: How to forecast.
        output: What to write. pred.npy or pred.pt: the masks of all clips, uint8 (N, 160, 240), in the order of the
            videos. A name without suffix: a folder with a mask, a strip and a GIF of every clip. A single clip may also
            become a mask .png, or a .gif or .mp4 of what was seen and what is forecast.
        stride: Frames from one sampled frame to the next; by default what is nearest to the 0.195 s of the data set in
            video files, and 1 in images and arrays.
        every: Forecast after every so many sampled frames of a video, instead of after its last one alone.
        quarantine: A list of videos to leave out, as check-data writes it.
        overwrite: Replace the output if it exists.
    """
    from maskreel.vfp.data import open_clips, open_result
    from maskreel.vfp.forecaster import MaskForecaster

    for name, value in (("--stride", stride), ("--every", every)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be 1 or more, got {value}")
    clips = open_clips(source, stride=stride, every=every, quarantine=quarantine)
    job = _job(source, config, stride, every, clips)
    with locked(output.parent, name=f".{output.name}.lock", told=output):
        result = open_result(output, len(clips.names), job, overwrite=overwrite)
        seconds = _run(MaskForecaster(config), clips, result)
        write_json(result.record, {**job, "seconds": round(seconds, 1)})
        result.finish()
    logger.info("%s", output)
    return 0


def _run(forecaster: MaskForecaster, clips: Clips, result: Result) -> float:
    """Forecast what is not done yet; the seconds that this took."""
    start = time.perf_counter()
    with progress(description="forecast", total=len(clips.names), unit="clips") as bar:
        bar.update(result.done)
        for clip in clips.iterate(result.done):
            result.add(clip, forecaster.forecast(clip.frames))
            bar.update(1)
    return time.perf_counter() - start


def _job(source: Path, config: ForecastConfig, stride: int | None, every: int | None, clips: Clips) -> dict[str, Any]:
    """What the result depends on; the record beside it, and what must be the same to go on."""
    from maskreel.vfp import __version__

    settings = {name: _stamped(value) if isinstance(value, Path) else value for name, value in asdict(config).items()}
    return {
        "maskreel_vfp": __version__,
        "input": _stamped(source),
        "stride": stride,
        "every": every,
        "config": settings,
        "clips": list(clips.names),
    }


def _stamped(path: Path) -> str:
    """A path with what tells that it has been written anew."""
    state = path.stat() if path.is_file() else None
    return str(path) if state is None else f"{path} ({state.st_size} bytes, {int(state.st_mtime)})"
