"""Some frames of a lecture with all truth, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.video import Clip
from maskreel.common.world._clip import WorldClip
from maskreel.common.world._lecture._motion import Moment, motion

if TYPE_CHECKING:
    from maskreel.common.world._lecture._take import LectureFrame, LectureTake

_PERSON = 1
_DISTANCE = 1.0


@dataclass(frozen=True, repr=False)
class LectureClip(WorldClip):
    """A part of a lecture. Its only object is the lecturer, class 1; the desk hides a part of him now and then."""

    touched: torch.Tensor
    """bool (T, H, W): pixels that the lecturer touches, however faintly; `visible` has those that he fills by half."""
    shadow: torch.Tensor
    """bool (T, H, W): pixels outside `touched` that his shadow changes."""


def make_clip(take: LectureTake, start: int, stop: int) -> LectureClip:
    """Frames number `start` to `stop - 1` of a lecture.

    Raises:
        ValueError: there are no such frames.
    """
    if not 0 <= start < stop <= take.frame_count:
        raise ValueError(f"start and stop must be 0 <= start < stop <= {take.frame_count}, got {start} and {stop}")
    shots: list[LectureFrame] = []
    moments: list[Moment] = []
    for t in range(start, stop):
        shot, staging = take.render_staged(t)
        shots.append(shot)
        moments.append(Moment(shot.camera, staging))
    size = take.scene.size
    forward, forward_occluded = _motions(moments[:-1], moments[1:], size)
    backward, backward_occluded = _motions(moments[1:], moments[:-1], size)
    fps = take.scene.fps
    return LectureClip(
        clip=Clip(_pictures([shot.frame for shot in shots]), fps, start / fps),
        classes=(_PERSON,),
        visible=_stack([moment.visible[None] for moment in moments]),
        amodal=_stack([moment.staging.opacity[None] >= 0.5 for moment in moments]),
        depth=torch.full((len(shots), 1), _DISTANCE),
        forward_flow=forward,
        backward_flow=backward,
        forward_occluded=forward_occluded,
        backward_occluded=backward_occluded,
        plate=_pictures([shot.plate for shot in shots]),
        camera=_stack([moments[0].camera_to(moment) for moment in moments]),
        touched=_stack([shot.mask for shot in shots]),
        shadow=_stack([shot.shadow for shot in shots]),
    )


def _motions(here: list[Moment], there: list[Moment], size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    flows = torch.zeros(len(here), 2, *size)
    occluded = torch.zeros(len(here), *size, dtype=torch.bool)
    for index, (a, b) in enumerate(zip(here, there, strict=True)):
        flow, hidden = motion(a, b)
        flows[index], occluded[index] = torch.from_numpy(flow), torch.from_numpy(hidden)
    return flows, occluded


def _stack(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def _pictures(frames: list[np.ndarray]) -> torch.Tensor:
    """uint8 (T, 3, H, W)."""
    return _stack(frames).permute(0, 3, 1, 2).contiguous()
