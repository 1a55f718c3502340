"""The `flow` mode: fill holes with what other frames show, found along optical flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.inpaint.flow_completion import complete_flow, flow_mask
from maskreel.inpaint.flow_estimation import DISFlow, FlowEstimator
from maskreel.inpaint.hole_fill import FillMethod, fill_image
from maskreel.inpaint.propagation import Hole, LinkedHoles, Links, Pointers, Sampling, fetch, link

__all__ = ["FlowFill", "FlowFillConfig", "fill_by_flow"]


@dataclass(frozen=True)
class FlowFillConfig:
    threshold_px: float = 3.0
    flow_dilation: float = 15.0
    closing: float = 21.0
    iterations: int = 10
    fill: FillMethod = "telea"
    sampling: Sampling = "bilinear"


@dataclass(frozen=True)
class FlowFill:
    frames: np.ndarray
    source: np.ndarray
    confidence: np.ndarray


def fill_by_flow(frames, masks, config=FlowFillConfig(), *, estimator=None, synthesised=None, complete=complete_flow):
    estimator = estimator or DISFlow()
    linked = _linked(frames, masks, config, estimator, complete)
    usable = ~masks
    T, H, W, _ = frames.shape
    out = frames.copy()
    pointers = [Pointers.unreached(len(h.pixels)) for h in linked.holes]
    done = [np.zeros(len(h.pixels), bool) for h in linked.holes]
    for it in range(config.iterations + 1):
        pointers = linked.propagate(pointers, usable, synthesised)
        for t, (h, p) in enumerate(zip(linked.holes, pointers)):
            rows = np.flatnonzero(p.reached & ~done[t])
            out[t].reshape(-1, 3)[h.pixels[rows]] = fetch(p.take(rows), out, usable, config.sampling)
            done[t][rows] = True
        left = [int((~d).sum()) for d in done]
        fill_by_flow.log.append(left)
        if not any(left) or it == config.iterations:
            break
        for t in _keys(left):
            rem = np.zeros(H * W, bool)
            rows = np.flatnonzero(~done[t])
            rem[linked.holes[t].pixels[rows]] = True
            out[t] = fill_image(out[t], rem.reshape(H, W), config.fill)
            usable[t] = True
            own = Pointers(np.full(len(rows), t, np.int32), linked.holes[t].points[rows], np.zeros(len(rows), np.float32), np.ones(len(rows), bool))
            pointers[t] = pointers[t].replaced(rows, own)
            done[t][rows] = True
    for t, d in enumerate(done):
        if not d.all():
            rem = np.zeros(H * W, bool)
            rem[linked.holes[t].pixels[~d]] = True
            out[t] = fill_image(out[t], rem.reshape(H, W), config.fill)
    return out, pointers, linked, done


fill_by_flow.log = []


def _keys(left):
    keys, run = [], []
    for t, n in enumerate([*left, 0]):
        if n:
            run.append(t)
        elif run:
            keys.append(max(run, key=lambda i: left[i]))
            run = []
    return keys


def _linked(frames, masks, config, estimator, complete):
    T = len(frames)
    holes = [Hole.of(m) for m in masks]
    fm = [flow_mask(m, dilation=config.flow_dilation, closing=config.closing) for m in masks]
    none = Links(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    prev, nxt = [none] * T, [none] * T
    th = torch.from_numpy(frames).permute(0, 3, 1, 2)
    for t in range(1, T):
        both = fm[t - 1] | fm[t]
        f = estimator(th[t - 1 : t], th[t : t + 1])[0].permute(1, 2, 0).numpy().copy()
        b = estimator(th[t : t + 1], th[t - 1 : t])[0].permute(1, 2, 0).numpy().copy()
        f, b = complete(f, both), complete(b, both)
        prev[t] = link(holes[t], b, f, threshold_px=config.threshold_px)
        nxt[t - 1] = link(holes[t - 1], f, b, threshold_px=config.threshold_px)
    return LinkedHoles(holes, prev, nxt)
