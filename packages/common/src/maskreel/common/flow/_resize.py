"""A flow at another resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from maskreel.common.flow._checks import check_flow, check_size

if TYPE_CHECKING:
    import torch


def resize_flow(flow: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize the field bilinearly and scale its vectors, so that they are pixels of the new resolution.

    The image areas coincide (pixel corners, not centres, are aligned), as when an image is resized.

    Args:
        flow: float (..., 2, H, W), pixels.
        size: (height, width) of the result.

    Returns:
        float (..., 2, height, width), the dtype and device of `flow`.
    """
    check_flow(flow)
    check_size(size)
    height, width = flow.shape[-2:]
    if (height, width) == tuple(size):
        return flow.clone()
    field = F.interpolate(flow.reshape(-1, 2, height, width), size=tuple(size), mode="bilinear", align_corners=False)
    field = field * field.new_tensor([size[1] / width, size[0] / height])[:, None, None]
    return field.reshape(*flow.shape[:-2], *size)
