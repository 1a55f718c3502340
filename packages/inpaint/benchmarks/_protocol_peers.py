"""What maskreel is compared with in the field's protocol. Frames uint8 (T, H, W, 3), holes bool (T, H, W)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch

from maskreel.common.masks import close, dilate, fill_holes
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.flow.propagation import Hole, LinkedHoles, Links, Pointers, fetch, link
from maskreel.inpaint.painting.harmonic import harmonic_fill

__all__ = ["FlowGuided", "telea_each_frame", "temporal_median"]


def telea_each_frame(frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Every frame from itself alone (Telea 2004)."""
    return np.stack([_telea(frame, hole) for frame, hole in zip(frames, holes, strict=True)])


def temporal_median(frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The median over time of the same pixel where it is not masked; what is never seen by Telea."""
    ordered = np.sort(np.where(holes[..., None], np.int16(256), frames), axis=0)
    middle = np.maximum((~holes).sum(axis=0) - 1, 0) // 2
    plate = np.take_along_axis(ordered, middle[None, ..., None], axis=0)[0].clip(max=255).astype(np.uint8)
    plate = _telea(plate, np.logical_and.reduce(holes, axis=0))
    return np.where(holes[..., None], plate, frames)


class FlowGuided:
    """Flow-guided completion as FGVC does it (Gao et al., ECCV 2020), with parts that need no weights.

    As published: flow is not trusted in the mask dilated by 15 and closed by 21; it is completed smoothly; each hole
    pixel follows it both ways to the first known pixel, with no limit on the disagreement of both directions; the two
    colours are averaged with weights exp(-error / 0.1); what is not reached is painted in the frame with the largest
    rest, and carried on from there, again and again.
    Not as published: DIS for RAFT, Laplace's equation for the edge-guided one, Telea for DeepFill, no gradient domain,
    and no jumps to the first, middle and last frame.
    """

    dilation, closing, alpha = 15, 21, 0.1

    def __call__(self, frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
        """Fill all holes."""
        frames, usable = frames.copy(), ~holes
        past, future = self._links(frames, holes)
        for _ in range(len(frames) + 1):
            rest = self._carry(frames, usable, (past, future))
            if not rest.any():
                break
            key = int(rest.sum(axis=(1, 2)).argmax())
            frames[key] = _telea(frames[key], rest[key])
            usable[key] = True
        return frames

    def _carry(self, frames: np.ndarray, usable: np.ndarray, ways: tuple[LinkedHoles, LinkedHoles]) -> np.ndarray:
        """Colour, in place, what can be reached from usable pixels; bool (T, H, W) of what cannot."""
        holes = [Hole.of(~known) for known in usable]
        rest = ~usable
        start = [Pointers.unreached(len(hole.pixels)) for hole in holes]
        found = [_restricted(way, holes).propagate(start, usable, None) for way in ways]
        coloured = usable.copy()
        for t, hole in enumerate(holes):
            total, weights = np.zeros((len(hole.pixels), 3)), np.zeros((len(hole.pixels), 1))
            for pointers in (way[t] for way in found):
                rows = np.flatnonzero(pointers.reached)
                # Never quite zero: a bad guess is better than none, as no limit is set on the error.
                weight = np.exp(-pointers.error[rows] / self.alpha)[:, None] + 1e-12
                total[rows] += weight * fetch(pointers.take(rows), frames, usable)
                weights[rows] += weight
            rows = np.flatnonzero(weights[:, 0] > 0)
            frames[t].reshape(-1, 3)[hole.pixels[rows]] = np.rint(total[rows] / weights[rows])
            coloured[t].reshape(-1)[hole.pixels[rows]] = True
        rest &= ~coloured
        usable |= coloured
        return rest

    def _links(self, frames: np.ndarray, holes: np.ndarray) -> tuple[LinkedHoles, LinkedHoles]:
        """The ways into the past and into the future, each with the other one blocked."""
        masks = [Hole.of(hole) for hole in holes]
        blocked = [Links(np.zeros((len(m.pixels), 2), np.float32), np.full(len(m.pixels), np.inf)) for m in masks]
        to_previous, to_next = list(blocked), list(blocked)
        region = fill_holes(close(dilate(torch.from_numpy(holes), self.dilation), self.closing)).numpy()
        tensor = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
        for t in range(1, len(frames)):
            pair = tensor[t - 1 : t + 1]
            forward, backward = DISFlow()(pair, pair.flip(0)).permute(0, 2, 3, 1).contiguous().numpy()
            forward, backward = harmonic_fill(forward, region[t - 1]), harmonic_fill(backward, region[t])
            to_previous[t] = link(masks[t], backward, forward, threshold_px=np.inf)
            to_next[t - 1] = link(masks[t - 1], forward, backward, threshold_px=np.inf)
        return LinkedHoles(masks, to_previous, blocked), LinkedHoles(masks, blocked, to_next)


def _restricted(linked: LinkedHoles, holes: list[Hole]) -> LinkedHoles:
    """The same links for the parts of the holes that are left."""
    rows = [before.rows()[after.pixels] for before, after in zip(linked.holes, holes, strict=True)]

    def kept(links: list[Links] | tuple[Links, ...]) -> list[Links]:
        return [replace(one, position=one.position[r], error=one.error[r]) for one, r in zip(links, rows, strict=True)]

    return LinkedHoles(holes, kept(list(linked.to_previous)), kept(list(linked.to_next)))


def _telea(frame: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return cv2.inpaint(frame, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)
