"""The same masks at another size, of fewer frames or with other class names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.video import Clip
from maskreel.inversion.sources._sequence import MaskFrame, MaskSequence
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _View(MaskSequence):
    """Passes on what it does not change."""

    def __init__(self, base: MaskSequence) -> None:
        self.base = base
        self.name, self.fps = base.name, base.fps

    @property
    def size(self) -> tuple[int, int]:
        return self.base.size

    @property
    def object_ids(self) -> tuple[int, ...]:
        return self.base.object_ids

    @property
    def class_names(self) -> tuple[str | None, ...]:
        return self.base.class_names

    def __len__(self) -> int:
        return len(self.base)

    def frame(self, index: int) -> MaskFrame:
        return self.base.frame(index)

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        return self.base.real_frames(start, stop)


class Resized(_View):
    """A pixel belongs to what covers half of it or more; real frames are resampled with antialiasing."""

    def __init__(self, base: MaskSequence, size: tuple[int, int]) -> None:
        super().__init__(base)
        self._size = size

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def frame(self, index: int) -> MaskFrame:
        masks, void = self.base.frame(index)
        target = FrameTarget(masks, torch.zeros(len(masks), dtype=torch.int64), void).resized(self.size)
        return MaskFrame(target.masks, target.void)

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        clip = self.base.real_frames(start, stop)
        if clip is None or clip.size == self.size:
            return clip
        return Clip(torch.cat([self._resample(frame[None]) for frame in clip.frames]), clip.fps, clip.start)

    def _resample(self, frames: torch.Tensor) -> torch.Tensor:
        resampled = functional.interpolate(
            frames.float(), self.size, mode="bilinear", antialias=True, align_corners=False
        )
        return resampled.round().clamp(0, 255).to(torch.uint8)


class Part(_View):
    """Some frames at an even distance."""

    def __init__(self, base: MaskSequence, start: int, stop: int | None, step: int) -> None:
        super().__init__(base)
        if step < 1:
            raise ValueError(f"step must be 1 or more, got {step}")
        self._places = range(len(base))[start:stop:step]
        if not self._places:
            raise ValueError(f"start {start} and stop {stop} leave none of the {len(base)} frames of {base.name}")
        self.fps = base.fps / step

    def __len__(self) -> int:
        return len(self._places)

    def frame(self, index: int) -> MaskFrame:
        return self.base.frame(self._places[index])

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        wanted = self._places[start:stop]
        clip = self.base.real_frames(wanted.start, wanted.start) if not wanted else self._taken(wanted)
        return None if clip is None else Clip(clip.frames, self.fps, clip.start)

    def _taken(self, wanted: range) -> Clip | None:
        if wanted.step == 1:
            return self.base.real_frames(wanted.start, wanted.stop)
        clips = [self.base.real_frames(place, place + 1) for place in wanted]
        frames = [clip.frames for clip in clips if clip is not None]
        return None if clips[0] is None else Clip(torch.cat(frames), clips[0].fps, clips[0].start)


class Renamed(_View):
    """Other class names."""

    def __init__(self, base: MaskSequence, classes: Mapping[int, str | None]) -> None:
        super().__init__(base)
        if unknown := sorted(set(classes) - set(base.object_ids)):
            raise InputError(f"classes name object {unknown[0]}, but {base.name} has {_listed(base.object_ids)}")
        known = zip(base.object_ids, base.class_names, strict=True)
        self._class_names = tuple(classes.get(number, name) for number, name in known)

    @property
    def class_names(self) -> tuple[str | None, ...]:
        return self._class_names


class Filmed(_View):
    """With real frames from a file or folder."""

    def __init__(self, base: MaskSequence, path: Path) -> None:
        super().__init__(base)
        info = video.probe(path)
        if info.size != base.size:
            expected = f"{base.size[1]}x{base.size[0]}"
            raise InputError(f"{path} is {info.size[1]}x{info.size[0]} pixels, expected {expected} like the masks")
        if info.frame_count is not None and info.frame_count < len(base):
            raise InputError(f"{path} has {info.frame_count} frames, expected one for each of the {len(base)} masks")
        self._path = path

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        wanted = range(len(self))[start:stop]
        clip = video.read(self._path, start=wanted.start, stop=max(wanted.start, wanted.stop))
        return Clip(clip.frames, self.fps, wanted.start / self.fps)


def new_size(old: tuple[int, int], size: tuple[int, int] | int | None, scale: float | None) -> tuple[int, int]:
    """The size that `MaskSequence.resized` is asked for."""
    if (size is None) == (scale is None):
        raise ValueError(f"give size or scale, got size={size} and scale={scale}")
    height, width = old
    if isinstance(size, int):
        size = size, round(size * width / height)
    elif size is None:
        assert scale is not None
        size = round(height * scale), round(width * scale)
    if min(size) < 1:
        raise ValueError(f"size must be 1x1 or more, got {size[0]}x{size[1]} from {height}x{width}")
    return size


def _listed(ids: tuple[int, ...]) -> str:
    return f"object{'s' * (len(ids) > 1)} {', '.join(map(str, ids))}"
