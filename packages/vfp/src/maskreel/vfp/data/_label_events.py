"""What cannot be true in the label maps of a clip: objects that come from nowhere, are gone, or change their kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from maskreel.vfp.data._thing import Thing, may_be_the_same

if TYPE_CHECKING:
    from collections.abc import Iterator

LabelEventKind = Literal["appears", "vanishes", "flickers", "flips", "twice"]


@dataclass(frozen=True, order=True)
class LabelEvent:
    """Something in the label maps of one frame that a moving thing does not do.

    - appears: never seen before, yet well inside the picture and not from behind something.
    - vanishes: never seen again from this frame on, though it was well inside the picture and is not hidden.
    - flickers: not there in this frame, neither hidden nor outside, though it is before and after.
    - flips: is where the class `other` was in the frame before, and of the same shape.
    - twice: in two large regions that nothing stands between.
    """

    frame: int
    """Counted from 0."""
    label: int
    """Class id."""
    kind: LabelEventKind
    other: int | None = None
    """The class before a flip."""


def label_events(labels: np.ndarray) -> list[LabelEvent]:
    """What is wrong in the label maps of a clip, as far as the label maps alone can tell, in the order of the frames.

    Near the edge of the picture and beside other objects nothing is told: things do come, leave and hide.

    Args:
        labels: uint8 (T, H, W), class ids, 0 for the background.

    Raises:
        ValueError: `labels` has another dtype or shape.
    """
    if labels.dtype != np.uint8 or labels.ndim != 3:
        raise ValueError(f"labels must be uint8 of shape (T, H, W), got {labels.dtype} of shape {labels.shape}")
    found = (Thing(labels, int(label)) for label in np.unique(labels) if label != 0)
    things = [thing for thing in found if thing.frames]
    swaps = list(_swaps(things))
    events = [LabelEvent(t, new.label, "flips", old.label) for t, old, new in swaps if _is_wrong(t, old, new)]
    gone, come = {(t, old.label) for t, old, _ in swaps}, {(t, new.label) for t, _, new in swaps}
    for thing in things:
        events += [LabelEvent(t, thing.label, "twice") for t in thing.frames if thing.is_twice(t)]
        events += _comings_and_goings(thing, gone, come)
    return sorted(events)


def _swaps(things: list[Thing]) -> Iterator[tuple[int, Thing, Thing]]:
    """Frame, class before and class from then on of things that change their class from one frame to the next."""
    for old in things:
        for new in things:
            for end in {end for _, end in old.runs} & {start - 1 for start, _ in new.runs}:
                if may_be_the_same(old, end, new, end + 1):
                    yield end + 1, old, new


def _is_wrong(frame: int, old: Thing, new: Thing) -> bool:
    """Whether this swap leads to the false class and not back from it."""
    return new.frames[0] == frame or len(new.frames) < len(old.frames)


def _comings_and_goings(thing: Thing, gone: set[tuple[int, int]], come: set[tuple[int, int]]) -> Iterator[LabelEvent]:
    """`gone` and `come` hold the frames and classes that a swap explains."""
    label, (first, last) = thing.label, (thing.frames[0], thing.frames[-1])
    if first > 0 and (first, label) not in come and thing.is_clear(first) and thing.was_free(first):
        yield LabelEvent(first, label, "appears")
    for (_, end), (start, _) in zip(thing.runs, thing.runs[1:], strict=False):
        if (end + 1, label) in gone or (start, label) in come or min(thing.edge(end), thing.edge(start)) == 0:
            continue
        yield from (LabelEvent(t, label, "flickers") for t in range(end + 1, start) if thing.is_missing(t, end, start))
    if last < thing.count - 1 and (last + 1, label) not in gone and thing.is_clear(last) and thing.stays_free(last):
        yield LabelEvent(last + 1, label, "vanishes")
