"""The `flow` mode: fill holes with what other frames show, found along optical flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from maskreel.inpaint.flow.completer import BackgroundCompleter
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.flow.hole_links import Rule, link_frames, runs
from maskreel.inpaint.flow.propagation import Pointers, Sampling, fetch
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.scene.exposure import settled

if TYPE_CHECKING:
    from maskreel.inpaint.flow.completer import FlowCompleter
    from maskreel.inpaint.flow.estimation import FlowEstimator
    from maskreel.inpaint.flow.hole_links import Linked, PairRecorder
    from maskreel.inpaint.painting.image_inpainter import ImageInpainter

__all__ = ["KNOWN", "SYNTHESISED", "FlowFill", "FlowFillConfig", "Rule", "fill_by_flow"]

KNOWN = -1
"""In `FlowFill.source`: the pixel was not in a hole."""
SYNTHESISED = -2
"""In `FlowFill.source`: no frame shows the pixel; it was painted."""

# Copies from this many frames away are half as trustworthy as from the next one.
_HALF_LIFE_FRAMES = 30.0


@dataclass(frozen=True)
class FlowFillConfig:
    """Settings of `fill_by_flow`."""

    rule: Rule = "ours"
    """Which source a pixel gets. ours: walks keep fractions of pixels, what was seen wins over what was painted, and
    key frames are those with the largest rest of a hole. published: as Xu et al. (CVPR 2019), to whole pixels, the
    nearer moment wins, key frames are the first and the last of every run of frames with a rest, and what is filled
    counts as seen in later passes; see `published_propagation`. Their threshold is 20 to 40 pixels, and they do not
    match the exposure."""
    threshold_px: float = 3.0
    """Pixels by which going along the flow and back may miss the start. Larger values reach more and hide errors."""
    flow_dilation: float = 15.0
    """Pixels by which the region of untrusted flow exceeds the mask in a frame of 360 lines; scales with the height."""
    closing: float = 21.0
    """Radius in pixels of the gaps in that region that are closed in a frame of 360 lines; scales with the height."""
    iterations: int = 10
    """How often, at most, key frames are painted and propagated. What is left then is painted frame by frame."""
    match_exposure: bool = True
    """Scale copied colours by the change of brightness between their frame and this one."""

    def __post_init__(self) -> None:
        if not self.threshold_px > 0:
            raise ValueError(f"threshold_px must be positive, got {self.threshold_px}")
        for name in ("flow_dilation", "closing", "iterations"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.rule not in get_args(Rule):
            raise ValueError(f"rule must be one of {', '.join(get_args(Rule))}, got {self.rule!r}")


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
    completer: FlowCompleter | None = None,
    inpainter: ImageInpainter | None = None,
    synthesised: np.ndarray | None = None,
    record: PairRecorder | None = None,
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
        completer: what replaces the flow at holes; None: `BackgroundCompleter()`. It is called once for every run of
            consecutive pairs of frames with holes and gets them one by one.
        inpainter: what paints pixels that no frame shows; None: `ClassicalInpainter()`.
        synthesised: bool (T, H, W), True at pixels outside the masks that an earlier call painted; None: nowhere.
        record: told of the flow between frames that have holes, as measured and as completed.

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
    linked, gains = link_frames(
        frames, masks, config, estimator or DISFlow(), completer or BackgroundCompleter(), record
    )
    filling = _Filling(frames, masks, linked, gains, config, inpainter or ClassicalInpainter(), synthesised)
    filling.run()
    return filling.result()


class _Filling:
    """The state while the holes of a window are filled."""

    def __init__(
        self,
        frames: np.ndarray,
        masks: np.ndarray,
        linked: Linked,
        gains: np.ndarray,
        config: FlowFillConfig,
        inpainter: ImageInpainter,
        painted: np.ndarray | None,
    ) -> None:
        self.frames = frames.copy()
        self.masks = masks
        self.linked = linked
        self.gains = gains
        self.config = config
        self.inpainter = inpainter
        self.painted = painted
        self.usable = ~masks
        self.pointers = [Pointers.unreached(len(hole.pixels)) for hole in linked.holes]
        self.coloured = [np.zeros(len(hole.pixels), np.bool_) for hole in linked.holes]

    def run(self) -> None:
        """Propagate, paint key frames, propagate what was painted, and so on."""
        self._propagate()
        for _ in range(self.config.iterations):
            keys = self._key_frames()
            if not keys:
                return
            for t in keys:
                self._paint(t)
            self._propagate()
        for t in np.flatnonzero(self._remaining()):
            self._paint(int(t))

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
        sampling: Sampling = "nearest" if self.config.rule == "published" else "bilinear"
        colours = fetch(pointers, self.frames, self.usable, sampling)
        if self.config.match_exposure:
            gain = settled(self.gains[t] / self.gains)
            level = np.arange(256)[:, None]
            table = np.clip(np.rint(level * gain[:, None]), 0, 255).astype(np.uint8)
            colours = table[pointers.frame[:, None], colours, np.arange(3)]
        self.frames[t].reshape(-1, 3)[pixels] = colours

    def _remaining(self) -> np.ndarray:
        """int (T,): pixels of each frame that have no colour yet."""
        return np.array([np.count_nonzero(~done) for done in self.coloured])

    def _key_frames(self) -> list[int]:
        remaining = self._remaining()
        if self.config.rule == "published":
            return [t for run in runs(remaining > 0) for t in sorted({run.start, run.stop - 1})]
        # Where nothing is known, nothing can be painted from: such a frame comes last.
        size = np.where(remaining == self.masks[0].size, 0, remaining)
        return [max(run, key=size.__getitem__) for run in runs(remaining > 0)]

    def _paint(self, t: int) -> None:
        """Fill the rest of frame `t` from its surroundings; its pixels become sources of their own."""
        hole = self.linked.holes[t]
        rows = np.flatnonzero(~self.coloured[t])
        self.frames[t].reshape(-1, 3)[hole.pixels[rows]] = self._painted(t).reshape(-1, 3)[hole.pixels[rows]]
        self.usable[t] = True
        self.coloured[t][rows] = True
        count = len(rows)
        own = Pointers(
            np.full(count, t, np.int32), hole.points[rows], np.zeros(count, np.float32), np.ones(count, np.bool_)
        )
        self.pointers[t] = self.pointers[t].replaced(rows, own)

    def _painted(self, t: int) -> np.ndarray:
        """Frame `t` with its rest painted; where nothing of it is known, the nearest frame of which something is."""
        something = np.flatnonzero(self._remaining() < self.masks[0].size)
        nearest = int(min(something, key=lambda other: (abs(other - t), other)))
        rest = np.zeros(self.masks.shape[1:], np.bool_)
        rest.reshape(-1)[self.linked.holes[nearest].pixels[~self.coloured[nearest]]] = True
        if not rest.any():
            return self.frames[nearest]
        painted = self.inpainter(self.frames[nearest], rest)
        if painted.dtype != np.uint8 or painted.shape != self.frames[nearest].shape:
            wanted = self.frames[nearest].shape
            raise ValueError(f"inpainter must return uint8 {wanted}, got {painted.dtype} {painted.shape}")
        return painted


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
