"""A guard against colours that drift from frame to frame."""

from __future__ import annotations

import torch

__all__ = ["colour_drift", "hold_colours"]


def colour_drift(images: torch.Tensor, *, where: torch.Tensor | None = None) -> torch.Tensor:
    """Slope of the mean colour over time, by least squares.

    Args:
        images: float or uint8 (T, 3, H, W).
        where: bool (T, H, W) or (H, W), the pixels to look at, for example the background; None for all.

    Returns:
        float32 (3,): change per frame of red, green and blue, in the units of the images; 0 for a single frame.
        Frames without a pixel in `where` are left out.
    """
    colours, known = _mean_colours(images.detach(), where)
    colours = colours[known]
    times = torch.arange(len(images), dtype=torch.float64, device=images.device)[known]
    times = times - times.mean() if len(times) else times
    spread = times.square().sum().clamp(min=1e-9)
    return ((times[:, None] * colours).sum(dim=0) / spread).float()


def hold_colours(
    frames: torch.Tensor, reference: torch.Tensor, *, where: torch.Tensor | None = None, strength: float = 1.0
) -> torch.Tensor:
    """Shift every frame as a whole so that its mean colour is that of the reference.

    Args:
        frames: float (T, 3, H, W) in [0, 1].
        reference: float (3, H, W) in [0, 1], the picture whose colours are kept.
        where: bool (T, H, W) or (H, W): what is compared, in the frame and in the reference, for example the background
            that both show; None for all pixels. A frame without such a pixel stays as it is.
        strength: Share of the difference that is taken away, 0 to 1.

    Returns:
        float (T, 3, H, W) in [0, 1], without a gradient.
    """
    if reference.shape != frames.shape[1:]:
        raise ValueError(f"reference must have shape {tuple(frames.shape[1:])}, got {tuple(reference.shape)}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be 0 to 1, got {strength}")
    frames = frames.detach()
    ours, known = _mean_colours(frames, where)
    wanted, _ = _mean_colours(reference.detach().expand_as(frames), where)
    shift = torch.where(known[:, None], wanted - ours, 0) * strength
    return (frames + shift.to(frames)[:, :, None, None]).clamp(0, 1)


def _mean_colours(images: torch.Tensor, where: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """float64 (T, 3), and bool (T,): frames with a pixel to look at."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must have shape (T, 3, H, W), got {tuple(images.shape)}")
    plane = (len(images), *images.shape[-2:])
    if where is None:
        where = torch.ones((1, 1, 1), dtype=torch.bool, device=images.device)
    elif where.dtype != torch.bool or tuple(where.shape) not in (plane, plane[1:]):
        raise ValueError(f"where must be bool {plane} or {plane[1:]}, got {where.dtype} {tuple(where.shape)}")
    where = where.expand(plane)
    counts = where.sum(dim=(1, 2))
    sums = torch.stack([image.double()[:, pixels].sum(dim=1) for image, pixels in zip(images, where, strict=True)])
    return sums / counts.clamp(min=1)[:, None], counts > 0
