"""The driving masks of a run, batch by batch: found by m in the frames of a video, or read from a saved motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from maskreel.animate.motion import MotionWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from fractions import Fraction
    from pathlib import Path
    from typing import Any

    from torch import Tensor

    from maskreel.animate.framing import Framing
    from maskreel.animate.model import AnimationModel
    from maskreel.animate.motion import MotionTemplate
    from maskreel.animate.running.inputs import Driving

__all__ = ["DrivingMasks", "FoundMasks", "Poses", "SavedMasks", "mask_at", "write_motion"]


class Poses(NamedTuple):
    """The masks of some driving frames."""

    masks: Tensor
    """float32 (N, 1, s, s), multiples of 1/255."""
    pictures: Tensor | None
    """What m found them in, float (N, 3, S, S); None where that is not known."""
    start: Fraction
    """Seconds of the first frame."""
    times: tuple[Fraction, ...] | None
    """Seconds of every frame where the frame rate varies."""


class DrivingMasks(Protocol):
    """Where driving masks come from."""

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Poses]:
        """Those of the frames from `start` to `stop`."""
        ...


@dataclass(frozen=True)
class FoundMasks:
    """Those that m finds in the driving frames.

    They are rounded to 256 levels, which is what a saved motion holds of them and P_test leaves of them.
    """

    model: AnimationModel
    driving: Driving
    framing: Framing
    batch: int

    @torch.inference_mode()
    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Poses]:
        """Those of the frames from `start` to `stop`."""
        for clip in self.driving.clips(self.batch, start, stop):
            pictures = self.framing.cut(clip.frames.to(self.model.device), self.model.config.size)
            masks = (self.model.masks(pictures).float() * 255).round() / 255
            yield Poses(masks, pictures, clip.start, clip.timestamps)


@dataclass(frozen=True)
class SavedMasks:
    """Those of a saved motion."""

    template: MotionTemplate
    driving: Driving
    device: torch.device
    batch: int

    @property
    def framing(self) -> Framing:
        """The square of the driving frames that they are of."""
        return self.template.framing

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Poses]:
        """Those of the frames from `start` to `stop`."""
        times, fps = self.template.times, self.template.fps
        for masks in self.template.batches(self.batch, start, self.driving.count if stop is None else stop):
            end = start + len(masks)
            own = None if times is None else times[start:end]
            yield Poses(masks.to(self.device), None, start / fps if own is None else own[0], own)
            start = end


def mask_at(masks: DrivingMasks, index: int, batch: int) -> Tensor:
    """That of one frame, (1, 1, s, s), found in its own batch, so that it is the same mask to the last bit."""
    place = index % batch
    return next(iter(masks.batches(index - place))).masks[place : place + 1]


def write_motion(path: Path, masks: FoundMasks, *, recipe: Mapping[str, Any], advance: Callable[[int], object]) -> None:
    """Save the driving masks; `advance` is told of frames that are done."""
    info = masks.driving.info
    time_base = info.time_base if info.variable_frame_rate else None
    with MotionWriter(path, info.fps, masks.framing, time_base=time_base, recipe=recipe) as writer:
        for poses in masks.batches():
            writer.add(poses.masks, poses.times)
            advance(len(poses.masks))
