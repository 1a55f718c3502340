"""The page of a test: scores beside baselines and bounds, what is hard, and clips to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.show import Page
from maskreel.vfp.evaluation._events import EVENTS
from maskreel.vfp.evaluation._strips import clip_strip, pick_clips
from maskreel.vfp.evaluation._words import (
    FRAME_HEADER,
    GENERATED,
    SCORE_HEADER,
    breakdown_table,
    frame_rows,
    frames_by_time,
    score_rows,
    verdict,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import torch

    from maskreel.common.datasets import VfpSequence
    from maskreel.vfp.evaluation._evaluation import Evaluation

__all__ = ["write_report"]

_PINNED = 5
"""Columns of the score table that have to do with the score itself."""
_SCORES = """\
iou is the score: one confusion matrix of all pixels of the last frames of all clips, the IoU of each of the 49 classes,
background included, and their mean over the classes that occur. gain is iou less that of copy-last. The intervals come
from drawing the clips again (bootstrap); those of gain from the same draws for both.

copy-last gives the mask of frame 11 once more, constant velocity moves it on. Rows with true masks were given the true
masks of the observed frames and show what the segmentation costs. Nobody can beat perfect on seen objects but by
guessing: it lacks the objects that enter after frame 11."""
_VARIANTS = """\
iou_clip is made for each clip and then averaged; iou_clip_absent_zero does so, too, and counts classes that a clip does
not have as 0. iou_foreground is iou without the background. Numbers of different names may not be compared."""
_BREAKDOWN = """\
An object is a class in a clip. The IoU of a group adds up, over its objects, the pixels that forecast and truth have in
common, and divides by the sum of those that either has. Events are told from the true label maps; an object can be in
several. shown is the share of objects of which the forecast has 12 pixels or more."""
_ERRORS = "Errors: green is right, blue is missed, orange is another object, yellow is invented."


def write_report(
    path: str | os.PathLike[str],
    evaluation: Evaluation,
    *,
    title: str,
    generated: bool,
    videos: Sequence[VfpSequence],
    forecast_of: Callable[[int], torch.Tensor],
) -> None:
    """Write the page.

    Args:
        path: The .html file; it appears when it is whole.
        evaluation: The outcome.
        title: What was tested on what.
        generated: Whether the clips were made by the world and not recorded.
        videos: The clips, in the order of the evaluation.
        forecast_of: Place of a clip -> label map that the first forecaster forecast, uint8 (H, W).
    """
    page = Page(title)
    page.text("\n\n".join(_summary(evaluation, generated)))
    page.heading("Scores")
    rows = score_rows(evaluation)
    page.table([row[:_PINNED] for row in rows], header=SCORE_HEADER[:_PINNED])
    page.text(_SCORES)
    page.heading("By other definitions", level=3)
    page.table([row[:1] + row[_PINNED:] for row in rows], header=SCORE_HEADER[:1] + SCORE_HEADER[_PINNED:])
    page.text(_VARIANTS)
    _add_frames(page, evaluation)
    _add_breakdown(page, evaluation)
    _add_clips(page, evaluation, videos, forecast_of)
    page.save(path)


def _summary(evaluation: Evaluation, generated: bool) -> list[str]:
    sentences = [verdict(one, evaluation) for one in evaluation.forecasters]
    if evaluation.segmentation is not None:
        sentences.append(f"Segmentation of the observed frames: mean IoU {evaluation.segmentation:.3f}.")
    return [*sentences, GENERATED] if generated else sentences


def _add_frames(page: Page, evaluation: Evaluation) -> None:
    if not evaluation.frames:
        return
    page.heading("Predicted frames")
    page.table(frame_rows(evaluation), header=FRAME_HEADER)
    page.text("MSE and MAE for pixel values from 0 to 1. PSNR is made from the pooled MSE, PSNR of frames averaged.")
    header, rows = frames_by_time(evaluation)
    page.table(rows, header=header)


def _add_breakdown(page: Page, evaluation: Evaluation) -> None:
    page.heading("What is hard")
    compared = (*evaluation.forecasters, evaluation.standing(evaluation.reference))
    header, rows = breakdown_table(compared)
    page.table(rows, header=header)
    page.text(_BREAKDOWN)
    page.table([*EVENTS.items(), ("invented", "forecast, but not in the clip")], header=("event", "meaning"))


def _add_clips(
    page: Page,
    evaluation: Evaluation,
    videos: Sequence[VfpSequence],
    forecast_of: Callable[[int], torch.Tensor],
) -> None:
    first = evaluation.forecasters[0]
    copied = evaluation.standing(evaluation.reference)
    picked = pick_clips(first.clips)
    page.heading(f"Clips: {first.name}")
    page.text(_ERRORS)
    for name, places in (("Best", picked.best), ("Middling", picked.median), ("Worst", picked.worst)):
        if places:
            page.heading(name, level=3)
        for place in places:
            caption = (
                f"{evaluation.clips[place]}: iou_clip {first.clips[place]:.3f} "
                f"({evaluation.reference}: {copied.clips[place]:.3f})"
            )
            page.image(clip_strip(videos[place], forecast_of(place)), caption)
