"""`mask_flow`: the motion of objects as their masks tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch

from maskreel.inversion.video._labels import label_map
from maskreel.inversion.video._motion import ObjectMotion, bent
from maskreel.inversion.video._outline import outlines
from maskreel.inversion.video._register import invert, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.video._outline import Outline

__all__ = ["Kind", "dense_flow", "mask_flow", "motions"]

Kind = Literal["affine", "free"]


def mask_flow(
    before: torch.Tensor,
    after: torch.Tensor,
    *,
    kind: Kind = "affine",
    camera: torch.Tensor | None = None,
    margin: int = 0,
) -> torch.Tensor:
    """The flow that the masks of two frames tell, without looking at any picture.

    Contours are registered: by an affine motion for each object, or that and a smooth bend that makes the contours
    meet. Contours where the picture's edge or another object cuts an object off are not trusted. What masks cannot
    tell, such as the spin of a disk, is taken to be zero.

    Args:
        before: bool (N, H, W); where masks overlap, the later one lies on top.
        after: bool (N, H, W), the same objects; one whose mask is empty in either frame does not move.
        kind: "affine", or "free" for the bend on top.
        camera: float (2, H, W), the flow of the background; None: it stands still.
        margin: pixels around the objects that move along with the nearest one.

    Returns:
        float32 (2, H, W), pixels, on the device of `before`: pixel p of `before` is at p + flow(p) in `after`.

    Raises:
        TypeError: The masks are not bool.
        ValueError: Shapes do not fit, `kind` is unknown, or `margin` is below 0.
    """
    _check(before, after, kind, camera, margin)
    here, there = label_map(before), label_map(after)
    count = len(before)
    pairs = motions(outlines(here, count), outlines(there, count), kind)
    flow = dense_flow(here, [forward for forward, _ in pairs], margin=margin)
    result = torch.from_numpy(flow).to(before.device)
    if camera is not None:
        still = torch.from_numpy(_grown(here, margin) == 0).to(before.device)
        result = torch.where(still, camera.to(result), result)
    return result


def motions(
    before: Sequence[Outline | None], after: Sequence[Outline | None], kind: Kind
) -> list[tuple[ObjectMotion | None, ObjectMotion | None]]:
    """Of every object the motion to the other frame and the motion back; None for one that is not in both."""
    return [
        (None, None) if one is None or other is None else _both_ways(one, other, kind)
        for one, other in zip(before, after, strict=True)
    ]


def dense_flow(labels: np.ndarray, moving: Sequence[ObjectMotion | None], *, margin: int = 0) -> np.ndarray:
    """float32 (2, H, W): the motion of each pixel's object, zero where there is none."""
    flow = np.zeros((2, *labels.shape), np.float32)
    labels = _grown(labels, margin)
    for number, motion in enumerate(moving, start=1):
        if motion is None:
            continue
        rows, columns = np.nonzero(labels == number)
        points = np.column_stack((columns, rows)).astype(np.float32)
        flow[:, rows, columns] = (motion(points) - points).T
    return flow


def _both_ways(before: Outline, after: Outline, kind: Kind) -> tuple[ObjectMotion, ObjectMotion]:
    matrix = register(before, after)
    if kind == "affine":
        return ObjectMotion(matrix), ObjectMotion(invert(matrix))
    return bent(matrix, before, after), bent(invert(matrix), after, before)


def _grown(labels: np.ndarray, margin: int) -> np.ndarray:
    """Give the background within `margin` pixels to the nearest object."""
    if margin == 0 or not (labels > 0).any():
        return labels
    distance, nearest = cv2.distanceTransformWithLabels(
        (labels <= 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.asarray(nearest, np.int32)
    sources = np.zeros(int(nearest.max()) + 1, labels.dtype)
    sources[nearest[labels > 0]] = labels[labels > 0]
    return np.where((labels == 0) & (distance <= margin), sources[nearest], labels)


def _check(before: torch.Tensor, after: torch.Tensor, kind: str, camera: torch.Tensor | None, margin: int) -> None:
    for name, masks in (("before", before), ("after", after)):
        if masks.dtype != torch.bool:
            raise TypeError(f"{name} must be bool, got {masks.dtype}")
    if before.ndim != 3 or before.shape != after.shape:
        raise ValueError(
            f"before and after must both have shape (N, H, W), got {tuple(before.shape)} and {tuple(after.shape)}"
        )
    check_kind(kind)
    if camera is not None and camera.shape != (2, *before.shape[1:]):
        raise ValueError(f"camera must have shape {(2, *before.shape[1:])}, got {tuple(camera.shape)}")
    if margin < 0:
        raise ValueError(f"margin must be 0 or more pixels, got {margin}")


def check_kind(kind: str) -> None:
    """Raise unless the kind of flow is known."""
    if kind not in ("affine", "free"):
        raise ValueError(f"kind must be 'affine' or 'free', got {kind!r}")
