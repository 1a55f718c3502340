"""`maskreel animate check-data`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)

import tyro  # noqa: TC002 (the same)

from maskreel.common.cli import progress

__all__ = ["check_data"]

logger = logging.getLogger(__name__)


def check_data(data: tyro.conf.Positional[Path], decode: bool = False) -> int:
    """Look at all videos of a data set and name those that cannot be learned from, with the reason.

    Args:
        data: A data set in the published layout (train/ and test/), any folder of videos, or one video.
        decode: Decode every frame, too, which finds damage in the middle and takes its time.
    """
    from maskreel.animate.data import check_clips, find_clips

    # One video alone is two clips: its first part to learn from, the rest to measure on.
    clips = [clip for split in ("train", "test") for clip in find_clips(data, split)]
    with progress(description="check", total=len(clips), unit="videos") as bar:
        faults = check_clips(clips, decode=decode, progress=bar.update)
    for message in dict.fromkeys(fault.message for fault in faults):
        logger.error("%s", message)
    videos, bad = ({clip.path for clip in some} for some in (clips, (fault.clip for fault in faults)))
    logger.info("%d of %d videos can be learned from", len(videos) - len(bad), len(videos))
    return 1 if faults else 0
