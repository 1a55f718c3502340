"""The masks of a video, whatever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from maskreel.common import masks as mask_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction

    import torch

    from maskreel.common.video import Clip


class MaskFrame(NamedTuple):
    """The masks of one frame."""

    masks: torch.Tensor
    """bool (N, H, W), one per object of the sequence; empty where an object is not in this frame."""
    void: torch.Tensor | None
    """bool (H, W): pixels of which nothing is known; None where there are none."""


class MaskSequence(ABC):
    """Masks of N objects over the frames of a video, read when asked for; iterate, or take one `frame(i)`.

    N and the order of the objects hold for every frame. Whatever reads a file raises InputError naming the file if it
    is missing, damaged or of another size than the first.
    """

    name: str
    """Of the sequence, such as "bear"."""
    fps: Fraction

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""

    @property
    @abstractmethod
    def object_ids(self) -> tuple[int, ...]:
        """One number per object, in the order of the masks.

        Raises:
            InputError: No frame shows an object.
        """

    @property
    @abstractmethod
    def class_names(self) -> tuple[str | None, ...]:
        """One per object; None where it is not known or where no teacher has such a class."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def frame(self, index: int) -> MaskFrame:
        """The masks of one frame; a negative `index` counts from the end, IndexError beyond it."""

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        """The video that the masks were drawn on, as a measure for reports, never for making frames; None without."""
        return None

    def labels(self, index: int) -> torch.Tensor:
        """One frame as uint8 (H, W): the number of the object, later objects over earlier ones, 255 where void."""
        masks, void = self.frame(index)
        return mask_tools.instances_to_labels(masks, self.object_ids, order=self.object_ids, void=void)

    def resized(self, size: tuple[int, int] | int | None = None, *, scale: float | None = None) -> MaskSequence:
        """The same at another size.

        Args:
            size: The height, from which the width follows, or (height, width), which may change the shape.
            scale: The factor for height and width, instead of `size`.

        Raises:
            ValueError: Neither or both are given, or a side would be shorter than a pixel.
        """
        from maskreel.inversion.sources._views import Resized, new_size

        wanted = new_size(self.size, size, scale)
        return self if wanted == self.size else Resized(self, wanted)

    def part(self, start: int = 0, stop: int | None = None, step: int = 1) -> MaskSequence:
        """The frames `start` to `stop` as in a slice, every `step`-th; all objects of the whole sequence stay.

        Raises:
            ValueError: No frame is left, or `step` is below 1.
        """
        from maskreel.inversion.sources._views import Part

        return Part(self, start, stop, step)

    def with_classes(self, classes: Mapping[int, str | None]) -> MaskSequence:
        """With the class names of some objects, by their number, in place of what was known; see `read_classes`.

        Raises:
            InputError: There is no object of such a number.
        """
        from maskreel.inversion.sources._views import Renamed

        return Renamed(self, classes)

    def __iter__(self) -> Iterator[MaskFrame]:
        return (self.frame(index) for index in range(len(self)))

    def __repr__(self) -> str:
        height, width = self.size
        return f"{type(self).__name__}({self.name!r}, {len(self)} frames of {height}x{width}, {self.fps} fps)"
