"""What has to be known before the first frame is made: where the subjects are, and from where motion counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.animate.framing import Framing, around_moving_subject, around_subject, whole
from maskreel.animate.motion import AbsoluteMotion, RelativeMotion, Smoothed, StartSearch, has_subject
from maskreel.animate.running.driving_masks import FoundMasks, SavedMasks, mask_at
from maskreel.animate.running.watching import unwatched
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from maskreel.animate.config import AnimateConfig, FramingChoice
    from maskreel.animate.model import AnimationModel, Source
    from maskreel.animate.motion import MaskMotion
    from maskreel.animate.running.driving_masks import DrivingMasks
    from maskreel.animate.running.inputs import Driving
    from maskreel.animate.running.watching import Watch

__all__ = ["Plan", "SourceView", "find_masks", "make_plan", "view_source"]

logger = logging.getLogger(__name__)

_NEARLY_SQUARE = 1.25
_LOOKS = 32
"""Driving frames, spread over the video, in which the subject is looked for to frame it."""


@dataclass(frozen=True)
class SourceView:
    """The source as the networks see it."""

    picture: Tensor
    """uint8 (3, H, W): the frame that results have."""
    framing: Framing
    """The square of it that the networks see."""
    source: Source
    """What the networks need of it."""
    close: bool = False
    """Whether the square is one around the subject."""


@dataclass(frozen=True)
class Plan:
    """What stays the same for all frames."""

    view: SourceView
    driving_framing: Framing
    masks: DrivingMasks
    """Of the driving frames."""
    start: int | None = None
    """The driving frame that relative motion counts from; None for absolute motion."""
    start_mask: Tensor | None = None
    """m of it, (1, 1, s, s)."""

    def motion(self, smoothing: float) -> MaskMotion:
        """What happens to driving masks, from the first frame on."""
        motion: MaskMotion = AbsoluteMotion()
        if self.start_mask is not None:
            motion = RelativeMotion(self.view.source.mask, self.start_mask)
        return Smoothed(motion, smoothing) if smoothing else motion


@torch.inference_mode()
def view_source(model: AnimationModel, picture: Tensor, config: AnimateConfig) -> SourceView:
    """Look at the source, uint8 (3, H, W); `model` is on its device, ready for inference."""
    size, device = model.config.size, model.device
    framing = _framed(config.source_framing, model, picture)
    close = framing != whole(framing.size)
    if not config.paste_back:
        picture = (framing.cut(picture[None], size)[0] * 255).round().to(torch.uint8)
        framing = whole((size, size))
    return SourceView(picture, framing, model.source(framing.cut(picture[None].to(device), size)), close)


@torch.inference_mode()
def make_plan(
    model: AnimationModel, view: SourceView, driving: Driving, config: AnimateConfig, *, watch: Watch = unwatched
) -> Plan:
    """Look at the driving video, as far as the settings need it; `watch` is told of the search for the start.

    Raises:
        InputError: there is no subject to start from.
    """
    masks = find_masks(model, driving, config) if driving.motion is None else _saved_masks(model, driving, config)
    framing = masks.framing
    close = view.close or framing != whole(framing.size)
    if config.motion == "absolute" or (config.motion == "auto" and not (close and has_subject(view.source.mask).all())):
        if config.start != "auto":
            logger.warning(
                "--start %d has no effect, since --motion auto became absolute here; add --motion relative",
                config.start,
            )
        return Plan(view, framing, masks)
    found = _start(config, view.source.mask, driving, masks, watch)
    if found is None and config.motion == "relative":
        raise InputError(f"no subject was found in any frame of {driving.info.path}; give a video of one that moves")
    return Plan(view, framing, masks) if found is None else Plan(view, framing, masks, *found)


@torch.inference_mode()
def find_masks(model: AnimationModel, driving: Driving, config: AnimateConfig) -> FoundMasks:
    """Where m will look for the driving subject."""
    return FoundMasks(model, driving, _framed_driving(config.driving_framing, model, driving), config.batch)


def _saved_masks(model: AnimationModel, driving: Driving, config: AnimateConfig) -> SavedMasks:
    motion, path, size = driving.motion, driving.info.path, model.config.mask_size
    assert motion is not None
    if motion.mask_size != size:
        raise InputError(
            f"{path} holds masks of {motion.mask_size} x {motion.mask_size} pixels, but these networks work with "
            f"{size} x {size}; save the motion again with these weights"
        )
    if config.driving_framing != "auto":
        raise InputError(
            f"--driving-framing {config.driving_framing}: the square of {path} was chosen when it was saved; "
            "leave the setting out"
        )
    return SavedMasks(motion, driving, model.device, config.batch)


def _framed(choice: FramingChoice, model: AnimationModel, picture: Tensor) -> Framing:
    size = (picture.shape[1], picture.shape[2])
    return around_subject(model, picture) if _close(choice, size) else whole(size)


def _framed_driving(choice: FramingChoice, model: AnimationModel, driving: Driving) -> Framing:
    if not _close(choice, driving.info.size):
        return whole(driving.info.size)
    return around_moving_subject(model, _spread(driving))


def _close(choice: FramingChoice, size: tuple[int, int]) -> bool:
    """Whether to go close to the subject."""
    return choice == "subject" or (choice == "auto" and max(size) > _NEARLY_SQUARE * min(size))


def _spread(driving: Driving) -> Iterator[Tensor]:
    looks = min(_LOOKS, driving.count)
    for look in range(looks):
        yield driving.frame(look * driving.count // looks)[None]


def _start(
    config: AnimateConfig,
    source_mask: Tensor,
    driving: Driving,
    masks: DrivingMasks,
    watch: Watch,
) -> tuple[int, Tensor] | None:
    """Number and mask of the starting frame; None if no frame shows a subject."""
    if config.start != "auto":
        return config.start, mask_at(masks, config.start, config.batch)
    search = StartSearch(source_mask)
    with watch("look", driving.count) as looked:
        for poses in masks.batches():
            search.add(poses.masks)
            looked(len(poses.masks))
    return None if search.index is None or search.mask is None else (search.index, search.mask)
