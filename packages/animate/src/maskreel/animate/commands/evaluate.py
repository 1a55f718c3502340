"""`maskreel animate evaluate`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.animate.commands._shared import opened
from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.data import ClipPath
    from maskreel.animate.evaluation import Gallery, Judges, Row, Titled
    from maskreel.animate.model import AnimationModel

__all__ = ["evaluate"]

logger = logging.getLogger(__name__)

_WORLD_FRAMES = 4


def evaluate(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    data: tyro.conf.Positional[Path | None] = None,
    world: int = 0,
    pairs: Path | None = None,
    weights: Path | None = None,
    frames: int | None = None,
    cache: Path | None = None,
    keypoints: Path | None = None,
    embedder: Path | None = None,
    features: Path | None = None,
    shown: int = 8,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Measure a model beside simple baselines: on a data set, or on rendered people with exact truth.

    On a data set: reconstruction of its test videos, and animation of one by another, for which only proxies can be
    measured (pose, colours, steadiness). On rendered people: both with exact truth, and the background swap with a
    third picture that has a subject of its own and one that has none. Tables are printed; OUTPUT gets scores.csv with
    every video, scores.json with means and intervals, a contact sheet for each task, and report.html with all of it.

    Args:
        output: A folder.
        data: A data set of the published layout (train/, test/), or any folder of videos.
        world: Evaluate on so many rendered videos in place of a data set; 50 take a few minutes with the small model.
        pairs: A CSV table with the columns source and driving: who is animated by whom. By default each test video by
            the next one of somebody else.
        weights: What `maskreel animate train` wrote (.safetensors); by default the small model of the package.
        frames: Look at so many frames of each video at most; by default at all, and at 4 of rendered ones.
        cache: Where rendered videos are kept for other models; by default OUTPUT/cache.
        keypoints: A TorchScript file, which gives key points of pictures, for AKD and MKR where the exact result is
            known; see reconstruct.
        embedder: The same, which gives embeddings, for AED.
        features: The same, which gives features, for FID over all videos.
        shown: How many videos are put on contact sheets, eight on each.
        device: Where the networks work; auto: on CUDA where there is a device.
    """
    _check(data, world, pairs, frames, shown)
    from maskreel.animate.evaluation import Gallery, load_judges
    from maskreel.common.device import chosen_device

    judges = load_judges(keypoints, embedder, features, device=chosen_device(device))
    model = opened(weights, device)
    gallery = Gallery(shown)
    about: dict[str, object]
    if data is None:
        count = _WORLD_FRAMES if frames is None else frames
        rows = _of_world(model, world, count, output / "cache" if cache is None else cache, gallery, judges)
        about = {"world": world, "frames": count}
    else:
        rows = _of_data(model, data, pairs, frames, gallery, judges)
        about = {"data": str(data), "pairs": None if pairs is None else str(pairs), "frames": frames}
    _tell(output, rows + judges.rows(), gallery, about | {"weights": None if weights is None else str(weights)})
    return 0


def _check(data: Path | None, world: int, pairs: Path | None, frames: int | None, shown: int) -> None:
    """Before the work, not after it."""
    if (data is None) == (world == 0):
        raise InputError("give a data set, or --world with a number of rendered videos: one of the two")
    if world < 0:
        raise InputError(f"--world must be 1 or more, got {world}")
    if world and pairs is not None:
        raise InputError("--pairs is for a data set, not for --world")
    if frames is not None and frames < 2:
        raise InputError(f"--frames must be 2 or more, got {frames}")
    if shown < 0:
        raise InputError(f"--shown must be 0 or more, got {shown}")


def _of_world(
    model: AnimationModel, count: int, frames: int, cache: Path, gallery: Gallery, judges: Judges
) -> list[Row]:
    from maskreel.animate.evaluation import case_row, evaluate_case, stored_case

    rows: list[Row] = []
    for number in progress(range(count), description="evaluate", unit="videos"):
        case = stored_case(cache, number, size=model.config.size, frames=frames)
        result = evaluate_case(model, case, number, judges=judges)
        rows += result.rows
        for task in result.pictures:
            gallery.add(task, case_row(case, result, task))
    return rows


def _of_data(
    model: AnimationModel, data: Path, table: Path | None, frames: int | None, gallery: Gallery, judges: Judges
) -> list[Row]:
    from maskreel.animate.data import find_clips
    from maskreel.animate.evaluation import ANIMATION, RECONSTRUCTION, Row, animate_video, reconstruct_video

    clips = find_clips(data, "test")
    crossed = _pairs(data, table, clips)
    rows: list[Row] = []
    for clip in progress(clips, description="reconstruct", unit="videos"):
        last = _Last()
        scores = reconstruct_video(model, clip, frames=frames, on_frames=last.keep, judges=judges)
        rows += [Row(clip.name, RECONSTRUCTION, method, one) for method, one in scores.items()]
        gallery.add(RECONSTRUCTION, last.row)
    for source, driving in progress(crossed, description="animate", unit="pairs"):
        last = _Last()
        scores = animate_video(model, source, driving, frames=frames, on_frames=last.keep)
        rows += [Row(f"{source.name} by {driving.name}", ANIMATION, method, one) for method, one in scores.items()]
        gallery.add(ANIMATION, last.row)
    return rows


class _Last:
    """Keeps the last frame of everything."""

    row: Titled

    def keep(self, driving: Tensor, results: dict[str, Tensor]) -> None:
        columns = {"driving": driving, **results}
        self.row = [(name, pictures[-1].clone()) for name, pictures in columns.items()]


def _pairs(data: Path, table: Path | None, clips: list[ClipPath]) -> list[tuple[ClipPath, ClipPath]]:
    from maskreel.animate.data import ClipPath, read_pairs

    if table is not None:
        return [(ClipPath(a.name, a), ClipPath(b.name, b)) for a, b in read_pairs(table, data)]
    found = []
    for number, clip in enumerate(clips):
        others = [*clips[number + 1 :], *clips[:number]]
        other = next((one for one in others if one.identity != clip.identity), None)
        if other is not None:
            found.append((clip, other))
    return found


def _tell(output: Path, rows: list[Row], gallery: Gallery, about: dict[str, object]) -> None:
    from maskreel.animate.evaluation import goal_words, goals, words_of, write_page, write_tables
    from maskreel.common.show import save_image

    means = write_tables(output, rows, about)
    sys.stdout.write(words_of(means))
    found = goals(means) if "world" in about else []
    if found:
        sys.stdout.write("\n" + goal_words(found))
    sheets = gallery.sheets()
    for task, pictures in sheets.items():
        for number, picture in enumerate(pictures, 1):
            save_image(output / f"{task.replace(',', '').replace(' ', '_')}_{number}.png", picture)
    title = "Evaluation of " + ("the small model" if about["weights"] is None else str(about["weights"]))
    write_page(output / "report.html", means, sheets, title=title, found=found)
    logger.info("%s", output / "report.html")
