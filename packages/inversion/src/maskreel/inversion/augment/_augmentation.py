"""One view of each image of a batch: the same for the pixels and for what they are to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.inversion.augment import _colour, _erase, _move

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from maskreel.inversion.targets import FrameTarget

__all__ = ["Augmentation"]


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Draws for B images; tensors on the CPU, whatever the device of the images."""

    size: tuple[int, int]
    """(height, width) in pixels."""
    shift: torch.Tensor
    """int64 (B, 2): pixels to the right and downwards, after the flip."""
    flip: torch.Tensor
    """bool (B,): left and right are exchanged."""
    brightness: torch.Tensor
    """float32 (B,): added to every pixel."""
    contrast: torch.Tensor
    """float32 (B,): factor of the distances to the mean of the image."""
    erased: torch.Tensor
    """int64 (B, K, 4): half-open x0, y0, x1, y1, in the moved image."""
    colours: torch.Tensor
    """float32 (B, K, 3): of the erased rectangles."""
    noise: torch.Tensor | None = None
    """float32 (B, 3, H, W): added last but for erasing; None: nothing."""

    def images(self, images: torch.Tensor) -> torch.Tensor:
        """Move, recolour and erase: float (B, 3, H, W) in [0, 1], differentiable in the images.

        What a shift uncovers shows the mirrored image (reflection without the edge pixel). Colours are clipped to
        [0, 1] only where brightness or contrast changed them; noise may lead beyond.
        """
        self._check_images(images)
        if self._moves:
            images = _move.move_images(images, self.shift, self.flip)
        if self._recolours:
            images = _colour.recolour(images, self.brightness, self.contrast)
        if self.noise is not None:
            images = images + self.noise.to(images)
        if self.erased.shape[1]:
            images = _erase.erase_images(images, self.erased, self.colours)
        return images

    def targets(self, targets: Sequence[FrameTarget]) -> list[FrameTarget]:
        """The same views of what the images are to show.

        Masks and void move as the pixels do. The mirrored margin and the erased rectangles become void, and no mirrored
        object is asked for. An object of which less than half is left is dropped: its mask becomes empty, and what is
        left of it void.

        Raises:
            ValueError: Not one target for each image, or one of another size.
        """
        self._check_targets(targets)
        if not self._moves and not self.erased.shape[1]:
            return list(targets)
        return [self._target(target, index) for index, target in enumerate(targets)]

    @property
    def _moves(self) -> bool:
        return bool(self.shift.any() or self.flip.any())

    @property
    def _recolours(self) -> bool:
        return bool(self.brightness.any() or (self.contrast != 1).any())

    def _target(self, target: FrameTarget, index: int) -> FrameTarget:
        x, y = self.shift[index].tolist()
        moved = _move.move_target(target, x, y, flip=bool(self.flip[index]))
        return _erase.erase_target(moved, self.erased[index].tolist(), areas=target.masks.flatten(1).sum(1))

    def _check_images(self, images: torch.Tensor) -> None:
        expected = (len(self.flip), 3, *self.size)
        if tuple(images.shape) != expected:
            raise ValueError(f"images must have shape {expected}, got {tuple(images.shape)}")

    def _check_targets(self, targets: Sequence[FrameTarget]) -> None:
        sizes = [target.size for target in targets]
        if sizes != [self.size] * len(self.flip):
            raise ValueError(f"targets must be {len(self.flip)} of size {self.size}, got {sizes}")
