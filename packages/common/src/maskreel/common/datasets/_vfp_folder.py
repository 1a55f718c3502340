"""The vfp data set on disk: short videos of colliding objects with the class of every pixel."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from maskreel.common.datasets._vfp_listing import list_videos
from maskreel.common.datasets._vfp_sequence import VfpFault, VfpSequence, VfpSplit
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


class VfpFolder:
    """The videos of one split in the order of their numbers; iterate, or index by position or name.

    `root` holds train, val, unlabeled or hidden, in one of two layouts:

    - Together: the split holds video_0 or video_00000 and so on, and these hold image_0.png to image_21.png (hidden:
      image_10.png) and, in train and val, mask.npy with 22 label maps.
    - Apart: the split holds input and target, and both hold the folders of the videos, found by their numbers. input
      has image_0.png to image_10.png, target has the rest, image_11.png to image_21.png or numbered anew from
      image_0.png; or all 22 are in input. mask.npy with 22 label maps is in target or in input, or each has one with
      11. hidden, and any split without target, has input alone.

    Whatever has another name is left out. Opening lists folders and reads no file: a bad video raises InputError when
    it is read.

    Args:
        root: The folder of the data set.
        split: Which videos.
        leave_out: Numbers of videos that are not wanted.
        skip_bad: Check all videos now, leave out those with a fault and list the faults in `skipped`.
        progress: Called with 1 after every video that `skip_bad` has checked.

    Raises:
        ValueError: `split` is none of the four.
        InputError: The folder of the split is missing, holds no video, two of one number, or both layouts.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: VfpSplit,
        *,
        leave_out: Collection[int] = (),
        skip_bad: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        if split not in get_args(VfpSplit):
            raise ValueError(f"split must be one of {', '.join(get_args(VfpSplit))}, got {split!r}")
        self.root = Path(root)
        self.split: VfpSplit = split
        self._sequences = [video for video in list_videos(self.root / split, split) if video.number not in leave_out]
        self.skipped: tuple[VfpFault, ...] = ()
        """What is wrong with the videos that were left out."""
        if skip_bad:
            self.skipped = tuple(self.check(progress=progress))
            bad = {fault.sequence for fault in self.skipped}
            self._sequences = [video for video in self._sequences if video.name not in bad]
        self._by_name = {video.name: video for video in self._sequences}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def check(self, *, threads: int | None = None, progress: Callable[[int], object] | None = None) -> list[VfpFault]:
        """Decode every file of every video and list all faults, in the order of the videos.

        Args:
            threads: Videos checked at a time; None: one per core.
            progress: Called with 1 after every video.
        """
        faults: list[VfpFault] = []
        pool = ThreadPoolExecutor(threads or os.cpu_count())
        try:
            for found in pool.map(VfpSequence.check, self):
                faults += found
                if progress is not None:
                    progress(1)
        finally:
            pool.shutdown(cancel_futures=True)
        return faults

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[VfpSequence]:
        return iter(self._sequences)

    def __getitem__(self, key: int | str) -> VfpSequence:
        if isinstance(key, int):
            return self._sequences[key]
        if key not in self._by_name:
            raise InputError(f"{self.root / self.split} has no video {key!r}, expected a name such as video_0")
        return self._by_name[key]
