"""`maskreel animate reconstruct`."""

from __future__ import annotations

import logging
import sys
from fractions import Fraction
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.animate.commands._shared import opened
from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.animate.data import ClipPath
    from maskreel.animate.evaluation import Judges, Row
    from maskreel.animate.model import AnimationModel

__all__ = ["reconstruct"]

logger = logging.getLogger(__name__)

_METHODS = ("copy", "raw", "refined")
_FPS = Fraction(25)


def reconstruct(
    video: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    weights: Path | None = None,
    frames: int | None = None,
    clips: bool = True,
    keypoints: Path | None = None,
    embedder: Path | None = None,
    features: Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Animate the first frame of videos by the videos themselves, and measure how near the result comes.

    Two ways: raw, with masks of the driving frames as they are (published numbers are made so), and refined, with masks
    that went through P_test and r as in every animation; and beside them a copy of the first frame. A table is printed;
    scores.csv holds it for every video, scores.json the means, and a film for each video shows source, driving frame
    and results. Frames are looked at as the networks see them: whole, in a square of the networks' size.

    AKD, MKR, AED and FID need networks, which you bring as TorchScript files. Each is given RGB pictures as a tensor
    uint8 (N, 3, S, S).

    Args:
        video: A video, a folder of frames, or a folder of videos (of the published layout: its test videos).
        output: A folder.
        weights: What `maskreel animate train` wrote (.safetensors); by default the small model of the package.
        frames: Look at so many frames of each video at most.
        clips: Write the films.
        keypoints: A TorchScript file that gives float (N, K, 2), x and y of K key points in pixels, nan where one is
            not found: for AKD and MKR of each video.
        embedder: One that gives float (N, D), for example of identities: for AED of each video.
        features: One that gives float (N, D), for example of Inception: for FID of all videos together, which takes
            thousands of frames to be worth something.
        device: Where the networks work; auto: on CUDA where there is a device.
    """
    from maskreel.animate.evaluation import load_judges, words_of, write_tables
    from maskreel.common.device import chosen_device

    if frames is not None and frames < 2:
        raise InputError(f"--frames must be 2 or more, got {frames}")
    judges = load_judges(keypoints, embedder, features, device=chosen_device(device))
    videos, model = _videos(video), opened(weights, device)
    rows: list[Row] = []
    for clip in progress(videos, description="reconstruct", unit="videos"):
        rows += _of_video(model, clip, frames, output if clips else None, judges)
    means = write_tables(
        output, rows + judges.rows(), {"videos": str(video), "weights": None if weights is None else str(weights)}
    )
    sys.stdout.write(words_of(means, intervals=len(videos) > 1))
    logger.info("%s", output / "scores.json")
    return 0


def _videos(path: Path) -> list[ClipPath]:
    from dataclasses import replace

    from maskreel.animate.data import find_clips

    if (path / "train").is_dir():
        return find_clips(path, "test")
    both = [*find_clips(path, "train"), *find_clips(path, "test")]
    return [replace(clip, part=(0.0, 1.0)) for clip in sorted({clip.path: clip for clip in both}.values(), key=_name)]


def _name(clip: ClipPath) -> str:
    return clip.name


def _of_video(
    model: AnimationModel, clip: ClipPath, frames: int | None, folder: Path | None, judges: Judges
) -> list[Row]:
    from maskreel.animate.evaluation import RECONSTRUCTION, ComparisonVideo, Row, reconstruct_video

    if folder is None:
        scores = reconstruct_video(model, clip, methods=_METHODS, frames=frames, judges=judges)
    else:
        with ComparisonVideo(folder / f"{_file_name(clip)}.mp4", _fps(clip)) as film:
            scores = reconstruct_video(model, clip, methods=_METHODS, frames=frames, on_frames=film.add, judges=judges)
    return [Row(clip.name, RECONSTRUCTION, method, of_method) for method, of_method in scores.items()]


def _file_name(clip: ClipPath) -> str:
    return clip.name.replace("/", "_").removesuffix(".mp4")


def _fps(clip: ClipPath) -> Fraction:
    from maskreel.common.video import probe

    is_stack = clip.path.is_file() and clip.path.suffix.lower() == ".png"
    return _FPS if is_stack else probe(clip.path).fps
