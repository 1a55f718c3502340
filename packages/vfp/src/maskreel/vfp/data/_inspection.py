"""One video of the data set, looked at from all sides."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from maskreel.common.world import OBJECT_CLASSES
from maskreel.vfp.data._channel_order import channel_agreement, looks_swapped
from maskreel.vfp.data._frame_order import order_hint, repeated_frames
from maskreel.vfp.data._label_events import LabelEvent, label_events
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maskreel.common.datasets import VfpSequence

FindingKind = Literal["file", "order", "repeat", "channels", "duplicate", "labels"]

_SHOWN = 3
"""Label events of one video that are told one by one."""


@dataclass(frozen=True)
class Finding:
    """Something about one video; `str()` is a line for a person.

    "file" is a fault: a file is missing or damaged, or breaks the layout. The others are suspicions: the files can be
    read, but their content looks wrong.
    """

    split: str
    video: str
    """Name of its folder, such as video_7."""
    kind: FindingKind
    message: str

    @property
    def is_fault(self) -> bool:
        return self.kind == "file"

    def __str__(self) -> str:
        return f"{self.split}/{self.video}: {self.kind}: {self.message}"


@dataclass(frozen=True)
class Inspection:
    """What was found in one video."""

    findings: tuple[Finding, ...]
    digest: bytes = b""
    """Fingerprint of the pixels of the first 11 frames; empty if they cannot be read."""
    events: tuple[LabelEvent, ...] = ()
    objects: int = 0
    """Objects in all labelled frames together."""


def inspect_video(video: VfpSequence) -> Inspection:
    """Check the files of a video and, if they are whole, what is in them."""
    faults = video.check()
    if faults:
        return Inspection(tuple(Finding(video.split, video.name, "file", str(fault)) for fault in faults))
    frames = np.ascontiguousarray(video.frames().permute(0, 2, 3, 1).numpy())
    labels = video.labels()
    digest = hashlib.blake2b(frames[:OBSERVED].tobytes(), digest_size=16).digest()
    told = list(_about_frames(frames))
    if labels is None:
        return Inspection(_findings(video, told), digest)
    events = label_events(labels.numpy())
    told += _about_labels(frames, labels.numpy(), events)
    return Inspection(_findings(video, told), digest, tuple(events), _count_objects(labels.numpy()))


def _findings(video: VfpSequence, told: Sequence[tuple[FindingKind, str]]) -> tuple[Finding, ...]:
    return tuple(Finding(video.split, video.name, kind, message) for kind, message in told)


def _about_frames(frames: np.ndarray) -> Iterator[tuple[FindingKind, str]]:
    if hint := order_hint(frames):
        yield "order", str(hint)
    if pair := repeated_frames(frames):
        yield "repeat", f"frames {pair[0]} and {pair[1]} are equal, though frames between them differ"


def _about_labels(
    frames: np.ndarray, labels: np.ndarray, events: Sequence[LabelEvent]
) -> Iterator[tuple[FindingKind, str]]:
    if looks_swapped(channel_agreement(frames, labels)):
        yield "channels", "the colours fit the classes better with red and blue exchanged"
    if events:
        yield "labels", _in_words(events)


def _in_words(events: Sequence[LabelEvent]) -> str:
    """Events of one thing together, the most frequent first."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        verb = event.kind if event.other is None else f"was {OBJECT_CLASSES[event.other - 1]} before"
        groups[str(OBJECT_CLASSES[event.label - 1]), "is there twice" if verb == "twice" else verb].append(event.frame)
    told = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = [f"{name} {verb} in frame {', '.join(map(str, frames))}" for (name, verb), frames in told[:_SHOWN]]
    return "; ".join(lines) + (f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")


def _count_objects(labels: np.ndarray) -> int:
    return sum(int(np.count_nonzero(np.bincount(frame.ravel())[1:])) for frame in labels)
