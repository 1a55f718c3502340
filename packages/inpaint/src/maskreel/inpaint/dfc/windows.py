"""What DFC-Net sees of a video: windows of 11 flows and their masks, stacked as channels.

A clip of P + 1 frames has P pairs of consecutive frames. Here, forward flow p leads from frame p to p + 1 and backward
flow p from frame p + 1 to p. The published code counts by frames: at frame t stand the forward flow of pair t and the
backward flow of pair t - 1. Windows that reach over an end repeat the last flow there. (The published code makes up a
backward flow of zeros for the first frame; here none is made up.)
"""

from __future__ import annotations

import torch

__all__ = ["RADIUS", "composite", "limited", "refine_input", "reverses", "stage1_input", "window"]

RADIUS = 5
"""Flows on either side of the one to be completed."""


def window(centre: int, count: int) -> list[int]:
    """The 11 indices around `centre`, those outside 0..count - 1 replaced by the nearest inside."""
    return [min(max(i, 0), count - 1) for i in range(centre - RADIUS, centre + RADIUS + 1)]


def reverses(stage: object) -> bool:
    """Whether a first stage wants windows of backward flows in reversed order, so that all flows lead onwards in time.

    The published stages do not; a stage that does has a true attribute `time_ordered`.
    """
    return bool(getattr(stage, "time_ordered", False))


def stage1_input(flows: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Flows (N, 11, 2, H, W) of one direction and masks (N, 11, 1, H, W) -> (N, 33, H, W): u, v, mask, u, v, ..."""
    return torch.cat([flows, masks.to(flows.dtype)], dim=2).flatten(1, 2)


def refine_input(
    forward: torch.Tensor, forward_masks: torch.Tensor, backward: torch.Tensor, backward_masks: torch.Tensor
) -> torch.Tensor:
    """Windows of both directions, shaped as for `stage1_input` -> (N, 66, H, W): 33 forward, then 33 backward.

    At frame t the forward windows are those around pair t, the backward windows those around pair t - 1.
    """
    return torch.cat([stage1_input(forward, forward_masks), stage1_input(backward, backward_masks)], dim=1)


def composite(network: torch.Tensor, flow: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What the network says (..., 2, H, W) where `mask` (..., 1, H, W) is set, `flow` bit for bit elsewhere."""
    return torch.where(mask > 0, limited(network).to(flow.dtype), flow)


def limited(flows: torch.Tensor) -> torch.Tensor:
    """Flow (..., 2, H, W) that leads no further than the image is wide and high."""
    height, width = flows.shape[-2:]
    limit = flows.new_tensor([width, height])[:, None, None]
    return torch.minimum(torch.maximum(flows, -limit), limit)
