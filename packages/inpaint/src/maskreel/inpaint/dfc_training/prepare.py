"""From a clip to what the completion network sees and should say, ready to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inpaint.dfc_training.holes import HoleKind, random_holes
from maskreel.inpaint.dfc_training.material import as_tensor
from maskreel.inpaint.flow.completion import complete_flow, flow_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inpaint.dfc_training.material import Material
    from maskreel.inpaint.flow.estimation import FlowEstimator

    Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]

__all__ = ["CHANNELS", "prepared"]

CHANNELS = 9
"""Of a prepared clip: input forward (2), input backward (2), truth forward (2), truth backward (2), hole."""

_KINDS: dict[HoleKind, float] = {"middle": 0.15, "box": 0.25, "shapes": 0.6}
_SMALLEST_GROWTH, _LARGEST_GROWTH = 1.0, 15.0  # pixels at the published 240 rows


def prepared(
    material: Material,
    rng: np.random.Generator,
    *,
    estimator: FlowEstimator,
    fill: Fill = complete_flow,
    reduction: int = 1,
) -> np.ndarray:
    """Input, truth and holes of the T - 1 pairs of frames of a clip.

    Args:
        material: The clip.
        rng: Draws the holes and how far flow masks reach beyond them.
        estimator: Gives the flow outside the holes.
        fill: Fills the holes of one flow, (H, W, 2) and (H, W), as completion does before the network.
        reduction: Flows are averaged over squares of so many pixels, and are then in units of their side.

    Returns:
        float16 (T - 1, 9, H / reduction, W / reduction), see `CHANNELS`. Pair t holds the flow from frame t to t + 1
        and the one back.
    """
    frames, size = len(material.frames), material.frames.shape[1:3]
    tensors = as_tensor(material.frames)
    found = [
        estimator(a, b).permute(0, 2, 3, 1).cpu().numpy()
        for a, b in ((tensors[:-1], tensors[1:]), (tensors[1:], tensors[:-1]))
    ]
    truth = [
        flow if true is None else true for flow, true in zip(found, (material.forward, material.backward), strict=True)
    ]
    masks = material.subject
    if masks is None:
        kind = rng.choice(list(_KINDS), p=list(_KINDS.values()))
        masks = random_holes(kind, frames, (size[0], size[1]), rng)
    regions = _regions(masks, rng, leaks=material.subject is not None)
    pairs = []
    for t, region in enumerate(regions):
        start = [fill(np.ascontiguousarray(flow[t]), region) for flow in found]
        planes = [*start, *(flow[t] for flow in truth), region[..., None].astype(np.float32)]
        pairs.append(_reduced(np.concatenate(planes, -1), reduction))
    return np.stack(pairs).astype(np.float16)


def _regions(masks: np.ndarray, rng: np.random.Generator, *, leaks: bool) -> np.ndarray:
    """bool (T - 1, H, W): flow masks of pairs; the flow of what is really removed leaks, so that they reach further."""
    scale = masks.shape[1] / 240
    reach = rng.uniform(8 if leaks else _SMALLEST_GROWTH, _LARGEST_GROWTH) * scale
    grown = np.stack([flow_mask(mask, dilation=reach, closing=1.4 * reach) for mask in masks])
    return grown[:-1] | grown[1:]


def _reduced(planes: np.ndarray, reduction: int) -> np.ndarray:
    """float32 (9, h, w) of (H, W, 9): means, with flows in the new pixels; any hole in a square makes it one."""
    if reduction > 1:
        height, width = (side // reduction for side in planes.shape[:2])
        planes = cv2.resize(
            planes[: height * reduction, : width * reduction], (width, height), interpolation=cv2.INTER_AREA
        )
        planes[..., :8] /= reduction
        planes[..., 8] = planes[..., 8] > 0
    return planes.transpose(2, 0, 1)
