"""The outcome of a test in words and tables, the same on the page and on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.evaluation._evaluation import Evaluation
    from maskreel.vfp.evaluation._metric import Interval
    from maskreel.vfp.evaluation._scoreboard import Standing

__all__ = [
    "FRAME_HEADER",
    "GENERATED",
    "SCORE_HEADER",
    "breakdown_table",
    "frame_rows",
    "frames_by_time",
    "losers",
    "score_rows",
    "verdict",
]

Row = tuple[str, ...]

GENERATED = (
    "These clips are generated: their scores may not be set against scores on the real data set, where the best known "
    "is 0.456."
)

SCORE_HEADER: Row = (
    "forecast of frame 22",
    "iou",
    "95 %",
    "gain",
    "95 %",
    "iou_clip",
    "iou_foreground",
    "iou_clip_absent_zero",
)
FRAME_HEADER: Row = ("frames 12 to 22", "PSNR", "PSNR of frames", "SSIM", "MSE", "MAE")


def score_rows(evaluation: Evaluation) -> list[Row]:
    """One row for each forecaster, baseline, oracle and bound."""
    return [
        (
            one.name,
            _number(one.score.iou),
            _range(one.score.interval),
            "–" if one.name == evaluation.reference else f"{one.gain:+.3f}",
            "–" if one.name == evaluation.reference else _range(one.gain_interval, "+.3f"),
            _number(one.score.iou_clip),
            _number(one.score.iou_foreground),
            _number(one.score.iou_clip_absent_zero),
        )
        for one in evaluation.standings
    ]


def breakdown_table(standings: Sequence[Standing]) -> tuple[Row, list[Row]]:
    """Header and rows: the IoU of every group that has an object, a column for each forecaster.

    The last columns tell how many objects there are and which share of them the first forecaster shows at all.
    """
    header = ("group", "name", *(f"iou, {one.name}" for one in standings), "count", f"shown by {standings[0].name}")
    rows = []
    for scores in zip(*(one.groups for one in standings), strict=True):
        objects = max(one.objects for one in scores)
        if objects:
            ious = (_number(one.iou) if one.objects else "–" for one in scores)
            first = scores[0]
            counts = f"{objects}" if len({one.objects for one in scores}) == 1 else f"up to {objects}"
            share = "–" if first.forecast is None else f"{first.forecast:.0%}"
            rows.append((first.grouping, first.name, *ious, counts, share))
    return header, rows


def frame_rows(evaluation: Evaluation) -> list[Row]:
    """The quality of predicted frames, all 11 together."""
    return [
        (
            name,
            f"{score.overall.psnr:.2f} dB",
            f"{score.overall.psnr_of_frames:.2f} dB",
            f"{score.overall.ssim:.4f}",
            f"{score.overall.mse:.6f}",
            f"{score.overall.mae:.5f}",
        )
        for name, score in evaluation.frames.items()
    ]


def frames_by_time(evaluation: Evaluation) -> tuple[Row, list[Row]]:
    """Header and rows: PSNR of every predicted frame; frames are counted from 1."""
    steps = max(len(score.frames) for score in evaluation.frames.values())
    header = ("PSNR in dB, frame", *(f"{OBSERVED + 1 + step}" for step in range(steps)))
    return header, [
        (name, *(f"{frame.psnr:.2f}" for frame in score.frames)) for name, score in evaluation.frames.items()
    ]


def verdict(standing: Standing, evaluation: Evaluation) -> str:
    """What a forecaster is worth, in a sentence."""
    copied = evaluation.standing(evaluation.reference).score.iou
    score, reference = f"{standing.name} scores {standing.score.iou:.3f}", f"{evaluation.reference} ({copied:.3f})"
    span = f"95 % interval {_range(standing.gain_interval, '+.3f')}"
    if standing.gain < 0:
        return f"{score}, less than {reference}: giving the mask of frame 11 once more would be the better forecast."
    if standing.gain == 0:
        return f"{score}, as much as {reference}."
    if standing.gain_interval[0] <= 0:
        clips = f"{len(evaluation.clips)} clips are too few to tell it from no gain"
        return f"{score}, {standing.gain:.3f} more than {reference}, but {clips} ({span})."
    return f"{score}, {standing.gain:.3f} more than {reference} ({span})."


def losers(evaluation: Evaluation) -> list[Standing]:
    """The forecasters that are worse than copy-last."""
    return [one for one in evaluation.forecasters if one.gain < 0]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(ends: Interval, form: str = ".3f") -> str:
    low, high = (round(end, 3) + 0.0 for end in ends)  # not -0.000
    return f"{low:{form}}…{high:{form}}"
