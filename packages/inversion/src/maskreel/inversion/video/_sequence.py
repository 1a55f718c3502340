"""`SequenceMotion`: how a whole sequence moves and what stays in sight, from its masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from maskreel.common.flow import affine_flow, inside, warp
from maskreel.inversion.video._flow import check_kind, dense_flow, motions
from maskreel.inversion.video._labels import target_labels
from maskreel.inversion.video._outline import outlines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.video._flow import Kind

__all__ = ["SequenceMotion", "check_targets"]


@dataclass(frozen=True)
class SequenceMotion:
    """Flows and visibility between the frames t and t + stride of a sequence of T, for P = max(T - stride, 0) pairs."""

    forward: torch.Tensor
    """float16 (P, 2, H, W), pixels: pixel p of frame t is at p + flow(p) in frame t + stride."""
    backward: torch.Tensor
    """float16 (P, 2, H, W): pixel p of frame t + stride was at p + flow(p) in frame t."""
    forward_visible: torch.Tensor
    """bool (P, H, W): pixels of frame t that frame t + stride shows too."""
    backward_visible: torch.Tensor
    """bool (P, H, W): pixels of frame t + stride that frame t showed too."""
    stride: int = 1
    """Frames from the first to the second of a pair."""

    @classmethod
    def of(cls, targets: Sequence[FrameTarget], *, kind: Kind = "free", camera: torch.Tensor | None = None) -> Self:
        """Read the motion off the masks, see `mask_flow`.

        A pixel is visible in the other frame if the place where it goes belongs to the same object there (or to the
        background, like it). Void belongs to nothing.

        Args:
            targets: T frames of one size with the same objects in the same order; an object that is not in a frame has
                an empty mask there, and is not visible from its neighbours.
            kind: "affine" or "free".
            camera: float (T - 1, 2, 3) or (T - 1, 3, 3): where pixels (x, y, 1) of the background of frame t are in
                frame t + 1; None: the background stands still. Masks alone do not tell it.

        Raises:
            ValueError: No targets, of several sizes or numbers of objects; `kind` or `camera` is wrong.
        """
        check_targets(targets, kind)
        _check_camera(camera, len(targets) - 1)
        labels = [target_labels(target) for target in targets]
        count, device = len(targets[0].masks), targets[0].masks.device
        pairs: list[tuple[np.ndarray, np.ndarray]] = []
        before = outlines(labels[0], count)
        for here, there in pairwise(labels):
            after = outlines(there, count)
            moving = motions(before, after, kind)
            pairs.append((dense_flow(here, [one for one, _ in moving]), dense_flow(there, [one for _, one in moving])))
            before = after
        size = targets[0].size
        forward, backward = (_stack([pair[way] for pair in pairs], size) for way in (0, 1))
        maps = torch.from_numpy(np.stack(labels))
        if camera is not None:
            _add_camera(forward, maps[:-1], camera)
            _add_camera(backward, maps[1:], _inverse(camera))
        forward_visible = _visible(maps[:-1], forward, maps[1:])
        backward_visible = _visible(maps[1:], backward, maps[:-1])
        return cls(forward, backward, forward_visible, backward_visible).to(device)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.forward)

    @property
    def frames(self) -> int:
        """T, the number of frames (for a motion with a stride above 1 and no pairs, the stride)."""
        return len(self) + self.stride

    def chunk(self, start: int, stop: int) -> Self:
        """The motion among the frames `start` to `stop`, the latter left out."""
        if not 0 <= start < stop <= self.frames:
            raise ValueError(f"start and stop must be within 0 to {self.frames}, in this order, got {start} and {stop}")
        pairs = slice(start, max(stop - self.stride, start))
        return self._map(lambda part: part[pairs])

    def strided(self, stride: int) -> Self:
        """The motion over several frames, steps put together; a pixel must be in sight all the way.

        Args:
            stride: 1 or more; this motion's own stride must be 1.
        """
        if self.stride != 1 or stride < 1:
            raise ValueError(f"stride must be 1 or more on a motion of stride 1, got {stride} on {self.stride}")
        result = self
        for more in range(1, stride):
            result = result._longer(self, more)
        return result

    def to(self, device: torch.device | str) -> Self:
        """On another device."""
        return self._map(lambda part: part.to(device))

    def _longer(self, step: Self, reach: int) -> Self:
        """One more step at the far end of every pair; `reach` is how far the pairs go so far."""
        pairs = max(len(self) - 1, 0)
        forward = _chained(
            self.forward[:pairs], step.forward[reach:], self.forward_visible[:pairs], step.forward_visible[reach:]
        )
        # backward from t + reach + 1: first the last single step, then the way that was known
        backward = _chained(
            step.backward[reach:], self.backward[:pairs], step.backward_visible[reach:], self.backward_visible[:pairs]
        )
        return replace(
            self,
            forward=forward[0],
            backward=backward[0],
            forward_visible=forward[1],
            backward_visible=backward[1],
            stride=reach + 1,
        )

    def _map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        names = ("forward", "backward", "forward_visible", "backward_visible")
        return replace(self, **{name: change(getattr(self, name)) for name in names})


def _stack(flows: list[np.ndarray], size: tuple[int, int]) -> torch.Tensor:
    if not flows:
        return torch.zeros((0, 2, *size), dtype=torch.float16)
    return torch.from_numpy(np.stack(flows)).half()


def _visible(labels: torch.Tensor, flow: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """bool (P, H, W); one pair at a time, for little memory."""
    seen = torch.zeros(labels.shape, dtype=torch.bool)
    for index, (mine, way, theirs) in enumerate(zip(labels, flow, other, strict=True)):
        met = warp(theirs[None].float(), way.float(), mode="nearest")[0]
        seen[index] = (met == mine) & (mine >= 0) & inside(way.float())
    return seen


def _chained(
    first: torch.Tensor, second: torch.Tensor, first_seen: torch.Tensor, second_seen: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    if not len(first):
        return first, first_seen
    # nearest: blending flows across a contour would invent motion that nothing has
    flow = first + warp(second, first, mode="nearest")
    seen = first_seen & warp(second_seen[:, None], first, mode="nearest")[:, 0] & inside(flow)
    return flow, seen


def _add_camera(flow: torch.Tensor, labels: torch.Tensor, matrices: torch.Tensor) -> None:
    for own, belongs, matrix in zip(flow, labels, matrices, strict=True):
        own.copy_(torch.where(belongs > 0, own, affine_flow(matrix.cpu(), (own.shape[-2], own.shape[-1])).half()))


def _inverse(matrices: torch.Tensor) -> torch.Tensor:
    full = torch.eye(3, dtype=torch.float64).repeat(len(matrices), 1, 1)
    full[:, : matrices.shape[1]] = matrices.cpu().double()
    return torch.linalg.inv(full)


def check_targets(targets: Sequence[FrameTarget], kind: str) -> None:
    """Raise unless the targets are a sequence and the kind of flow is known."""
    if not targets:
        raise ValueError("targets must hold one frame or more, got none")
    shapes = sorted({tuple(target.masks.shape) for target in targets})
    if len(shapes) > 1:
        raise ValueError(f"targets must have masks of one shape (N, H, W), got {shapes[0]} and {shapes[1]}")
    check_kind(kind)


def _check_camera(camera: torch.Tensor | None, pairs: int) -> None:
    if camera is not None and camera.shape not in ((pairs, 2, 3), (pairs, 3, 3)):
        raise ValueError(f"camera must have shape ({pairs}, 2, 3) or ({pairs}, 3, 3), got {tuple(camera.shape)}")
