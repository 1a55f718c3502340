"""`maskreel world render`: clips of a scene as files."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.world._actors._scene import ActorsScene  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.common.world._label_noise import LabelNoise
from maskreel.common.world._splits import Splits  # noqa: TC001 (the same)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.common.world import TableScene

logger = logging.getLogger(__name__)

Output = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


def render_table(
    counts: Splits,
    noise: LabelNoise,
    output: Output,
    seed: int = 0,
    difficulty: Literal["easy", "medium", "hard"] | None = None,
    size: tuple[int, int] | None = None,
    scene: Path | None = None,
    padded: bool = False,
    hidden_truth: bool = False,
    workers: int | None = None,
) -> int:
    """Render a data set of colliding shapes in the layout of the vfp data set.

    Killed? Run the same command again: it goes on. The same options give the same files.

    Args:
        counts: Numbers of videos.
        noise: Faults of the masks of train and val.
        output: The folder of the data set: new, or left by an earlier run.
        seed: Another number gives other videos.
        difficulty: How fast things move; by default medium.
        size: Height and width in pixels; by default 160 240.
        scene: A scene from `maskreel world calibrate`, in place of a difficulty.
        padded: Name the videos video_00000 instead of video_0.
        hidden_truth: Keep the masks of the hidden videos in OUTPUT/hidden_truth.
        workers: Processes; by default one per core, 0 for none but this.
    """
    from maskreel.common.world import write_dataset

    _check(seed=seed, workers=workers)
    if counts.total == 0:
        raise InputError("there is nothing to render: say how many with --train, --val, --unlabeled or --hidden")
    table = _table(difficulty, size, scene)
    with progress(description="render", total=counts.total, unit="videos") as bar:
        write_dataset(
            table,
            output,
            counts,
            seed=seed,
            padded=padded,
            label_noise=None if noise == LabelNoise() else noise,
            hidden_truth=hidden_truth,
            workers=workers,
            progress=bar.update,
        )
    logger.info("%s: %d videos", output, counts.total)
    return 0


def _table(
    difficulty: Literal["easy", "medium", "hard"] | None, size: tuple[int, int] | None, file: Path | None
) -> TableScene:
    from maskreel.common.world import TableScene
    from maskreel.common.world._table.file import read_scene

    if file is not None and difficulty is not None:
        raise InputError("--scene and --difficulty exclude each other")
    with _flags():
        scene = TableScene.preset(difficulty or "medium") if file is None else read_scene(file)
        return scene if size is None else replace(scene, size=size)


def render_actors(
    output: Output,
    scene: ActorsScene,
    videos: int = 16,
    seed: int = 0,
    workers: int | None = None,
) -> int:
    """Render videos of people who walk, wave and dance, with the masks of the people.

    Killed? Run the same command again: it goes on.

    Args:
        output: The folder for video_0.mp4, masks/video_0 and so on: new, or left by an earlier run.
        scene: What they are like.
        videos: How many.
        seed: Another number gives other videos.
        workers: Processes; by default one per core, 0 for none but this.
    """
    from maskreel.common.world._videos import write_videos

    _check(seed=seed, workers=workers, videos=videos)
    with progress(description="render", total=videos, unit="videos") as bar:
        write_videos(scene, output, videos, seed=seed, workers=workers, progress=bar.update)
    logger.info("%s: %d videos", output, videos)
    return 0


def render_lecture(
    output: Output,
    seed: int = 0,
    seconds: float = 50.0,
    fps: Fraction = Fraction(10),
    size: tuple[int, int] = (360, 640),
    camera: Literal["static", "handheld"] = "static",
    board: Literal["white", "green"] = "white",
    noise: float = 2.0,
    exposure_drift: float = 0.0,
    shadow: bool = False,
    never_seen: bool = False,
) -> int:
    """Render a lecture to three lossless videos: video.mkv, plate.mkv (without the lecturer) and mask.mkv.

    Args:
        output: The folder for the three files.
        seed: Another number gives another lecture.
        seconds: Length; about 45 s fill the board.
        fps: Frames per second.
        size: Height and width in pixels.
        camera: Whether it stands or moves a little.
        board: White with markers or green with chalk.
        noise: Standard deviation of the sensor noise in grey levels.
        exposure_drift: Largest slow change of brightness, as a fraction.
        shadow: Whether the lecturer casts a soft shadow.
        never_seen: Whether he stays at one place, so that a part of the board is never seen.
    """
    from maskreel.common.world._lecture._scene import LectureScene
    from maskreel.common.world._lecture._write import write_lecture

    _check(seed=seed)
    with _flags():
        scene = LectureScene(
            size=size,
            seconds=seconds,
            fps=fps,
            frames=None,
            camera=camera,
            board=board,
            noise=noise,
            exposure_drift=exposure_drift,
            shadow=shadow,
            never_seen=never_seen,
        )
    with progress(description="render", total=scene.frame_count) as bar:
        write_lecture(scene.open(seed), output, on_frame=lambda _: bar.update(1))
    logger.info("%s: video.mkv, plate.mkv, mask.mkv", output)
    return 0


def _check(**flags: int | None) -> None:
    for name, value in flags.items():
        if value is not None and value < 0:
            raise InputError(f"--{name} must be 0 or more, got {value}")


@contextmanager
def _flags() -> Iterator[None]:
    """A scene is made of flags alone, so what it refuses is a mistake of the person who gave them."""
    try:
        yield
    except ValueError as error:
        raise InputError(str(error)) from error
