"""Flow completion by DFC-Net for videos of any length and size."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint._device import network_device
from maskreel.inpaint.dfc.crops import Cropping
from maskreel.inpaint.dfc.dfc_s import DFCS
from maskreel.inpaint.dfc.folding import folded
from maskreel.inpaint.dfc.initial import Initial, initialise
from maskreel.inpaint.dfc.sizes import resize_flows
from maskreel.inpaint.dfc.streaming import Flows, StreamedStage
from maskreel.inpaint.dfc.windows import limited, reverses
from maskreel.inpaint.flow.completer import FlowPair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import nn

    from maskreel.inpaint._device import Device
    from maskreel.inpaint.dfc.cascade import Cascade
    from maskreel.inpaint.dfc.streaming import PairFlows

__all__ = ["DFCCompleter", "Precision"]

Precision = Literal["auto", "float32", "bfloat16", "float16"]


class DFCCompleter:
    """Completes flow by DFC-Net. A `FlowCompleter`.

    Every flow is given a smooth first guess once, at full size. The networks work at the sizes of their stages, on
    crops around the holes; what they add to the first guess is brought back to full size. Pairs without a hole cost no
    more than a resize, and nothing when there is none within 6 pairs. Every stage holds back `batch` + 6 pairs at full
    size, and as many again at its own.

    Args:
        cascade: the networks; it is neither changed nor moved.
        initial: the first guess, see `initialise`.
        work_height: frames higher than this are completed at this height; None: never reduced.
        sizes: (height, width) of every stage, instead of what follows from `work_height`; see `PUBLISHED_SIZES`.
        context: pixels, at the size of a stage, that its network sees around a hole; None: it sees whole frames.
        tile: pixels, at the size of a stage, that it sees at most at a time in each direction, unless context is None.
        batch: windows that go through a network at a time. Memory grows with it.
        device: where the networks work; auto is CUDA where there is a device, else the CPU.
        precision: of the networks; auto is float16 on CUDA and float32 on the CPU. A batch that overflows is done
            again in float32.
        name: what the networks are, for `repr`: for example the weights' file and its hash.

    Raises:
        InputError: cuda is asked for, and there is none.
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        cascade: Cascade,
        *,
        initial: Initial = "laplace",
        work_height: int | None = 480,
        sizes: Sequence[tuple[int, int]] | None = None,
        context: int | None = 64,
        tile: int = 512,
        batch: int = 1,
        device: Device | torch.device = "auto",
        precision: Precision = "auto",
        name: str | None = None,
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        for option, value, choices in (("initial", initial, Initial), ("precision", precision, Precision)):
            if value not in get_args(choices):
                raise ValueError(f"{option} must be one of {', '.join(get_args(choices))}, got {value!r}")
        if sizes is not None and len(sizes) != len(cascade.stages):
            raise ValueError(f"sizes must be one for each of {len(cascade.stages)} stages, got {sizes}")
        self._device = network_device(device)
        self._dtype = _dtype(precision, self._device)
        self._networks = [_prepared(stage, self._device) for stage in cascade.stages]
        self._sizes = partial(cascade.sizes, work_height=work_height) if sizes is None else lambda _: tuple(sizes)
        self._sizes((1, 1))  # tells at once when work_height is wrong
        self._initial: Initial = initial
        self._cropping = Cropping(context, tile)
        self._batch = batch
        self._name = name
        shape = f"sizes={tuple(sizes)}" if sizes is not None else f"fractions={cascade.fractions}, {work_height=}"
        self._description = f"{name!r}, {initial=}, {shape}, {context=}, {tile=}, dtype={self._dtype}"

    def __repr__(self) -> str:
        """All that decides the flows, so that a job knows whether flows made earlier still hold."""
        return f"{type(self).__name__}({self._description})"

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        """Completed flows, in order, one for each pair; bit-equal to the input outside `region`.

        Raises:
            ValueError: the pairs are not all of one size.
        """
        waiting: deque[_Source] = deque()
        sources = self._sources(pairs, waiting)
        first = next(sources, None)
        if first is None:
            return
        sizes = self._sizes(first.size)
        stream: Iterator[PairFlows] = chain([first], sources)
        for i, (network, size) in enumerate(zip(self._networks, sizes, strict=True)):
            run = partial(self._run, network)
            stage = StreamedStage(run, size, self._cropping, self._batch, refines=i > 0, reverses=reverses(network))
            stream = stage(stream)
        for flows in stream:
            source = waiting.popleft()
            yield source.pair if source.empty else source.completed(flows.at(sizes[-1]))

    def _sources(self, pairs: Iterable[FlowPair], waiting: deque[_Source]) -> Iterator[_Source]:
        """First guesses; each is also put in the queue of those that wait for their completion."""
        size = None
        for pair in pairs:
            size = size or pair.region.shape
            if pair.region.shape != size:
                raise ValueError(f"pairs must be of one size, got {pair.region.shape} after {size}")
            if pair.region.any():
                forward, backward = (initialise(x, pair.region, self._initial) for x in (pair.forward, pair.backward))
                source = _Source(FlowPair(forward, backward, pair.region), self._device, empty=False)
            else:
                source = _Source(pair, self._device, empty=True)
            waiting.append(source)
            yield source

    def _run(self, network: nn.Module, windows: torch.Tensor) -> torch.Tensor:
        if self._dtype != torch.float32:
            with torch.autocast(self._device.type, self._dtype):
                flow = network(windows).float()
            if flow.isfinite().all():
                return flow
        flow = network(windows).float()
        if not flow.isfinite().all():
            raise InputError(f"DFC-Net {self._name or ''} answers NaN or infinity; its weights or the flow are broken")
        return flow


@dataclass(frozen=True)
class _Source:
    """A pair with its first guess, at full size. A `PairFlows`."""

    pair: FlowPair
    device: torch.device
    empty: bool

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.pair.region.shape
        return height, width

    @torch.inference_mode()
    def at(self, size: tuple[int, int]) -> Flows:
        forward, backward = limited(self._tensor(self.pair.forward)), limited(self._tensor(self.pair.backward))
        region = torch.from_numpy(self.pair.region)[None].to(self.device)
        return Flows(forward, backward, region.float(), region, self.empty).at(size)

    @torch.inference_mode()
    def completed(self, flows: Flows) -> FlowPair:
        """The pair with flows that were completed, perhaps at another size, in its hole."""
        ways = ((self.pair.forward, flows.forward), (self.pair.backward, flows.backward))
        forward, backward = (self._completed(guess, flow, flows.mask) for guess, flow in ways)
        return FlowPair(forward, backward, self.pair.region)

    def _completed(self, guess: np.ndarray, flow: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        size = (flow.shape[-2], flow.shape[-1])
        if size == self.size:
            full = flow
        else:
            # Only the change is brought to full size: where the networks leave the guess as it is, none of its detail
            # is lost, and at the border of the hole the change fades out within a pixel of the smaller size.
            start = self._tensor(guess)
            change = torch.where(mask > 0, flow - resize_flows(start, size), 0)
            full = start + resize_flows(change, self.size)
        return np.where(self.pair.region[..., None], full.permute(1, 2, 0).cpu().numpy(), guess)

    def _tensor(self, flow: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(flow).permute(2, 0, 1).to(self.device)


def _prepared(network: nn.Module, device: torch.device) -> nn.Module:
    """A copy for inference."""
    network = folded(network) if isinstance(network, DFCS) else copy.deepcopy(network)
    return network.eval().requires_grad_(False).to(device)


def _dtype(precision: Precision, device: torch.device) -> torch.dtype:
    if precision == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
