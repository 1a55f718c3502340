"""Motion of the background inside holes, where only the thing to be removed can be seen moving.

Plain interpolation from the border of a hole fails where the background is plain: classical flow then carries the
motion of the foreground far beyond its mask. So the hole for flow is made larger than the hole for pixels, a motion
model of the whole background is fitted robustly, and only what the border deviates from that model is interpolated
into the hole. Border pixels that deviate strongly follow the foreground and are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from maskreel.common.masks import close, dilate, fill_holes
from maskreel.inpaint.flow.plane_motion import equations, normalised, velocity
from maskreel.inpaint.painting.harmonic import reduced_harmonic_fill

__all__ = ["BackgroundMotion", "complete_flow", "fit_background_motion", "flow_mask"]

_SAMPLES = 4000
_FIT_ROUNDS = 30
_START_SCALE_PX = 8.0
_END_SCALE_PX = 0.5
_MIN_SAMPLES = 24
# The background near the hole speaks for the hole: over this fraction of the longer side its weight falls to 1 / e.
_RING = 0.1


def flow_mask(mask: np.ndarray, *, dilation: float = 15, closing: float = 21) -> np.ndarray:
    """The region whose flow cannot be trusted around a hole.

    Args:
        mask: bool (H, W), the hole in the picture.
        dilation: radius in pixels by which the hole grows.
        closing: radius in pixels of the gaps and bays that are closed after that; enclosed islands are closed too.

    Returns:
        bool (H, W), True wherever `mask` is.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(f"mask must be bool (H, W), got {mask.dtype} {mask.shape}")
    if dilation < 0 or closing < 0:
        raise ValueError(f"dilation and closing must not be negative, got {dilation} and {closing}")
    if not mask.any():
        return mask.copy()
    grown = dilate(torch.from_numpy(mask)[None], dilation)
    return fill_holes(close(grown, closing))[0].numpy()


@dataclass(frozen=True)
class BackgroundMotion:
    """The background moves as a plane does."""

    parameters: np.ndarray
    """float64 (8,), pixels; see `maskreel.inpaint.flow.plane_motion`."""
    scale_px: float
    """Typical deviation of the background from this motion, in pixels."""

    def field(self, size: tuple[int, int]) -> np.ndarray:
        """Flow float32 (H, W, 2) of a whole image of (height, width) `size`."""
        height, width = size
        x, y = normalised(np.arange(width), np.arange(height), size)
        return np.stack(velocity(self.parameters, x[None, :], y[:, None]), -1).astype(np.float32)


def fit_background_motion(flow: np.ndarray, hole: np.ndarray) -> BackgroundMotion:
    """Fit the motion of the background behind a hole by iteratively reweighted least squares (Geman-McClure).

    Samples lie on a grid over the frame; those near the hole weigh more, as the hole's background is probably like
    them. Fewer than 24 known samples give their mean, the same everywhere; none give zero.

    Args:
        flow: float32 (H, W, 2), pixels.
        hole: bool (H, W), True where flow is unknown.
    """
    points, vectors, weights = _samples(flow, hole)
    if len(points) < _MIN_SAMPLES:
        mean = np.average(vectors, 0, weights) if len(points) else np.zeros(2)
        return BackgroundMotion(np.array([mean[0], 0, 0, mean[1], 0, 0, 0, 0], np.float64), 0.0)
    design = _design(points, (flow.shape[0], flow.shape[1]))
    target = np.concatenate([vectors[:, 0], vectors[:, 1]]).astype(np.float64)
    start = np.median(vectors, 0)
    parameters = np.array([start[0], 0, 0, start[1], 0, 0, 0, 0], np.float64)
    length = np.zeros(len(points))
    for scale in np.geomspace(_START_SCALE_PX, _END_SCALE_PX, _FIT_ROUNDS):
        error = (target - design @ parameters).reshape(2, -1)
        length = np.hypot(error[0], error[1])
        sigma = max(scale, 1.5 * float(np.median(length)) if scale > 2 else scale)
        robust = weights * (sigma**2 / (sigma**2 + length**2)) ** 2
        parameters = _weighted_solution(design, target, np.tile(robust, 2), parameters)
    error = (target - design @ parameters).reshape(2, -1)
    return BackgroundMotion(parameters, float(np.median(np.hypot(error[0], error[1]))))


