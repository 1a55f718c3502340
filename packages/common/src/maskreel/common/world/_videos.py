"""Rendered clips as video files with masks beside them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.job_folder import locked
from maskreel.common.world._record import keep_record
from maskreel.common.world._vfp_video import video_seed
from maskreel.common.world._workers import for_each

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from maskreel.common.world._clip import Scene


def write_videos(
    scene: Scene,
    folder: str | os.PathLike[str],
    count: int,
    *,
    seed: int,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Render clips to `folder`/video_0.mp4 and so on, and what is not background in them to `folder`/masks/video_0.

    The masks are folders of PNG files, for `masks.read_masks`. Existing videos are not rendered again; a later call may
    ask for more. `workers` and `progress` are those of `write_dataset`.

    Raises:
        ValueError: `seed` or `workers` is negative.
        TypeError: `scene` is not a dataclass.
        InputError: `folder` holds videos of another scene or seed or other files, or another process is writing to it.
    """
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    videos = _Videos(scene, Path(folder), seed)
    with locked(videos.root):
        keep_record(videos.root, scene, {"seed": seed})
        videos.remove_scratch()
        try:
            pending = [number for number in range(count) if not videos.path(number).exists()]
            if progress is not None and len(pending) < count:
                progress(count - len(pending))
            for_each(videos.render, pending, workers=workers, progress=progress)
        finally:
            videos.remove_scratch()


@dataclass(frozen=True)
class _Videos:
    scene: Scene
    root: Path
    seed: int

    def path(self, number: int) -> Path:
        return self.root / f"video_{number}.mp4"

    def render(self, number: int) -> None:
        from maskreel.common.masks import write_masks
        from maskreel.common.video import write

        made = self.scene.render(video_seed(self.seed, number))
        masks = self.root / "masks" / self.path(number).stem
        shutil.rmtree(masks, ignore_errors=True)  # without the video, it is what a killed run has left
        write_masks(masks, made.visible.any(dim=1))
        write(self.path(number), made.clip)

    def remove_scratch(self) -> None:
        for folder in self.root.glob("masks/.video_*.part"):
            shutil.rmtree(folder)
        for file in self.root.glob(".video_*.part.mp4"):
            file.unlink()
