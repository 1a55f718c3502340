"""Frames as a video, an animation or pictures."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common import masks as mask_tools
from maskreel.common import show, video
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from maskreel.inversion.exports._sequence import ExportFrame, ExportSequence

_COLOURS = torch.from_numpy(np.array(mask_tools.DAVIS_PALETTE, np.uint8))


def export_video(
    path: str | os.PathLike[str],
    sequence: ExportSequence,
    *,
    masks: bool = False,
    crf: int = 18,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the frames to a video file, H.264 in .mp4, .mov or .mkv; it appears when it is whole.

    Args:
        path: The file.
        sequence: The frames.
        masks: Show the masks to the left of the frames.
        crf: Quality of H.264, 0 (best) to 51.
        progress: Called with 1 after every frame.

    Raises:
        InputError: The suffix is none of a video.
        ValueError: There is no frame, or they differ in size.
    """
    clips = _clips(sequence, masks, progress)
    first = next(clips, None)
    if first is None:
        raise ValueError(f"{sequence.name} must have at least one frame")
    with video.VideoWriter(path, fps=sequence.fps, size=first.size, crf=crf) as writer:
        for clip in chain([first], clips):
            writer.write(clip)


def export_gif(
    path: str | os.PathLike[str],
    sequence: ExportSequence,
    *,
    masks: bool = False,
    max_width: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the frames to an endless .gif or .webp; all of them are in memory while it is made.

    Args:
        path: The file; it appears when it is whole.
        sequence: The frames.
        masks: Show the masks to the left of the frames.
        max_width: Wider frames are scaled down to this many pixels.
        progress: Called with 1 after every frame.

    Raises:
        InputError: The suffix is another.
        ValueError: There is no frame, or they differ in size.
    """
    if Path(path).suffix.lower() not in (".gif", ".webp"):
        raise InputError(f"{path} must end in .gif or .webp")
    frames = [clip.frames for clip in _clips(sequence, masks, progress)]
    if not frames:
        raise ValueError(f"{sequence.name} must have at least one frame")
    show.save_animation(path, video.Clip(torch.cat(frames), sequence.fps), max_width=max_width)


def export_png(
    folder: str | os.PathLike[str],
    sequence: ExportSequence,
    *,
    masks: bool = False,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the frames to a new folder as 00000.png, 00001.png, ...; it appears when it is whole.

    Args:
        folder: A new or empty folder.
        sequence: The frames.
        masks: Show the masks to the left of the frames.
        progress: Called with 1 after every frame.

    Raises:
        InputError: `folder` is not empty.
        ValueError: There is no frame, or they differ in size.
    """
    video.write_frames(folder, _clips(sequence, masks, progress))


def _clips(sequence: ExportSequence, masks: bool, progress: Callable[[int], object] | None) -> Iterator[video.Clip]:
    """Clips of one frame each."""
    for index, frame in enumerate(sequence.frames):
        picture = torch.cat([_coloured(sequence, frame), frame.picture.cpu()], dim=2) if masks else frame.picture.cpu()
        yield video.Clip(picture[None], sequence.fps, index / sequence.fps)
        if progress is not None:
            progress(1)


def _coloured(sequence: ExportSequence, frame: ExportFrame) -> torch.Tensor:
    """A label map in the colours of DAVIS, uint8 (3, H, W)."""
    return _COLOURS[sequence.labels(frame).long()].permute(2, 0, 1)
