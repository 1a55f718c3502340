"""`FrameStore`: a folder of small frames, made once, so that no video is decoded while networks learn."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.animate.data._check import ClipFault, refusal
from maskreel.animate.data._clip_files import ClipFiles, Layout, clip_files
from maskreel.animate.data._frames import examine, require_pair
from maskreel.animate.data._store_all import store_all
from maskreel.animate.data._stored_clip import StoredClip
from maskreel.common.array_file import open_npy
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from maskreel.animate.data._clip_path import ClipPath
    from maskreel.animate.data._square import Fit


class FrameStore:
    """Frames of clips as uint8 squares, in one uncompressed array per clip: 196 kB for each frame of 256x256.

    A clip is found again by its path, by size and time of its files, and by the settings here, so one store may serve
    many data sets and settings; nothing is ever taken out. An array appears when it is whole. Killed while storing? The
    same call goes on with the frame where it stopped.

    Args:
        folder: Where to keep them; made if it is not there.
        size: Height and width of the squares.
        fit: How frames of other shapes become squares; "crop" takes the largest centred square.
        most: Keep only this many frames of each video, evenly spaced; None keeps all.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, size: int, fit: Fit = "crop", most: int | None = None
    ) -> None:
        if size < 1:
            raise ValueError(f"size must be 1 or more pixels, got {size}")
        if fit not in ("crop", "pad", "squash"):
            raise ValueError(f"fit must be 'crop', 'pad' or 'squash', got {fit!r}")
        if most is not None and most < 2:
            raise ValueError(f"most must be 2 or more frames, got {most}")
        self.folder, self.layout = Path(folder), Layout(size, fit, most)

    def check(self, clips: Sequence[ClipPath], *, progress: Callable[[int], object] | None = None) -> int:
        """Look at the clips that are not stored yet, as `check_clips` does, and whether there is room for them.

        Args:
            clips: What is to be stored.
            progress: Called with 1 after every clip.

        Returns:
            The number of frames that `fill` will tell of.

        Raises:
            InputError: clips cannot be used (up to eight are named with the reason), or the disk is too full.
        """
        faults: list[ClipFault] = []
        missing: dict[ClipFiles, int] = {}
        for clip in clips:
            try:
                files = self._files(clip)
                if not files.are_there:
                    missing[files] = self.layout.kept(examine(clip)[1])
                    require_pair(clip, missing[files])
            except InputError as error:
                faults.append(ClipFault(clip, str(error)))
            if progress is not None:
                progress(1)
        if faults:
            raise refusal(faults, len(clips))
        self._check_room(missing)
        return sum(missing.values())

    def fill(
        self, clips: Sequence[ClipPath], *, workers: int = 0, progress: Callable[[int], object] | None = None
    ) -> list[StoredClip]:
        """Store the clips that are not there yet, and give all. Other processes with this store wait meanwhile.

        Args:
            clips: As `find_clips` gives them.
            workers: Processes that decode; 0: this one.
            progress: Called with the number of frames stored since the last call, at first with those that an earlier
                run has left.

        Raises:
            InputError: some clips cannot be used (up to eight are named with the reason); the others are stored.
        """
        if workers < 0:
            raise ValueError(f"workers must be 0 or more, got {workers}")
        with locked(self.folder, wait=True):
            found = {clip: self._files_or_fault(clip) for clip in clips}
            faults = [fault for fault in found.values() if isinstance(fault, ClipFault)]
            files = {clip: files for clip, files in found.items() if isinstance(files, ClipFiles)}
            faults += store_all(files, self.layout, workers=workers, progress=progress or (lambda _: None))
        if faults:
            raise refusal(faults, len(clips))
        return [self._opened(clip, files[clip]) for clip in clips]

    def _files(self, clip: ClipPath) -> ClipFiles:
        return clip_files(self.folder, clip, self.layout)

    def _files_or_fault(self, clip: ClipPath) -> ClipFiles | ClipFault:
        try:
            return self._files(clip)
        except InputError as error:
            return ClipFault(clip, str(error))

    def _opened(self, clip: ClipPath, files: ClipFiles) -> StoredClip:
        frames = len(open_npy(files.frames))
        require_pair(clip, frames)
        return StoredClip(clip.name, clip.identity, files.frames, files.masks, *clip.span(frames), self.layout.size)

    def _check_room(self, missing: dict[ClipFiles, int]) -> None:
        square = self.layout.size**2
        needed = sum(
            frames * square * (3 if files.masks is None else 4) - files.bytes_there for files, frames in missing.items()
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise InputError(
                f"{self.folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB of frames are to be stored; "
                "choose another folder for them, or fewer frames of each video"
            )
