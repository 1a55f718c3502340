"""Links between the holes of consecutive frames, along optical flow that a completer carried through the holes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import torch

from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.completion import flow_mask
from maskreel.inpaint.flow.propagation import Hole, LinkedHoles, Links, link
from maskreel.inpaint.flow.published_propagation import SteppedHoles, Steps, find_steps
from maskreel.inpaint.scene.exposure import pair_gain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from maskreel.inpaint.flow.completer import FlowCompleter
    from maskreel.inpaint.flow.estimation import FlowEstimator
    from maskreel.inpaint.flow.fill import FlowFillConfig
    from maskreel.inpaint.flow.propagation import Pointers

__all__ = ["Linked", "PairRecorder", "Rule", "link_frames", "link_holes", "runs"]

Rule = Literal["ours", "published"]

_REFERENCE_HEIGHT = 360


class Linked(Protocol):
    """The holes of consecutive frames, and how their pixels hang together."""

    @property
    def holes(self) -> Sequence[Hole]:
        """The hole of each frame."""
        ...

    def propagate(self, pointers: Sequence[Pointers], usable: np.ndarray, painted: np.ndarray | None) -> list[Pointers]:
        """Reach unreached pixels, as far as links lead.

        Args:
            pointers: what is known so far, per frame; reached pixels stay as they are and hand on what they have.
            usable: bool (T, H, W), True where a colour may be copied from.
            painted: bool (T, H, W), True where pixels outside the holes were painted earlier; None: nowhere.

        Returns:
            Pointers per frame.
        """
        ...


class PairRecorder(Protocol):
    """Told of the optical flow that links are made from."""

    def __call__(self, index: int, measured: FlowPair, completed: FlowPair) -> None:
        """Flow between frames `index` and `index + 1`, as measured and as completed."""
        ...


def link_frames(
    frames: np.ndarray,
    masks: np.ndarray,
    config: FlowFillConfig,
    estimator: FlowEstimator,
    completer: FlowCompleter,
    record: PairRecorder | None = None,
) -> tuple[Linked, np.ndarray]:
    """Flow of every pair of frames, kept at hole pixels only, and the brightness (T, 3) of frames against the first.

    Flows are found, completed and dropped one after the other. No walk passes between two frames without holes, so
    such pairs are left out.
    """
    raw = _RawPairs(frames, masks, config, estimator)
    completed = _completed(raw, completer, record)
    holes = [Hole.of(mask) for mask in masks]
    return link_holes(holes, completed, rule=config.rule, threshold_px=config.threshold_px), raw.gains


def link_holes(
    holes: Sequence[Hole], pairs: Iterable[tuple[int, FlowPair]], *, rule: Rule, threshold_px: float
) -> Linked:
    """Links from `pairs`: each t and the completed flow between frames t and t + 1; missing pairs link nothing."""
    make = _step_links if rule == "published" else _subpixel_links
    return make(holes, pairs, threshold_px)


def runs(marks: np.ndarray) -> Iterator[range]:
    """The stretches of True in bool (n,)."""
    bounds = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0))
    for start, stop in bounds.reshape(-1, 2).tolist():
        yield range(start, stop)


def _subpixel_links(holes: Sequence[Hole], pairs: Iterable[tuple[int, FlowPair]], threshold_px: float) -> LinkedHoles:
    nothing = Links(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    to_previous, to_next = [nothing] * len(holes), [nothing] * len(holes)
    for t, pair in pairs:
        to_next[t] = link(holes[t], pair.forward, pair.backward, threshold_px=threshold_px)
        to_previous[t + 1] = link(holes[t + 1], pair.backward, pair.forward, threshold_px=threshold_px)
    return LinkedHoles(holes, to_previous, to_next)


def _step_links(holes: Sequence[Hole], pairs: Iterable[tuple[int, FlowPair]], threshold_px: float) -> SteppedHoles:
    nothing = Steps.none(0)
    to_previous, to_next = [nothing] * len(holes), [nothing] * len(holes)
    for t, pair in pairs:
        to_next[t] = find_steps(holes[t], holes[t + 1], pair.forward, pair.backward, threshold_px=threshold_px)
        to_previous[t + 1] = find_steps(holes[t + 1], holes[t], pair.backward, pair.forward, threshold_px=threshold_px)
    return SteppedHoles(holes, to_previous, to_next)


class _RawPairs:
    """The flow between frames as it is found, and on the way their brightness."""

    def __init__(self, frames: np.ndarray, masks: np.ndarray, config: FlowFillConfig, estimator: FlowEstimator) -> None:
        self._frames = frames
        self._masks = masks
        self._config = config
        self._estimator = estimator
        self.gains = np.ones((len(frames), 3))
        covered = np.array([mask.any() for mask in masks])
        self.runs = list(runs(covered[:-1] | covered[1:]))

    def of(self, run: range) -> Iterator[FlowPair]:
        """The pairs (t, t + 1) for all t of a run."""
        region = self._region(run.start)
        for t in run:
            following = self._region(t + 1)
            # What is removed from one frame covers the background in the other: both regions spoil both flows.
            both = region | following
            forward, backward = _flows(self._frames[t], self._frames[t + 1], self._estimator)
            if self._config.match_exposure:
                gain = pair_gain(self._frames[t + 1], self._frames[t], backward, both)
                self.gains[t + 1] = self.gains[t] * gain
            yield FlowPair(forward, backward, both)
            region = following

    def _region(self, t: int) -> np.ndarray:
        stretch = self._masks.shape[1] / _REFERENCE_HEIGHT
        dilation, closing = self._config.flow_dilation * stretch, self._config.closing * stretch
        return flow_mask(self._masks[t], dilation=dilation, closing=closing)


def _completed(raw: _RawPairs, completer: FlowCompleter, record: PairRecorder | None) -> Iterator[tuple[int, FlowPair]]:
    """Every t and the completed flow between frames t and t + 1."""
    for run in raw.runs:
        waiting: deque[FlowPair] = deque()  # those that are measured and not yet completed
        measured = raw.of(run) if record is None else _remembered(raw.of(run), waiting)
        pairs = iter(completer(measured))
        for t in run:
            pair = next(pairs, None)
            if pair is None:
                raise ValueError(f"completer must return a pair for each of {len(run)}, got {t - run.start}")
            if not (np.isfinite(pair.forward).all() and np.isfinite(pair.backward).all()):
                raise ValueError("completer must return finite flow, got NaN or infinity")
            if record is not None:
                record(t, waiting.popleft(), pair)
            yield t, pair


def _remembered(pairs: Iterable[FlowPair], waiting: deque[FlowPair]) -> Iterator[FlowPair]:
    for pair in pairs:
        waiting.append(pair)
        yield pair


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
