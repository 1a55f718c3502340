"""A lecture as files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.video import Clip, VideoWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from maskreel.common.world._lecture._take import LectureTake


def write_lecture(
    take: LectureTake, folder: str | os.PathLike[str], *, on_frame: Callable[[int], object] | None = None
) -> tuple[Path, Path, Path]:
    """Write a whole lecture losslessly (FFV1): video.mkv, plate.mkv and mask.mkv (white where the lecturer is).

    Args:
        take: what `LectureScene.open` gives.
        folder: where the files go; made if it is missing.
        on_frame: called with the number of frames done after every frame, for progress bars.

    Returns:
        The three paths, in this order. Files appear when they are complete.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fps = take.scene.fps
    paths = folder / "video.mkv", folder / "plate.mkv", folder / "mask.mkv"
    with ExitStack() as files:
        writers = [files.enter_context(VideoWriter(p, fps=fps, size=take.scene.size, codec="ffv1")) for p in paths]
        for t in range(take.frame_count):
            shot = take.render(t)
            white = np.repeat(shot.mask[..., None].astype(np.uint8) * 255, 3, axis=-1)
            for writer, picture in zip(writers, (shot.frame, shot.plate, white), strict=True):
                writer.write(Clip.from_numpy(picture[None], fps, t / fps))
            if on_frame is not None:
                on_frame(t + 1)
    return paths
