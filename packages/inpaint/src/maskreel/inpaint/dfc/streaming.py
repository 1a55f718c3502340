"""One stage of DFC-Net over a video of any length: what `Cascade` does at once, here in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from maskreel.inpaint.dfc.sizes import resize_flows, resize_masks
from maskreel.inpaint.dfc.windows import RADIUS, composite, refine_input, stage1_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from maskreel.inpaint.dfc.crops import Crop, Cropping

__all__ = ["Flows", "PairFlows", "StreamedStage"]

# A later stage sees the forward flows around pair t beside the backward flows around pair t - 1.
_REACH = RADIUS + 1


class PairFlows(Protocol):
    """The flows of one pair of frames, resized when somebody needs them."""

    @property
    def empty(self) -> bool:
        """There is no hole."""
        ...

    def at(self, size: tuple[int, int]) -> Flows:
        """The flows at (height, width) `size`."""
        ...


@dataclass(frozen=True)
class Flows:
    """Both flows of a pair and their hole, at one size. A `PairFlows`."""

    forward: torch.Tensor
    """float32 (2, h, w), pixels of this size."""
    backward: torch.Tensor
    """float32 (2, h, w)."""
    mask: torch.Tensor
    """float32 (1, h, w), 1 in the hole."""
    region: torch.Tensor
    """bool (1, H, W), the hole at the size of the frames: a mask grows every time that it is resized."""
    empty: bool

    @torch.inference_mode()
    def at(self, size: tuple[int, int]) -> Flows:
        if tuple(self.mask.shape[-2:]) == tuple(size):
            return self
        forward, backward = resize_flows(self.forward, size), resize_flows(self.backward, size)
        mask = forward.new_zeros(1, *size) if self.empty else resize_masks(self.region, size).float()
        return Flows(forward, backward, mask, self.region, self.empty)


class _Unneeded:
    """Stands for a pair so far from any hole that no window of a later stage sees it."""

    empty = True

    def at(self, size: tuple[int, int]) -> Flows:
        raise AssertionError(f"flows far from any hole were asked for, at {size}")


class _Target(NamedTuple):
    """A flow to be completed."""

    pair: int
    backward: bool


class _Task(NamedTuple):
    """One window, and the flows that the network reads from it."""

    centre: int
    targets: tuple[_Target, ...]
    channels: tuple[int, ...]
    """For every target, where its two channels start in the network's answer."""


@dataclass(frozen=True)
class StreamedStage:
    """Completes the flows of pairs as they come."""

    network: Callable[[torch.Tensor], torch.Tensor]
    """float32 windows (N, 33 or 66, h, w) -> float32 flow (N, 2 or 4, h, w)."""
    size: tuple[int, int]
    """(height, width) at which it works."""
    cropping: Cropping
    batch: int
    """Pairs that are completed at a time, and windows that go through the network at a time."""
    refines: bool
    """False: the first stage, one direction at a time. True: a later one."""
    reverses: bool = False
    """Windows of backward flows go through the first stage in reversed order; see `reverses`."""

    def __call__(self, pairs: Iterator[PairFlows]) -> Iterator[PairFlows]:
        """The same pairs, completed, in the same order. Holds 12 + `batch` of them."""
        video = _Video(pairs, self.size)
        done: dict[_Target, torch.Tensor] = {}
        while block := video.next_block(self.batch):
            done |= self._completed(video, self._tasks(video, block, done))
            yield from [video.settled(pair, done) for pair in block]
            done = {target: flow for target, flow in done.items() if target.pair >= block.stop}

    def _tasks(self, video: _Video, block: range, done: dict[_Target, torch.Tensor]) -> list[_Task]:
        """The windows that complete the pairs of a block."""
        if not self.refines:
            targets = [_Target(pair, backward) for pair in block if video.has_hole(pair) for backward in (False, True)]
            return [_Task(target.pair, (target,), (0,)) for target in targets]
        tasks = []
        for frame in range(block.start, block.stop + 1):
            both = {_Target(frame, backward=False): 0, _Target(frame - 1, backward=True): 2}
            wanted = {
                target: channel
                for target, channel in both.items()
                if target.pair >= block.start and target not in done and video.has_hole(target.pair)
            }
            if wanted:
                tasks.append(_Task(frame, tuple(wanted), tuple(wanted.values())))
        return tasks

    @torch.inference_mode()
    def _completed(self, video: _Video, tasks: list[_Task]) -> dict[_Target, torch.Tensor]:
        """Run all windows, in batches of crops of one size, and put the crops together."""
        jobs = [(task, crop) for task in tasks for crop in self.cropping.crops(video.hole(task.targets))]
        canvases: dict[_Task, _Canvas] = {}
        for batch in _batches(jobs, self.batch):
            windows = torch.stack([self._window(video, task, crop) for task, crop in batch])
            for (task, crop), flow in zip(batch, self.network(windows), strict=True):
                if task not in canvases:
                    canvases[task] = _Canvas(len(flow), self.size, flow)
                canvases[task].add(flow, crop)
        completed = {}
        for task, canvas in canvases.items():
            flow = canvas.mean()
            completed |= {t: flow[c : c + 2] for t, c in zip(task.targets, task.channels, strict=True)}
        return completed

    def _window(self, video: _Video, task: _Task, crop: Crop) -> torch.Tensor:
        """The channels (33 or 66, h, w) of one crop of one window."""
        if not self.refines:
            backward = task.targets[0].backward
            flows, masks = video.stacked(task.centre, crop, backward=backward)
            return stage1_input(*((flows.flip(1), masks.flip(1)) if backward and self.reverses else (flows, masks)))[0]
        ahead = video.stacked(task.centre, crop, backward=False)
        behind = video.stacked(task.centre - 1, crop, backward=True)
        return refine_input(*ahead, *behind)[0]


