"""Where the optimisation of the next frame starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from maskreel.common.flow import warp

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["multi_pass", "warped_start"]


def warped_start(
    image: torch.Tensor,
    flow: torch.Tensor,
    visible: torch.Tensor,
    fill: torch.Tensor | float,
    *,
    mode: Literal["bilinear", "nearest"] = "bilinear",
) -> torch.Tensor:
    """A finished neighbour as seen from the frame that is to be made, with `fill` where it does not show the pixel.

    For the frame after a finished frame t, these are `motion.backward[t]` and `motion.backward_visible[t]`; for the
    frame before it, `motion.forward[t - 1]` and `motion.forward_visible[t - 1]`.

    Args:
        image: float (3, H, W), the finished frame.
        flow: float (2, H, W), from the new frame to the finished one, pixels.
        visible: bool (H, W), pixels of the new frame that the finished one shows.
        fill: What stands elsewhere: a number or a tensor that broadcasts to the image, such as noise.
        mode: "nearest" keeps the picture as sharp as it was; "bilinear" is smoother in motion.

    Returns:
        float (3, H, W), without a gradient.
    """
    if image.ndim != 3 or visible.dtype != torch.bool or visible.shape != image.shape[-2:]:
        raise ValueError(
            f"visible must be bool (H, W) for an image (3, H, W), "
            f"got {visible.dtype} {tuple(visible.shape)} for {tuple(image.shape)}"
        )
    with torch.no_grad():
        return torch.where(visible, warp(image, flow, mode=mode), torch.as_tensor(fill).to(image))


def multi_pass(length: int, passes: int) -> Iterator[list[tuple[int, int | None]]]:
    """The order of several passes over a video, there and back in turns.

    Yields for every pass its (frame, neighbour it follows) in order; None for the first frame of a pass.
    """
    if length < 1 or passes < 0:
        raise ValueError(f"length must be 1 or more and passes 0 or more, got {length} and {passes}")
    for number in range(passes):
        order = list(range(length)) if number % 2 == 0 else list(reversed(range(length)))
        yield list(zip(order, [None, *order[:-1]], strict=True))
