"""Optical flow between two frames: the protocol every estimator follows, and OpenCV's DIS, which needs no weights."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import cv2
import numpy as np
import torch

__all__ = ["DISFlow", "FlowEstimator", "Preset", "check_frames"]

Preset = Literal["ultrafast", "fast", "medium"]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
# DIS refuses images whose longer side is below 12 px and needs room for its 8 px patches.
_MIN_SIDE = 16


class FlowEstimator(Protocol):
    """Anything that finds where the pixels of one frame lie in another."""

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from `first` to `second`.

        Args:
            first: uint8 (N, 3, H, W), RGB.
            second: uint8 (N, 3, H, W), RGB.

        Returns:
            float32 (N, 2, H, W) in pixels, channel 0 = x, channel 1 = y: pixel p of `first` lies at p + flow(p) in
            `second`.
        """
        ...


def check_frames(first: torch.Tensor, second: torch.Tensor) -> None:
    """What every estimator may expect of its frames.

    Raises:
        TypeError: a frame is not uint8.
        ValueError: the shapes differ or are not (N, 3, H, W).
    """
    for name, frames in (("first", first), ("second", second)):
        if frames.dtype != torch.uint8:
            raise TypeError(f"{name} must be a torch.uint8 tensor, got {frames.dtype}")
        if frames.ndim != 4 or frames.shape[1] != 3 or 0 in frames.shape[2:]:
            raise ValueError(f"{name} must have shape (N, 3, H, W), got {tuple(frames.shape)}")
    if first.shape != second.shape:
        raise ValueError(f"first and second must have one shape, got {tuple(first.shape)}, {tuple(second.shape)}")


class DISFlow:
    """Dense Inverse Search (Kroeger et al., ECCV 2016), as OpenCV implements it, on the luma of the frames.

    Deterministic, and independent of the number of threads.

    Args:
        preset: medium is the most accurate and takes 5 to 10 times as long as ultrafast.
        scale: fraction (0, 1] of the frame's size at which flow is computed; 0.5 saves about three quarters of the
            time on 1080p. The result always has the frame's size.
    """

    def __init__(self, preset: Preset = "medium", *, scale: float = 1.0) -> None:
        if preset not in get_args(Preset):
            raise ValueError(f"preset must be one of {', '.join(get_args(Preset))}, got {preset!r}")
        if not 0 < scale <= 1:
            raise ValueError(f"scale must be above 0 and at most 1, got {scale}")
        self.preset: Preset = preset
        self.scale = scale

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from `first` to `second`, uint8 (N, 3, H, W) each, as float32 (N, 2, H, W) on the CPU.

        Raises:
            TypeError: a frame is not uint8.
            ValueError: the shapes differ or are not (N, 3, H, W).
        """
        check_frames(first, second)
        pairs = zip(_channels_last(first), _channels_last(second), strict=True)
        flows = [self._flow(_luma(a), _luma(b)) for a, b in pairs]
        empty = np.empty((0, *first.shape[2:], 2), np.float32)
        return torch.from_numpy(np.stack(flows) if flows else empty).permute(0, 3, 1, 2).contiguous()

    def _flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """float32 (H, W, 2) between two uint8 (H, W) images."""
        height, width = first.shape
        small = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        if small != (width, height):
            first, second = (cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in (first, second))
        # A fresh object each time: DIS keeps buffers, so one object must not serve two threads.
        solver = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        flow = solver.calc(_padded(first), _padded(second), None)  # pyright: ignore[reportCallIssue, reportArgumentType]
        flow = flow[: small[1], : small[0]]
        if small == (width, height):
            return flow
        stretch = np.array([width / small[0], height / small[1]], np.float32)
        return cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * stretch


def _channels_last(frames: torch.Tensor) -> np.ndarray:
    return frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def _padded(image: np.ndarray) -> np.ndarray:
    """Edge pixels repeated to the right and below until DIS accepts the image."""
    bottom, right = (max(0, _MIN_SIDE - side) for side in image.shape)
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE) if bottom or right else image
