"""`maskreel inversion doctor`: whether a teacher's statistics can say what images look like."""

from __future__ import annotations

import logging
import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Literal

import tyro  # noqa: TC002 (the same)

from maskreel.common.cli import plain_table, progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from maskreel.inversion.statistics import Diagnosis, LayerReport

logger = logging.getLogger(__name__)


def doctor(
    teacher: tyro.conf.Positional[str],
    weights: Path | None = None,
    frames: Path | None = None,
    save: Path | None = None,
    batch: int = 8,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """List the norm layers of a teacher, and say whether their statistics can be used.

    Exit code 1 if they cannot: there are none, they were fused or never trained, or the frames look different. Frames
    like those that are wanted show which statistics are stale; --save keeps those of the frames for use instead, and
    then the exit code is 0.

    Args:
        teacher: Such as shapes, torchvision-v2, torchvision-v1 or detectron2:CONFIG.
        weights: A file for its network; by default those that come with it.
        frames: A folder of pictures or a video, 16 frames or more, all of one size.
        save: Write statistics of the frames to this .safetensors file: three numbers per channel, no pictures.
        batch: Frames that the teacher sees at a time.
        device: Where to compute; auto is cuda where there is a device.
    """
    from maskreel.common.device import chosen_device
    from maskreel.inversion.statistics import examine
    from maskreel.inversion.teachers import open_teacher

    _check(frames, save, batch)
    found = examine(
        open_teacher(teacher, weights=weights, device=chosen_device(device)),
        None if frames is None else _batches(frames, batch),
    )
    sys.stdout.write(_table(found))
    if save is None:
        return 0 if found.usable else 1
    if found.reference is None:
        raise InputError(f"{teacher} has no norm layer to measure, so there is nothing to write to {save}")
    found.reference.save(save)
    logger.info("%s: statistics of %d frames", save, found.reference.frames)
    return 0


def _check(frames: Path | None, save: Path | None, batch: int) -> None:
    if batch < 1:
        raise InputError(f"--batch must be 1 or more, got {batch}")
    if save is not None and frames is None:
        raise InputError("--save needs --frames, a folder of pictures or a video to measure")
    if save is not None and save.suffix != ".safetensors":
        raise InputError(f"--save must end in .safetensors, got {save}")


def _batches(path: Path, batch: int) -> Iterator[torch.Tensor]:
    from maskreel.common.video import iterate, probe

    with progress(description="look", total=probe(path).frame_count) as bar:
        for clip in iterate(path, chunk=batch):
            yield clip.frames.float() / 255
            bar.update(len(clip))


def _table(found: Diagnosis) -> str:
    header = ("layer", "kind", "channels", "used", "distance", "")
    table = plain_table(header, [_row(layer) for layer in found.layers], left=range(len(header)))
    return f"{table}\n{found.verdict}\n"


def _row(layer: LayerReport) -> tuple[str, ...]:
    distance = "" if layer.distance is None else f"{layer.distance:.3f}"
    channels = "-" if layer.channels is None else str(layer.channels)
    remark = layer.fault or ("stale" if layer.stale else "")
    return layer.name, layer.kind, channels, "yes" if layer.used else "no", distance, remark
