"""Making the prepared clips of a run, each once, by as many processes as take part."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.errors import InputError
from maskreel.common.video import VIDEO_SUFFIXES, probe, read
from maskreel.inpaint.dfc_training.clips import save_clip
from maskreel.inpaint.dfc_training.material import Material, planes_material, world_material
from maskreel.inpaint.dfc_training.prepare import prepared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inpaint.dfc import Initial
    from maskreel.inpaint.dfc_training.settings import CompletionData
    from maskreel.inpaint.flow.estimation import FlowEstimator

__all__ = ["HELD_OUT_SEED", "ClipSource", "clip_sources", "make_clips"]

logger = logging.getLogger(__name__)

HELD_OUT_SEED = 1_000_000
"""Seeds from here on are never learned from."""


@dataclass(frozen=True)
class ClipSource:
    """One clip, not made yet."""

    kind: str
    """planes, world or video."""
    seed: int
    """Of the clip; for a video that of its holes."""
    video: Path | None = None
    start: int = 0
    """First frame of a video's clip."""

    @property
    def name(self) -> str:
        """Of the file."""
        where = "" if self.video is None else f"-{self.video.name}-{self.start:06d}"
        return f"{self.kind}{where}-{self.seed:07d}.npy"

    def material(self, size: tuple[int, int], frames: int) -> Material:
        """The clip itself.

        Raises:
            InputError: A video is damaged.
        """
        if self.kind == "planes":
            return planes_material(self.seed, size=size, frames=frames)
        if self.kind == "world":
            return world_material(self.seed, size=size, frames=frames)
        assert self.video is not None
        return Material(_video_frames(self.video, self.start, frames, size), None, None, None)


def clip_sources(data: CompletionData, *, skip_bad: bool = False) -> tuple[list[ClipSource], list[ClipSource]]:
    """The clips to learn from and those to measure on.

    Raises:
        InputError: There is nothing to learn from, or a video cannot be read (with `skip_bad`, it is left out and
            named in the log).
    """
    learned = [ClipSource("planes", seed) for seed in range(data.planes)]
    learned += [ClipSource("world", seed) for seed in range(data.world)]
    kinds = [kind for kind, count in (("planes", data.planes), ("world", data.world)) if count]
    videos = [] if data.videos is None else _video_sources(data, skip_bad)
    share = max(1, data.watched // (len(kinds) + bool(videos))) if kinds or videos else 0
    held = [ClipSource(kind, HELD_OUT_SEED + i) for kind in kinds for i in range(share)]
    if len(videos) > 1:
        kept = min(share, len(videos) // 2)
        held += videos[-kept:]
        videos = videos[:-kept]
    if not learned and not videos:
        raise InputError("there is nothing to learn from: give --planes, --world or --videos")
    return learned + videos, held


def make_clips(
    sources: list[ClipSource],
    folder: Path,
    data: CompletionData,
    *,
    estimator: FlowEstimator,
    initial: Initial,
    reduction: int,
    place: tuple[int, int] = (0, 1),
    progress: Callable[[int], object] = lambda _: None,
) -> list[Path]:
    """The files of the clips, in order; those that are not there yet are made.

    Several processes may do this at once: each begins elsewhere and leaves out what another has made. `place` is the
    number of this one and how many there are.
    """
    from maskreel.inpaint.dfc import initialise

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / source.name for source in sources]
    rank, processes = place
    first = rank * len(sources) // processes
    for i in [*range(first, len(sources)), *range(first)]:
        if not paths[i].exists():
            clip = prepared(
                sources[i].material(data.size, data.frames),
                np.random.default_rng([sources[i].seed, 80]),
                estimator=estimator,
                fill=lambda flow, region: initialise(flow, region, initial),
                reduction=reduction,
            )
            save_clip(paths[i], clip)
        progress(1)
    return paths


def _video_sources(data: CompletionData, skip_bad: bool) -> list[ClipSource]:
    """Clips of all videos of a folder, those of a video evenly spread over it."""
    assert data.videos is not None
    if not data.videos.is_dir():
        raise InputError(f"--videos {data.videos}: there is no such folder")
    found: list[ClipSource] = []
    for video in sorted(data.videos.iterdir()):
        if video.name.startswith(".") or not (video.is_dir() or video.suffix.lower() in VIDEO_SUFFIXES):
            continue
        try:
            frames = _usable_frames(video, data)
        except InputError as error:
            if not skip_bad:
                raise
            logger.warning("left out: %s", error)
            continue
        count = min(data.videos_clips, frames // data.frames)
        starts = np.linspace(0, frames - data.frames, count).astype(int)
        found += [ClipSource("video", len(found) + i, video, int(start)) for i, start in enumerate(starts)]
    if not found:
        raise InputError(f"{data.videos} holds no video that can be learned from")
    return found


def _usable_frames(video: Path, data: CompletionData) -> int:
    """How many frames a video has, after a look at its first clip."""
    from maskreel.inpaint.running.reading import count_frames

    frames = count_frames(probe(video))
    if frames < data.frames:
        raise InputError(f"{video} has {frames} frames, but a clip needs {data.frames}")
    _video_frames(video, 0, data.frames, data.size)
    return frames


def _video_frames(video: Path, start: int, frames: int, size: tuple[int, int]) -> np.ndarray:
    """uint8 (T, H, W, 3), stretched to `size`."""
    clip = read(video, start=start, stop=start + frames)
    pictures = clip.frames.permute(0, 2, 3, 1).numpy()
    if len(pictures) < frames:
        raise InputError(f"{video} ends after frame {start + len(pictures)}, expected {start + frames}")
    return np.stack([cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA) for picture in pictures])
