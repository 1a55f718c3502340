"""`WorldClip`: a rendered clip with everything that is true about it, and `render`, which makes one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from maskreel.common.video import Clip


@dataclass(frozen=True, repr=False)
class WorldClip:
    """T rendered frames (H, W) of N objects, with exact truth. An object keeps its number n through the clip."""

    clip: Clip
    """The frames as a camera recorded them."""
    classes: tuple[int, ...]
    """Class id of each of the N objects, 1 or more; what an id means depends on the scene."""
    visible: torch.Tensor
    """bool (T, N, H, W): pixels whose centre shows the object."""
    amodal: torch.Tensor
    """bool (T, N, H, W): pixels that would show it if it were alone."""
    depth: torch.Tensor
    """float32 (T, N): distance of the object from the camera in units of the scene; a nearer one covers a farther."""
    forward_flow: torch.Tensor
    """float32 (T - 1, 2, H, W): what is seen at pixel p of frame t is at p + flow(p) in frame t + 1, hidden or not."""
    backward_flow: torch.Tensor
    """float32 (T - 1, 2, H, W): what is seen at pixel p of frame t + 1 was at p + flow(p) in frame t."""
    forward_occluded: torch.Tensor
    """bool (T - 1, H, W): pixels of frame t whose scene point is hidden or outside the picture in frame t + 1."""
    backward_occluded: torch.Tensor
    """bool (T - 1, H, W): pixels of frame t + 1 whose scene point was hidden or outside the picture in frame t."""
    plate: torch.Tensor
    """uint8 (T, 3, H, W): the same view at the same moment without the objects, their shadows and sensor noise."""
    camera: torch.Tensor
    """float64 (T, 3, 3): homography from background pixels (x, y, 1) of frame 0 to those of frame t."""

    @cached_property
    def labels(self) -> torch.Tensor:
        """uint8 (T, H, W): class id of the object that a pixel shows, 0 for the background."""
        labels = self.visible.new_zeros((len(self), *self.clip.size), dtype=torch.uint8)
        for number, label in enumerate(self.classes):
            labels[self.visible[:, number]] = label
        return labels

    @cached_property
    def order(self) -> torch.Tensor:
        """int64 (T, N): object numbers from back to front."""
        return self.depth.argsort(dim=1, descending=True, stable=True)

    def __len__(self) -> int:
        return len(self.clip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.clip!r}, classes={self.classes})"


class Scene(Protocol):
    """A description of clips, told apart by seeds."""

    def render(self, seed: int) -> WorldClip:
        """The clip of a seed; the same scene and seed give the same bytes."""
        ...


def render(scene: Scene, seed: int) -> WorldClip:
    """Render clip number `seed` of a scene, such as `TableScene()`; the same arguments give the same bytes.

    Raises:
        ValueError: `seed` is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    return scene.render(seed)
