"""The `flow` mode: fill holes with what other frames show, found along optical flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch

from maskreel.inpaint.exposure import pair_gain, settled
from maskreel.inpaint.flow_completion import complete_flow, flow_mask
from maskreel.inpaint.flow_estimation import DISFlow
from maskreel.inpaint.hole_fill import FillMethod, fill_image
from maskreel.inpaint.propagation import Hole, LinkedHoles, Links, Pointers, Sampling, fetch, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.inpaint.flow_estimation import FlowEstimator

__all__ = ["KNOWN", "SYNTHESISED", "FlowFill", "FlowFillConfig", "fill_by_flow"]

KNOWN = -1
"""In `FlowFill.source`: the pixel was not in a hole."""
SYNTHESISED = -2
"""In `FlowFill.source`: no frame shows the pixel; it was painted."""

_REFERENCE_HEIGHT = 360
# Copies from this many frames away are half as trustworthy as from the next one.
_HALF_LIFE_FRAMES = 30.0


@dataclass(frozen=True)
class FlowFillConfig:
    """Settings of `fill_by_flow`."""

    threshold_px: float = 3.0
    """Pixels by which going along the flow and back may miss the start. Larger values reach more and hide errors."""
    flow_dilation: float = 15.0
    """Pixels by which the region of untrusted flow exceeds the mask in a frame of 360 lines; scales with the height."""
    closing: float = 21.0
    """Radius in pixels of the gaps in that region that are closed in a frame of 360 lines; scales with the height."""
    iterations: int = 10
    """How often, at most, key frames are painted and propagated. What is left then is painted frame by frame."""
    fill: FillMethod = "telea"
    """How pixels that no frame shows are painted."""
    sampling: Sampling = "bilinear"
    """bilinear: colours at sub-pixel positions. nearest: the exact value of a source pixel."""
    match_exposure: bool = True
    """Scale copied colours by the change of brightness between their frame and this one."""

    def __post_init__(self) -> None:
        if not self.threshold_px > 0:
            raise ValueError(f"threshold_px must be positive, got {self.threshold_px}")
        for name in ("flow_dilation", "closing", "iterations"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name, choices in (("fill", get_args(FillMethod)), ("sampling", get_args(Sampling))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")


@dataclass(frozen=True, repr=False)
class FlowFill:
    """Filled frames and where their pixels came from."""

    frames: np.ndarray
    """uint8 (T, H, W, 3), RGB; bit-identical to the input outside the masks."""
    source: np.ndarray
    """int32 (T, H, W): the frame each hole pixel was copied from, -1 (KNOWN) outside holes, -2 (SYNTHESISED) where no
    frame shows it."""
    confidence: np.ndarray
    """float32 (T, H, W) in [0, 1]: 1 outside holes, 0 where synthesised; falls with the forward-backward error and
    with the distance in time."""

    @property
    def synthesised(self) -> np.ndarray:
        """bool (T, H, W): painted pixels; pass the part that overlaps the next window on to it."""
        return self.source == SYNTHESISED

    def __repr__(self) -> str:
        return f"FlowFill({len(self.frames)} frames of {self.frames.shape[1]}x{self.frames.shape[2]})"


def fill_by_flow(
    frames: np.ndarray,
    masks: np.ndarray,
    config: FlowFillConfig | None = None,
    *,
    estimator: FlowEstimator | None = None,
    synthesised: np.ndarray | None = None,
) -> FlowFill:
    """Fill the holes of consecutive frames.

    To stream a long video, let windows overlap: hand over the frames that are filled already as they are, with masks
    that are False there, and `synthesised` True where they were painted. They then serve as sources, and what was
    painted once is carried on instead of being painted anew.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        masks: bool (T, H, W), True where to fill.
        config: settings; None: the defaults.
        estimator: optical flow; None: `DISFlow()`.
        synthesised: bool (T, H, W), True at pixels outside the masks that an earlier call painted; None: nowhere.

    Raises:
        ValueError: wrong shapes or dtypes, or holes that cover everything in all frames.
    """
    _check(frames, masks, synthesised)
    config = config or FlowFillConfig()
    if not masks.any():
        source = _sources(masks, synthesised)
        return FlowFill(frames.copy(), source, (source == KNOWN).astype(np.float32))
    if masks.all():
        raise ValueError("masks cover every pixel of every frame, so there is nothing to fill from")
    linked, gains = _link_frames(frames, masks, config, estimator or DISFlow())
    filling = _Filling(frames, masks, linked, gains, config, synthesised)
    filling.run()
    return filling.result()


class _Filling:
    """The state while the holes of a window are filled."""

    def __init__(
        self,
        frames: np.ndarray,
        masks: np.ndarray,
        linked: LinkedHoles,
        gains: np.ndarray,
        config: FlowFillConfig,
        painted: np.ndarray | None,
    ) -> None:
        self.frames = frames.copy()
        self.masks = masks
        self.linked = linked
        self.gains = gains
        self.config = config
        self.painted = painted
        self.usable = ~masks
        self.pointers = [Pointers.unreached(len(hole.pixels)) for hole in linked.holes]
        self.coloured = [np.zeros(len(hole.pixels), np.bool_) for hole in linked.holes]

    def run(self) -> None:
        """Propagate, paint key frames, propagate what was painted, and so on."""
        self._propagate()
        for _ in range(self.config.iterations):
            keys = list(_key_frames([int(np.count_nonzero(~done)) for done in self.coloured]))
            if not keys:
                return
            for t in keys:
                self._paint(t)
            self._propagate()
        for t, done in enumerate(self.coloured):
            if not done.all():
                self._paint(t)

    def result(self) -> FlowFill:
        source = _sources(self.masks, self.painted)
        confidence = np.ones(self.masks.shape, np.float32)
        for t, (hole, found) in enumerate(zip(self.linked.holes, self.pointers, strict=True)):
            source[t].reshape(-1)[hole.pixels] = np.where(found.synthesised, SYNTHESISED, found.frame)
            agreement = 1 / (1 + found.error / self.config.threshold_px)
            closeness = 1 / (1 + np.maximum(np.abs(found.frame - t) - 1, 0) / _HALF_LIFE_FRAMES)
            confidence[t].reshape(-1)[hole.pixels] = agreement * closeness
        confidence[source == SYNTHESISED] = 0
        return FlowFill(self.frames, source, confidence)

    def _propagate(self) -> None:
        self.pointers = self.linked.propagate(self.pointers, self.usable, self.painted)
        for t, (hole, found) in enumerate(zip(self.linked.holes, self.pointers, strict=True)):
            rows = np.flatnonzero(found.reached & ~self.coloured[t])
            if len(rows):
                self._colour(t, hole.pixels[rows], found.take(rows))
                self.coloured[t][rows] = True

    def _colour(self, t: int, pixels: np.ndarray, pointers: Pointers) -> None:
        colours = fetch(pointers, self.frames, self.usable, self.config.sampling)
        if self.config.match_exposure:
            gain = settled(self.gains[t] / self.gains)[pointers.frame]
            colours = np.clip(np.rint(colours * gain), 0, 255).astype(np.uint8)
        self.frames[t].reshape(-1, 3)[pixels] = colours

    def _paint(self, t: int) -> None:
        """Fill the rest of frame `t` from its surroundings; its pixels become sources of their own."""
        hole = self.linked.holes[t]
        rows = np.flatnonzero(~self.coloured[t])
        rest = np.zeros(self.masks.shape[1:], np.bool_)
        rest.reshape(-1)[hole.pixels[rows]] = True
        self.frames[t] = fill_image(self.frames[t], rest, self.config.fill)
        self.usable[t] = True
        self.coloured[t][rows] = True
        count = len(rows)
        own = Pointers(
            np.full(count, t, np.int32), hole.points[rows], np.zeros(count, np.float32), np.ones(count, np.bool_)
        )
        self.pointers[t] = self.pointers[t].replaced(rows, own)


def _key_frames(remaining: list[int]) -> Iterator[int]:
    """The frame with the largest rest of a hole in every run of frames that have one."""
    run: list[int] = []
    for t, count in enumerate([*remaining, 0]):
        if count:
            run.append(t)
        elif run:
            yield max(run, key=remaining.__getitem__)
            run = []


def _link_frames(
    frames: np.ndarray, masks: np.ndarray, config: FlowFillConfig, estimator: FlowEstimator
) -> tuple[LinkedHoles, np.ndarray]:
    """Flow of every pair of frames, kept at hole pixels only, and the brightness (T, 3) of frames against the first."""
    stretch = masks.shape[1] / _REFERENCE_HEIGHT
    regions = [
        flow_mask(mask, dilation=config.flow_dilation * stretch, closing=config.closing * stretch) for mask in masks
    ]
    holes = [Hole.of(mask) for mask in masks]
    nothing = Links(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    to_previous, to_next = [nothing] * len(frames), [nothing] * len(frames)
    gains = np.ones((len(frames), 3))
    for t in range(1, len(frames)):
        if not masks[t - 1 : t + 1].any():
            continue  # no walk passes between two frames without holes
        # What is removed from one frame covers the background in the other: both regions spoil both flows.
        region = regions[t - 1] | regions[t]
        forward, backward = _flows(frames[t - 1], frames[t], estimator)
        if config.match_exposure:
            gains[t] = gains[t - 1] * pair_gain(frames[t], frames[t - 1], backward, region)
        forward, backward = complete_flow(forward, region), complete_flow(backward, region)
        to_previous[t] = link(holes[t], backward, forward, threshold_px=config.threshold_px)
        to_next[t - 1] = link(holes[t - 1], forward, backward, threshold_px=config.threshold_px)
    return LinkedHoles(holes, to_previous, to_next), gains


def _flows(first: np.ndarray, second: np.ndarray, estimator: FlowEstimator) -> tuple[np.ndarray, np.ndarray]:
    """Flow from `first` to `second` and back, float32 (H, W, 2) each."""
    pair = torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2)
    flows = estimator(pair, pair.flip(0))
    wanted = (2, 2, *first.shape[:2])
    if flows.dtype != torch.float32 or tuple(flows.shape) != wanted:
        raise ValueError(f"estimator must return float32 {wanted}, got {flows.dtype} {tuple(flows.shape)}")
    if not torch.isfinite(flows).all():
        raise ValueError("estimator must return finite flow, got NaN or infinity")
    forward, backward = flows.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return forward, backward


def _sources(masks: np.ndarray, painted: np.ndarray | None) -> np.ndarray:
    source = np.full(masks.shape, KNOWN, np.int32)
    if painted is not None:
        source[painted & ~masks] = SYNTHESISED
    return source


def _check(frames: np.ndarray, masks: np.ndarray, synthesised: np.ndarray | None) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise ValueError(f"frames must be uint8 (T, H, W, 3) and not empty, got {frames.dtype} {frames.shape}")
    for name, value in (("masks", masks), ("synthesised", synthesised)):
        if value is not None and (value.dtype != np.bool_ or value.shape != frames.shape[:3]):
            raise ValueError(f"{name} must be bool {frames.shape[:3]}, got {value.dtype} {value.shape}")
