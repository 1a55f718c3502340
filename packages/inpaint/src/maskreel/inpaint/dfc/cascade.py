"""DFC-Net: up to three DFC-S, each completing the flow that the one before it has completed, at growing sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from maskreel.inpaint.dfc.sizes import FRACTIONS, resize_flows, resize_masks, stage_sizes
from maskreel.inpaint.dfc.windows import composite, refine_input, reverses, stage1_input, window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Cascade", "Completed"]


@dataclass(frozen=True)
class Completed:
    """Flows of some pairs of a clip after one stage, in pixels of that stage's size."""

    pairs: tuple[int, ...]
    """Which K pairs of the clip these are, ascending."""
    forward: torch.Tensor
    """float (N, K, 2, h, w)."""
    backward: torch.Tensor
    """float (N, K, 2, h, w)."""
    masks: torch.Tensor
    """(N, K, 1, h, w), 1 where the flow was completed."""

    def rows(self, pairs: Iterable[int]) -> list[int]:
        """Where the flows of `pairs` stand in the tensors."""
        return [self.pairs.index(pair) for pair in pairs]

    def resized(self, size: tuple[int, int], masks: torch.Tensor) -> Completed:
        """At another (height, width). Masks come from those of all pairs of the clip (N, P, 1, H, W), since a mask
        grows every time that it is resized."""
        forward, backward = resize_flows(self.forward, size), resize_flows(self.backward, size)
        return Completed(self.pairs, forward, backward, resize_masks(masks[:, list(self.pairs)], size))


class Cascade(nn.Module):
    """The stages of DFC-Net, one after the other; the whole can be differentiated, so they can be trained jointly.

    Args:
        stage1: (N, 33, h, w) -> (N, 2, h, w), see `stage1_input`; serves both directions (see `reverses`).
        stage2: (N, 66, h, w) -> (N, 4, h, w), see `refine_input`: forward flow, then backward flow.
        stage3: like `stage2`, at full size.
        fractions: the stages' sizes as fractions of the frame's; those of missing stages do not count.
    """

    def __init__(
        self,
        stage1: nn.Module,
        stage2: nn.Module | None = None,
        stage3: nn.Module | None = None,
        *,
        fractions: Sequence[float] = FRACTIONS,
    ) -> None:
        super().__init__()
        if stage3 is not None and stage2 is None:
            raise ValueError("stage3 needs a stage2, which is None")
        self.stage1 = stage1
        self.stage2 = stage2
        self.stage3 = stage3
        if len(fractions) < len(self.stages):
            raise ValueError(f"fractions must name a size for each of {len(self.stages)} stages, got {fractions}")
        self.fractions = tuple(fractions[: len(self.stages)])

    @property
    def stages(self) -> list[nn.Module]:
        """The stages there are, in order."""
        return [stage for stage in (self.stage1, self.stage2, self.stage3) if stage is not None]

    def sizes(self, size: tuple[int, int], *, work_height: int | None = 480) -> tuple[tuple[int, int], ...]:
        """(height, width) of every stage for frames of `size`; see `stage_sizes`."""
        return stage_sizes(size, fractions=self.fractions, work_height=work_height)

    def forward(
        self,
        forward: torch.Tensor,
        backward: torch.Tensor,
        masks: torch.Tensor,
        *,
        sizes: Sequence[tuple[int, int]] | None = None,
        keep: Iterable[int] | None = None,
    ) -> list[Completed]:
        """Complete the flows of whole clips of P pairs of frames at once.

        Args:
            forward: float (N, P, 2, H, W), pixels, from frame p to p + 1; in the hole a first guess (`initialise`).
            backward: float (N, P, 2, H, W), from frame p + 1 to p.
            masks: (N, P, 1, H, W), 1 (or True) in the hole of both.
            sizes: (height, width) of every stage; None: `self.sizes((H, W))`.
            keep: the pairs that the last stage is to complete; None: all. The stages before it complete no more than
                these need.

        Returns:
            The flows after every stage.
        """
        count, (height, width) = forward.shape[1], forward.shape[-2:]
        sizes = _checked_sizes(sizes or self.sizes((height, width)), self.stages)
        wanted = _wanted(range(count) if keep is None else keep, count, len(self.stages))
        flows = Completed(tuple(range(count)), forward, backward, masks)
        results = []
        for stage, size, pairs in zip(self.stages, sizes, wanted, strict=True):
            flows = flows.resized(size, masks)
            flows = _refined(stage, flows, pairs, count) if results else _initial(stage, flows, pairs, count)
            results.append(flows)
        return results


def _initial(stage: nn.Module, flows: Completed, pairs: Sequence[int], count: int) -> Completed:
    """The first stage, which sees one direction at a time."""
    rows = flows.rows(pairs)
    masks = flows.masks[:, rows]
    completed = []
    for direction, step in ((flows.forward, 1), (flows.backward, -1 if reverses(stage) else 1)):
        network = []
        for pair in pairs:
            around = flows.rows(window(pair, count)[::step])
            network.append(stage(stage1_input(direction[:, around], flows.masks[:, around])))
        completed.append(composite(torch.stack(network, 1), direction[:, rows], masks))
    return Completed(tuple(pairs), completed[0], completed[1], masks)


def _refined(stage: nn.Module, flows: Completed, pairs: Sequence[int], count: int) -> Completed:
    """A later stage, which sees both directions; at frame t it completes forward pair t and backward pair t - 1."""
    network = {}
    for frame in sorted({*pairs, *(pair + 1 for pair in pairs)}):
        ahead, behind = flows.rows(window(frame, count)), flows.rows(window(frame - 1, count))
        network[frame] = stage(
            refine_input(
                flows.forward[:, ahead], flows.masks[:, ahead], flows.backward[:, behind], flows.masks[:, behind]
            )
        )
    rows = flows.rows(pairs)
    masks = flows.masks[:, rows]
    forward = torch.stack([network[pair][:, :2] for pair in pairs], 1)
    backward = torch.stack([network[pair + 1][:, 2:] for pair in pairs], 1)
    return Completed(
        tuple(pairs),
        composite(forward, flows.forward[:, rows], masks),
        composite(backward, flows.backward[:, rows], masks),
        masks,
    )


def _wanted(keep: Iterable[int], count: int, stages: int) -> list[list[int]]:
    """The pairs that every stage must complete, first stage first."""
    pairs = sorted(set(keep))
    if not pairs or pairs[0] < 0 or pairs[-1] >= count:
        raise ValueError(f"keep must name pairs of 0..{count - 1}, got {pairs}")
    wanted = [pairs]
    for _ in range(stages - 1):
        # The windows of frames p and p + 1, forward and backward: from pair p - 6 to p + 6.
        pairs = sorted({i for pair in pairs for centre in (pair - 1, pair, pair + 1) for i in window(centre, count)})
        wanted.insert(0, pairs)
    return wanted


def _checked_sizes(sizes: Sequence[tuple[int, int]], stages: Sequence[nn.Module]) -> Sequence[tuple[int, int]]:
    if len(sizes) != len(stages):
        raise ValueError(f"sizes must be one (height, width) for each of {len(stages)} stages, got {tuple(sizes)}")
    return sizes
