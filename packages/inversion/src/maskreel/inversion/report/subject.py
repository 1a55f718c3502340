"""What a report is about: the frames of a run, the masks they were made for, and how they came about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.masks import VOID, labels_to_instances
from maskreel.inversion._picture import read_picture
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """One sequence."""

    name: str
    frames: torch.Tensor
    """uint8 (T, 3, H, W), the inverted ones."""
    targets: tuple[FrameTarget, ...]
    """One per frame, all with the same objects in the same order; labels are positions in `class_names`."""
    class_names: tuple[str | None, ...]
    """Background first; None where any class is right."""
    real: torch.Tensor | None = None
    """uint8 (T, 3, H, W): the frames that the masks were drawn from, where there are any."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """What the run wrote down: teacher, seconds, iterations and so on."""

    def __post_init__(self) -> None:
        size = tuple(self.frames.shape[-2:])
        if self.frames.dtype != torch.uint8 or self.frames.ndim != 4 or not len(self.frames):
            raise ValueError(f"frames must be uint8 (T, 3, H, W), got {self.frames.dtype} {tuple(self.frames.shape)}")
        if len(self.targets) != len(self.frames) or any(target.size != size for target in self.targets):
            raise ValueError(f"targets must be {len(self.frames)} of size {size}, got {len(self.targets)}")
        if self.real is not None and self.real.shape != self.frames.shape:
            raise ValueError(f"real must have shape {tuple(self.frames.shape)}, got {tuple(self.real.shape)}")

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, real: str | os.PathLike[str] | None = None) -> Self:
        """A folder that `maskreel inversion run` wrote.

        Args:
            folder: See `RunFolder`; frames that are not done are left out.
            real: A folder of real frames, the pictures in the order of their numbers, one for each frame of the
                sequence; or a folder that holds one with the name of the sequence.

        Raises:
            InputError: Something is missing, damaged, or does not fit.
        """
        from maskreel.inversion.run_folder import RunFolder

        run = RunFolder(folder)
        done = run.frames_done()
        if not done:
            raise InputError(f"{run.folder / 'frames'} holds no frame that is done, expected 00000.png and so on")
        frames = _of_one_size([run.frame(i) for i in done], run.folder / "frames")
        labels = _of_one_size([run.labels(i) for i in done], run.folder / "masks")
        if labels.shape[-2:] != frames.shape[-2:]:
            raise InputError(
                f"{run.folder} has masks of {_words(labels)} pixels, expected {_words(frames)} as the frames"
            )
        numbers = [i for i in labels.unique().tolist() if i not in (0, VOID)]
        class_names = _class_names(run.class_names, numbers, run.folder)
        real_frames = None if real is None else _real(Path(real), run.name, frames, done)
        return cls(run.name, frames, _targets(labels, numbers), class_names, real_frames, run.record)

    def sampled(self, count: int) -> Self:
        """At most `count` frames, evenly spread."""
        if count < 1:
            raise ValueError(f"count must be 1 or more, got {count}")
        if len(self) <= count:
            return self
        places = torch.linspace(0, len(self) - 1, count).round().long().tolist()
        real = None if self.real is None else self.real[places]
        return replace(self, frames=self.frames[places], targets=tuple(self.targets[i] for i in places), real=real)

    def with_frames(self, frames: torch.Tensor) -> Self:
        """Other frames for the same masks."""
        return replace(self, frames=frames)


def _targets(labels: torch.Tensor, numbers: Sequence[int]) -> tuple[FrameTarget, ...]:
    made = []
    for plane in labels:
        masks, _ = labels_to_instances(plane, ids=numbers)
        void = plane == VOID
        made.append(FrameTarget(masks, torch.tensor(numbers, dtype=torch.int64), void if bool(void.any()) else None))
    return tuple(made)


def _class_names(given: Mapping[int, str | None], numbers: Sequence[int], folder: Path) -> tuple[str | None, ...]:
    """By object number, the background first."""
    if missing := [i for i in numbers if i not in given]:
        raise InputError(f"{folder / 'run.json'} must have a class name, or null, for object {missing[0]}")
    return ("background", *(given.get(i) for i in range(1, max(given, default=0) + 1)))


def _real(folder: Path, name: str, frames: torch.Tensor, done: Sequence[int]) -> torch.Tensor:
    """Real frames number `done`, at the size of `frames`."""
    folder = folder / name if (folder / name).is_dir() else folder
    kinds = (".png", ".jpg", ".jpeg")
    paths = sorted((path for path in folder.glob("*") if path.suffix.lower() in kinds), key=_by_number)
    if len(paths) <= done[-1]:
        raise InputError(f"{folder} must hold a real frame for each of {done[-1] + 1} frames, got {len(paths)}")
    real = _of_one_size([read_picture(paths[i]) for i in done], folder)
    if real.shape == frames.shape:
        return real
    size = (int(frames.shape[-2]), int(frames.shape[-1]))
    resized = functional.interpolate(real.float(), size, mode="bilinear", antialias=True, align_corners=False)
    return resized.round().clamp(0, 255).to(torch.uint8)


def _by_number(path: Path) -> tuple[str, int]:
    """image_2 comes before image_10."""
    digits = "".join(filter(str.isdigit, path.stem))
    return path.stem.rstrip("0123456789"), int(digits or 0)


def _of_one_size(planes: Sequence[torch.Tensor], folder: Path) -> torch.Tensor:
    if len({plane.shape for plane in planes}) > 1:
        raise InputError(f"{folder} holds pictures of several sizes, expected one size")
    return torch.stack(list(planes))


def _words(pictures: torch.Tensor) -> str:
    return f"{pictures.shape[-1]}x{pictures.shape[-2]}"