def complete_flow(
    flow: np.ndarray, hole: np.ndarray, *, reject_px: float = 1.0, fade_px: float = 60.0, reduction: int = 4
) -> np.ndarray:
    """Replace the flow in a hole by that of the background behind it.

    Args:
        flow: float32 (H, W, 2), pixels.
        hole: bool (H, W), True where to replace; see `flow_mask`.
        reject_px: pixels around the hole whose flow is further from the background's motion than this (or than four
            times its usual deviation) are taken for foreground and not interpolated.
        fade_px: depth in the hole over which the interpolated deviation falls to 1 / e; further in, the motion of the
            whole background is the better guess.
        reduction: the deviation is interpolated at 1 / reduction of the size.

    Returns:
        float32 (H, W, 2), equal to `flow` outside the hole.
    """
    _check(flow, hole)
    if reject_px <= 0 or fade_px <= 0 or reduction < 1:
        raise ValueError(f"reject_px, fade_px and reduction must be positive, got {reject_px}, {fade_px}, {reduction}")
    if not hole.any():
        return flow.copy()
    motion = fit_background_motion(flow, hole)
    model = motion.field((flow.shape[0], flow.shape[1]))
    deviation = flow - model
    limit = max(reject_px, 4 * motion.scale_px)
    unknown = hole | (np.hypot(deviation[..., 0], deviation[..., 1]) > limit)
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3)
    smooth = reduced_harmonic_fill(deviation, unknown, reduction=reduction, least_known=0.5)
    correction = smooth * np.exp(-depth / fade_px)[..., None]
    return np.where(hole[..., None], model + correction, flow)


def _samples(flow: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known points (N, 2), their flow (N, 2) and weights (N,): 1 at the hole, less with distance, never zero."""
    height, width = hole.shape
    step = max(1, round(np.sqrt(height * width / _SAMPLES)))
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step].reshape(2, -1)
    known = ~hole[y, x]
    y, x = y[known], x[known]
    reach = _RING * max(height, width)
    distance = np.zeros(len(y), np.float32)
    if hole.any():
        distance = cv2.distanceTransform((~hole).view(np.uint8), cv2.DIST_L2, 3)[y, x]
    weights = 0.05 + 0.95 * np.exp(-distance / reach)
    return np.stack([x, y], -1).astype(np.float64), flow[y, x].astype(np.float64), weights.astype(np.float64)


def _design(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(2 N, 8): what gives u, and after all of these v, of points (N, 2) from the parameters."""
    x, y = normalised(points[:, 0], points[:, 1], size)
    return np.concatenate([np.stack(columns, -1) for columns in equations(x, y, np.ones_like(x))])


def _weighted_solution(design: np.ndarray, target: np.ndarray, weights: np.ndarray, previous: np.ndarray) -> np.ndarray:
    # A touch of ridge towards the previous round keeps parameters that the samples do not show at rest.
    normal = design.T @ (design * weights[:, None])
    ridge = 1e-6 * np.trace(normal) / 8 * np.eye(8)
    return np.linalg.solve(normal + ridge, design.T @ (weights * target) + ridge @ previous)


def _check(flow: np.ndarray, hole: np.ndarray) -> None:
    if flow.dtype != np.float32 or flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"flow must be float32 (H, W, 2), got {flow.dtype} {flow.shape}")
    if hole.dtype != np.bool_ or hole.shape != flow.shape[:2]:
        raise ValueError(f"hole must be bool {flow.shape[:2]}, got {hole.dtype} {hole.shape}")
