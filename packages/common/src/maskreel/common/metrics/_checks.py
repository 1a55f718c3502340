"""Guards and conversions shared by the metrics."""

from __future__ import annotations

import torch


def wide_dtype(device: torch.device) -> torch.dtype:
    """The most precise float of a device: MPS has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def check_same_shape(a: torch.Tensor, b: torch.Tensor, names: tuple[str, str]) -> None:
    """Raise unless two inputs have one shape."""
    if a.shape != b.shape:
        raise ValueError(f"{names[0]} and {names[1]} must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}")


def check_masks(a: torch.Tensor, b: torch.Tensor, ignore: torch.Tensor | None, names: tuple[str, str]) -> None:
    """Raise unless two masks are bool (..., H, W) of one shape and `ignore`, if given, broadcasts to it."""
    check_same_shape(a, b, names)
    if a.ndim < 2 or 0 in a.shape[-2:]:
        raise ValueError(f"{names[0]} must have shape (..., H, W), got {tuple(a.shape)}")
    for name, mask in zip(names, (a, b), strict=True):
        _check_bool(mask, name)
    if ignore is not None:
        check_pixel_mask(ignore, a.shape, "ignore")


def check_pixel_mask(mask: torch.Tensor, shape: torch.Size, name: str) -> None:
    """Raise unless `mask` is bool and broadcasts to `shape`, its last two sizes being exactly those of `shape`."""
    _check_bool(mask, name)
    fits = mask.ndim >= 2 and mask.shape[-2:] == shape[-2:] and mask.ndim <= len(shape)
    if not fits or any(m not in (1, s) for m, s in zip(mask.shape[::-1], shape[::-1], strict=False)):
        raise ValueError(f"{name} must broadcast to {tuple(shape)}, got shape {tuple(mask.shape)}")


def check_images(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None) -> None:
    """Raise unless two images are (..., 3, H, W) of one shape and dtype and `mask`, if given, fits them."""
    check_same_shape(a, b, ("a", "b"))
    check_frames(a, "a")
    if a.dtype != b.dtype:
        raise TypeError(f"a and b must have one dtype, got {a.dtype} and {b.dtype}")
    if mask is not None:
        check_pixel_mask(mask, a.shape[:-3] + a.shape[-2:], "mask")


def check_frames(frames: torch.Tensor, name: str) -> None:
    """Raise unless `frames` is (..., 3, H, W) with at least one image, uint8 or float."""
    if frames.ndim < 3 or frames.shape[-3] != 3 or frames.numel() == 0:
        raise ValueError(f"{name} must have shape (..., 3, H, W) and no size 0, got {tuple(frames.shape)}")
    if frames.dtype != torch.uint8 and not frames.is_floating_point():
        raise TypeError(f"{name} must be uint8 (0 to 255) or float (0 to 1), got {frames.dtype}")


def unit_range(frames: torch.Tensor) -> torch.Tensor:
    """Frames as float in [0, 1]: uint8 is divided by 255, float32 and float64 pass, smaller floats widen."""
    if frames.dtype == torch.uint8:
        return frames.float() / 255
    return frames if frames.dtype == torch.float64 else frames.float()


def _check_bool(mask: torch.Tensor, name: str) -> None:
    if mask.dtype != torch.bool:
        raise TypeError(f"{name} must be a torch.bool mask, got {mask.dtype}")
