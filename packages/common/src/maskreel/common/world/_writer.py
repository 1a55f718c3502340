"""Data sets in the layout of vfp, rendered from a scene."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.job_folder import locked
from maskreel.common.world._record import keep_record
from maskreel.common.world._vfp_video import VfpVideos
from maskreel.common.world._workers import for_each

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from maskreel.common.world._label_noise import LabelNoise
    from maskreel.common.world._splits import Splits
    from maskreel.common.world._vfp_video import LabelledScene


def write_dataset(
    scene: LabelledScene,
    folder: str | os.PathLike[str],
    counts: Splits,
    *,
    seed: int,
    padded: bool = False,
    label_noise: LabelNoise | None = None,
    hidden_truth: bool = False,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Render a data set in exactly the layout that `datasets.VfpFolder` reads.

    Videos are numbered through train, val, unlabeled and hidden. A video appears when it is whole, and what is there is
    not rendered again, so the same call after an interruption goes on. The bytes depend on the scene, `seed`, the
    number of a video and the versions of the libraries, not on `workers`. `folder`/world.json tells what was rendered.

    Args:
        scene: What to render, such as `TableScene()`.
        folder: New, or left by an earlier call with the same scene, counts, seed, padding and noise.
        counts: Videos in each split.
        seed: 0 or more; another seed gives other videos.
        padded: Name the videos video_00000 instead of video_0.
        label_noise: Makes the masks of train and val worse.
        hidden_truth: Write the exact masks of the hidden videos to `folder`/hidden_truth/video_N.npy, 22 of each.
        workers: Processes; None: one per core; 0: everything in this process. Processes are spawned, so a script must
            call this under `if __name__ == "__main__"`.
        progress: Called with the number of videos that were finished since the last call, at first with those that an
            earlier run has left.

    Raises:
        ValueError: `seed` or `workers` is negative, or the scene does not give 22 frames.
        TypeError: `scene` is not a dataclass.
        InputError: `folder` holds another data set or other files, or another process is writing to it.
    """
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    root = Path(folder)
    noise = None if label_noise is None else asdict(label_noise)
    settings = {"seed": seed, "counts": asdict(counts), "padded": padded, "label_noise": noise}
    videos = VfpVideos(scene, root, seed, padded, label_noise, hidden_truth)
    with locked(root):
        keep_record(root, scene, settings)
        videos.remove_scratch()
        try:
            pending = [video for video in counts.videos() if not videos.is_done(video)]
            if progress is not None and len(pending) < counts.total:
                progress(counts.total - len(pending))
            for_each(videos.render, pending, workers=workers, progress=progress)
        finally:
            videos.remove_scratch()
