"""All clips of a data set that cannot be used, by name and in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.animate.data._frames import examine, frames_from, masks_from
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.animate.data._clip_path import ClipPath

_SHOWN = 8


@dataclass(frozen=True)
class ClipFault:
    """Why a clip cannot be used."""

    clip: ClipPath
    message: str
    """One sentence that names the file."""


def check_clips(
    clips: Sequence[ClipPath], *, decode: bool = False, progress: Callable[[int], object] | None = None
) -> list[ClipFault]:
    """What is wrong with clips: unreadable, empty or cut off; less than two frames; frames of several sizes or with
    missing numbers; masks that are not one for each frame.

    Args:
        clips: What to check.
        decode: Look at every frame, which takes long. Else only at what files tell about themselves and at the first
            frame.
        progress: Called with 1 after every clip.
    """
    faults = []
    for clip in clips:
        try:
            size, count = examine(clip)
            if decode:
                _read_all(clip, size, count)
        except InputError as error:
            faults.append(ClipFault(clip, str(error)))
        if progress is not None:
            progress(1)
    return faults


def refusal(faults: Sequence[ClipFault], clips: int) -> InputError:
    """One error for all of them."""
    messages = list(dict.fromkeys(fault.message for fault in faults))  # two clips may be parts of one video
    if len(messages) == 1 and len(faults) == clips:
        return InputError(messages[0])
    told = "; ".join(f"({number}) {message}" for number, message in enumerate(messages[:_SHOWN], 1))
    rest = f"; and {len(messages) - _SHOWN} more" if len(messages) > _SHOWN else ""
    return InputError(f"{len(faults)} of {clips} clips cannot be used; mend them or take them out: {told}{rest}")


def _read_all(clip: ClipPath, size: tuple[int, int], count: int) -> None:
    for _ in frames_from(clip.path, 0):
        pass
    for _ in () if clip.masks is None else masks_from(clip.masks, 0, size, count):
        pass
