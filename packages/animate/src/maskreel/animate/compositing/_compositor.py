"""`Compositor`: the animated subject before its backdrop, at the full size of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor

from maskreel.animate.backdrop import filled
from maskreel.animate.compositing._matte import matte_of, subject_colours, subject_region
from maskreel.animate.config import Swap
from maskreel.common.masks import boxes, feather

if TYPE_CHECKING:
    from maskreel.animate.backdrop import Backdrop
    from maskreel.animate.framing import Framing
    from maskreel.animate.model import AnimationModel

__all__ = ["Compositor"]


class Compositor:
    """Puts the animated subject before a backdrop.

    Args:
        model: its BGBase and BGRefine do the swap "network".
        backdrop: what comes behind, as large as the full frame.
        framing: which square of the full frame the pictures of the subject are.
        swap: "network": BGBase and BGRefine repaint the square, and around it is the backdrop. "composite": the subject
            is laid over the backdrop with a soft edge, without a network. A transparent backdrop always means the
            second, since there is nothing to repaint.
        lock_background: with "network": take from the networks only the subject and a narrow soft edge around it;
            everywhere else the result is the backdrop bit for bit, without its own subject where it has one.
            "composite" does so by itself.

    Raises:
        ValueError: `swap` is neither.
    """

    def __init__(
        self,
        model: AnimationModel,
        backdrop: Backdrop,
        framing: Framing,
        *,
        swap: Swap = "network",
        lock_background: bool = False,
    ) -> None:
        if swap not in get_args(Swap):
            raise ValueError(f"swap must be one of {', '.join(get_args(Swap))}, got {swap!r}")
        self._model, self._backdrop, self._framing = model, backdrop, framing
        self._swap: Swap = "composite" if backdrop.transparent else swap
        self._lock_background = lock_background
        self._still_plate: Tensor | None = None

    @torch.inference_mode()
    def __call__(self, pictures: Tensor, masks: Tensor, start: int) -> Tensor:
        """Frames `start` to `start + N` of the result.

        Args:
            pictures: the animated subject, float (N, 3, S, S) in [0, 1].
            masks: of the subject in them, float (N, 1, s, s) in [0, 1].
            start: number of the first frame; calls come in order.

        Returns:
            uint8 (N, 3, H, W), or (N, 4, H, W) with straight alpha for a transparent backdrop; on the CPU.
        """
        if len(pictures) != len(masks):
            raise ValueError(f"pictures and masks must be as many, got {len(pictures)} and {len(masks)}")
        if self._swap == "network":
            return self._swapped(pictures, masks, start)
        pictures, masks = pictures.float(), masks.float()
        alpha = matte_of(masks, pictures, self._framing)
        colours = self._framing.place(subject_colours(pictures, masks)) * 255
        if self._backdrop.transparent:
            return _bytes(torch.cat([colours, alpha * 255], dim=1)).cpu()
        return _mixed(self._plate(start, len(pictures)), colours, alpha)

    def region(self, masks: Tensor) -> Tensor:
        """Where a locked result may differ from its backdrop: bool (N, 1, H, W) of masks (N, 1, s, s)."""
        return feather(*subject_region(masks, self._framing)) > 0

    def _swapped(self, pictures: Tensor, masks: Tensor, start: int) -> Tensor:
        count, device = len(pictures), pictures.device
        config = self._model.config
        frames, holes = self._behind(start, count)
        theirs = torch.zeros_like(masks)
        if holes is not None:
            theirs = self._framing.cut_masks(holes.to(device), config.mask_size).to(masks.dtype)
        square = self._framing.cut(frames.to(device), config.size).to(pictures.dtype)
        _, out = self._model.swapped(pictures, masks, square, theirs)
        weight = self._framing.coverage().to(device)
        if self._lock_background:
            weight = weight * feather(*subject_region(masks.float(), self._framing))
        return _mixed(self._plate(start, count), self._framing.place(out.float()) * 255, weight)

    def _plate(self, start: int, count: int) -> Tensor:
        """The backdrop without its own subject; made once if it is still."""
        if self._still_plate is not None:
            return self._still_plate
        frames, holes = self._behind(start, count)
        plate = frames if holes is None else filled(frames, holes)
        if self._backdrop.still:
            self._still_plate = plate
        return plate

    def _behind(self, start: int, count: int) -> tuple[Tensor, Tensor | None]:
        """The backdrop and where its own subject is; one frame of it if it is still."""
        wanted = 1 if self._backdrop.still else count
        return self._backdrop.read(start, wanted), self._backdrop.holes(start, wanted)


def _mixed(plate: Tensor, colours: Tensor, weight: Tensor) -> Tensor:
    """uint8 (N, 3, H, W): the plate bit for bit where the weight is 0, which is nearly everywhere."""
    count = len(colours)
    result = plate.to(colours.device).expand(count, -1, -1, -1).clone()
    weight = weight.expand(count, -1, -1, -1)
    somewhere = weight[:, 0] > 0
    for number in somewhere.any(-1).any(-1).nonzero()[:, 0].tolist():
        x0, y0, x1, y1 = boxes(somewhere[number]).tolist()
        part, share, over = (frames[number, :, y0:y1, x0:x1] for frames in (result, weight, colours))
        behind = part.float()
        part.copy_(_bytes(behind + share * (over - behind)))
    return result.cpu()


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)