class _Video:
    """The pairs around those that are being completed; pulled when needed, forgotten when no window sees them."""

    def __init__(self, pairs: Iterator[PairFlows], size: tuple[int, int]) -> None:
        self._pairs = pairs
        self._size = size
        self._held: dict[int, PairFlows] = {}
        self._pulled = 0
        self._next = 0

    def next_block(self, count: int) -> range:
        """The next pairs to complete, at most `count`; empty after the last."""
        self._pull(self._next + count + _REACH)
        block = range(self._next, min(self._next + count, self._pulled))
        self._held = {pair: flows for pair, flows in self._held.items() if pair >= block.start - _REACH}
        self._next = block.stop
        return block

    def has_hole(self, pair: int) -> bool:
        return pair in self._held and not self._held[pair].empty

    def hole(self, targets: Sequence[_Target]) -> np.ndarray:
        """bool (h, w): the hole of any of the targets."""
        masks = [self._flows(target.pair).mask[0] > 0 for target in targets]
        return torch.stack(masks).any(0).cpu().numpy()

    def stacked(self, centre: int, crop: Crop, *, backward: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Flows (1, 11, 2, h, w) and masks (1, 11, 1, h, w) of the window around pair `centre`."""
        rows, columns = crop.box
        around = [self._flows(min(max(i, 0), self._pulled - 1)) for i in range(centre - RADIUS, centre + _REACH)]
        flows = [(each.backward if backward else each.forward)[:, rows, columns] for each in around]
        return torch.stack(flows)[None], torch.stack([each.mask[:, rows, columns] for each in around])[None]

    @torch.inference_mode()
    def settled(self, pair: int, done: dict[_Target, torch.Tensor]) -> PairFlows:
        """What a later stage gets to see of a pair."""
        if not any(self.has_hole(other) for other in range(pair - _REACH, pair + _REACH + 1)):
            self._held[pair] = _Unneeded()
            return self._held[pair]
        flows = self._flows(pair)
        if flows.empty:
            return flows
        forward, backward = done[_Target(pair, backward=False)], done[_Target(pair, backward=True)]
        return Flows(
            composite(forward, flows.forward, flows.mask),
            composite(backward, flows.backward, flows.mask),
            flows.mask,
            flows.region,
            empty=False,
        )

    def _flows(self, pair: int) -> Flows:
        flows = self._held[pair].at(self._size)
        self._held[pair] = flows
        return flows

    def _pull(self, stop: int) -> None:
        while self._pulled < stop:
            pair = next(self._pairs, None)
            if pair is None:
                return
            self._held[self._pulled] = pair
            self._pulled += 1


class _Canvas:
    """The weighted mean of the crops of one image."""

    def __init__(self, channels: int, size: tuple[int, int], like: torch.Tensor) -> None:
        self._total = like.new_zeros(channels, *size)
        self._weight = like.new_zeros(size)

    def add(self, flow: torch.Tensor, crop: Crop) -> None:
        """Add a crop (C, h, w)."""
        rows, columns = crop.box
        weight = torch.from_numpy(crop.weight).to(flow)
        self._total[:, rows, columns] += flow * weight
        self._weight[rows, columns] += weight

    def mean(self) -> torch.Tensor:
        """(C, H, W); zero where there was no crop."""
        return torch.where(self._weight > 0, self._total / self._weight, 0)


def _batches(jobs: list[tuple[_Task, Crop]], count: int) -> Iterator[list[tuple[_Task, Crop]]]:
    """At most `count` jobs of one size at a time."""
    by_size: dict[tuple[int, ...], list[tuple[_Task, Crop]]] = {}
    for job in jobs:
        by_size.setdefault(job[1].weight.shape, []).append(job)
    for same in by_size.values():
        yield from (same[start : start + count] for start in range(0, len(same), count))
