"""`Renderer`: from driving frames to frames of the result, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.running.driving_masks import Poses
    from maskreel.animate.running.plan import Plan

__all__ = ["Finish", "Rendered", "Renderer"]

_PIXELS = 1 << 21
"""Of full frames that are put together at a time, so that large frames do not fill the memory."""


class Finish(Protocol):
    """What puts the networks' pictures into full frames: `Paste` or `Compositor`."""

    def __call__(self, pictures: Tensor, masks: Tensor, start: int) -> Tensor:
        """Pictures (N, 3, S, S) and masks (N, 1, s, s) of frames from `start` on to uint8 (N, 3 or 4, H, W)."""
        ...


class Rendered(NamedTuple):
    """A batch of the result with what it was made from."""

    frames: Tensor
    """uint8 (N, 3, H, W), or (N, 4, H, W) with opacity; on the CPU."""
    driving: Tensor | None
    """What the networks saw of the driving frames, float (N, 3, S, S); None for a saved motion."""
    driving_masks: Tensor
    """m of them, (N, 1, s, s)."""
    masks: Tensor
    """Of the source's subject in the result, (N, 1, s, s)."""


class Renderer:
    """Renders batches of driving frames, which must come in order from the first one on."""

    def __init__(self, model: AnimationModel, plan: Plan, finish: Finish, *, smoothing: float) -> None:
        self._model, self._plan, self._finish = model, plan, finish
        self._motion = plan.motion(smoothing)

    @torch.inference_mode()
    def catch_up(self, poses: Poses) -> None:
        """Take note of driving frames whose results are there already."""
        self._motion(poses.masks)

    @torch.inference_mode()
    def render(self, poses: Poses, start: int) -> Rendered:
        """Driving frames, of which the first is number `start`."""
        model, source = self._model, self._plan.view.source
        masks = model.refined(source, self._motion(poses.masks))
        _, pictures = model.pictures(source, masks)
        return Rendered(self._finished(pictures, masks, start), poses.pictures, poses.masks, masks)

    def _finished(self, pictures: Tensor, masks: Tensor, start: int) -> Tensor:
        height, width = self._plan.view.framing.size
        step = max(1, _PIXELS // (height * width))
        parts = [
            self._finish(pictures[first : first + step], masks[first : first + step], start + first).cpu()
            for first in range(0, len(pictures), step)
        ]
        return torch.cat(parts)
