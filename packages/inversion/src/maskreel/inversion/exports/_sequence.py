"""What is exported: frames with the masks that they show."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from fractions import Fraction

    from maskreel.inversion.run_folder import RunFolder
    from maskreel.inversion.targets import FrameTarget


class ExportFrame(NamedTuple):
    """One frame."""

    picture: torch.Tensor
    """uint8 (3, H, W), RGB."""
    masks: torch.Tensor
    """bool (N, H, W), one per object."""
    void: torch.Tensor | None = None
    """bool (H, W): pixels of which nothing is known."""


@dataclass(frozen=True)
class ExportSequence:
    """The frames of one video, taken one after the other while they are written; see `from_run`, `from_targets`.

    Raises:
        InputError: The name cannot be that of a folder.
    """

    name: str
    fps: Fraction
    class_names: Mapping[int, str | None]
    """By object number, in the order of the masks."""
    frames: Iterable[ExportFrame]
    frame_count: int | None = None
    """None: not known before the end."""
    fingerprint: str | None = None
    """The same for the same frames on disk, so that an export that was stopped can go on; None: it begins anew."""

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or "\\" in self.name or self.name.startswith("."):
            raise InputError(f"name must be a folder's name, got {self.name!r}")

    @property
    def object_ids(self) -> tuple[int, ...]:
        return tuple(self.class_names)

    def labels(self, frame: ExportFrame) -> torch.Tensor:
        """uint8 (H, W) of a frame: later objects over earlier ones, 255 where void."""
        ids = self.object_ids
        return mask_tools.instances_to_labels(frame.masks, ids, order=ids, void=frame.void)


def from_run(run: RunFolder, *, unfinished: bool = False) -> ExportSequence:
    """The frames of a run folder, read when they are written.

    Raises:
        InputError: The run has no frame, or lacks some that it should have and `unfinished` is False.
    """
    done = run.frames_done()
    if not done:
        raise InputError(f"{run.folder} holds no finished frame, expected frames/00000.png and masks/00000.png")
    gap = next((before + 1 for before, after in pairwise((-1, *done)) if after != before + 1), None)
    if gap is not None:
        raise InputError(f"{run.folder} lacks frame {gap} with its mask, expected frames without a gap")
    if run.frame_count is not None and len(done) < run.frame_count and not unfinished:
        raise InputError(f"{run.folder} has {len(done)} of {run.frame_count} frames, finish the run first")
    frames = _RunFrames(run, done)
    classes = {number: run.class_names.get(number) for number in frames.object_ids}
    return ExportSequence(run.name, run.fps, classes, frames, len(done), _fingerprint(run))


def from_targets(
    name: str,
    frames: Iterable[torch.Tensor],
    targets: Sequence[FrameTarget],
    *,
    fps: Fraction,
    class_names: Sequence[str] | None = None,
) -> ExportSequence:
    """Frames in memory or from a generator, uint8 (3, H, W), with what each was to show.

    Object 1 is the first mask of every target, object 2 the second, and so on.

    Args:
        name: Of the sequence.
        frames: As many as targets.
        targets: All with the same objects in the same order.
        fps: Frames per second.
        class_names: The teacher's, background first; None: the objects have no classes.

    Raises:
        ValueError: There is no target, or objects change; while writing, if there are more or fewer frames.
    """
    if not targets:
        raise ValueError("targets must hold at least one frame")
    first = targets[0].labels.tolist()
    if any(target.labels.tolist() != first for target in targets):
        raise ValueError("targets must have the same objects in every frame")
    names: list[str | None] = [None if class_names is None else class_names[int(label)] for label in first]
    pairs = (
        ExportFrame(picture, target.masks.cpu(), None if target.void is None else target.void.cpu())
        for picture, target in zip(frames, targets, strict=True)
    )
    return ExportSequence(name, fps, dict(enumerate(names, start=1)), pairs, len(targets))


class _RunFrames:
    """Reads the frames of a run; may be iterated more than once."""

    def __init__(self, run: RunFolder, done: Sequence[int]) -> None:
        self._run, self._done = run, done
        found: set[int] = set()
        for index in done:
            found.update(torch.unique(run.labels(index)).tolist())
        self.object_ids = tuple(sorted(found - {0, mask_tools.VOID}))

    def __len__(self) -> int:
        return len(self._done)

    def __iter__(self) -> Iterator[ExportFrame]:
        for index in self._done:
            labels = self._run.labels(index)
            picture = self._run.frame(index)
            if picture.shape[1:] != labels.shape:
                raise InputError(f"frame {index} of {self._run.folder} has another size than its mask")
            masks, _ = mask_tools.labels_to_instances(labels, ids=self.object_ids)
            void = labels == mask_tools.VOID
            yield ExportFrame(picture, masks, void if void.any() else None)


def _fingerprint(run: RunFolder) -> str:
    files = [file for part in ("frames", "masks") for file in sorted((run.folder / part).glob("*.png"))]
    facts = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps([run.record, facts], sort_keys=True).encode()).hexdigest()
