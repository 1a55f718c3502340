"""From 11 frames to the mask of the 22nd."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch

from demo.films import enlarged, save_film
from demo.story import Figures, Row, Story
from maskreel.common.datasets import VfpFolder
from maskreel.common.show import save_image
from maskreel.vfp import MaskForecaster
from maskreel.vfp.show import draw_labels, error_map

if TYPE_CHECKING:
    from pathlib import Path

    from demo.scale import Scale
    from demo.workshop import Workshop

__all__ = ["FPS", "drawn", "make"]

FPS = Fraction(5)
"""About that of the data: 0.195 s from frame to frame."""
SEED = 2026
OBSERVED, WANTED = 11, 21
DARK = 24
METHODS = {
    "best": "best: the two that follow, together",
    "objects": "simulated objects",
    "masks": "network on masks",
    "frames": "frames predicted, then segmented (the published way)",
    "copy-last": "the mask of frame 11, copied",
}


def make(place: Workshop, scale: Scale, *, video: Path | None) -> Story:
    """Forecast clips that nothing was trained on, show the first ones, measure on all."""
    del video
    clips = str(scale.forecast_clips)
    words = ["world", "render", "table", "--val", clips, "--seed", str(SEED), "--difficulty", "easy", "-o", "data"]
    commands = [
        place.run(*words, makes="data/world.json"),
        place.run("vfp", "forecast", "data/val", "-o", "forecasts", makes="forecasts"),
        place.run(
            *(
                "vfp",
                "evaluate",
                "data",
                "-o",
                "report",
                "--compare",
                "best",
                "objects",
                "masks",
                "frames",
                "--no-oracle",
            ),
            makes="report/scores.json",
        ),
    ]
    rows = [_row(number) for number in range(scale.forecast_shown)]
    with place.step("films of the first clips", *(name for row in rows for name in row.files)) as wanted:
        if wanted:
            _films(place.folder, scale.forecast_shown)
    scores = json.loads((place.folder / "report/scores.json").read_text())
    figures, summary = _measured(scores, scale.forecast_clips)
    return Story(
        title="11 frames to the mask of the 22nd",
        sentence="Two seconds of things that roll, slide and collide go in; out comes where they are two seconds on.",
        commands=commands,
        rows=rows,
        figures=[figures],
        remark=f"These are the first {len(rows)} of the clips, not the best. Nothing but frames 1 to 11 is looked at, "
        "so what rolls in later is missed.",
        links={"report/report.html": "report with baselines, bounds and strips", "forecasts": "all forecasts"},
        seconds=place.seconds,
        summary=summary,
    )


def drawn(labels: torch.Tensor) -> torch.Tensor:
    """Label maps uint8 (T, H, W) in the colours of their classes, uint8 (T, 3, H, W)."""
    ground = torch.full((3, *labels.shape[-2:]), DARK, dtype=torch.uint8)
    return torch.stack([draw_labels(ground, one, alpha=0.9) for one in labels])


def _row(number: int) -> Row:
    return Row(
        {
            f"seen_{number}.mp4": "input: frames 1 to 11",
            f"found_{number}.mp4": "masks found in them",
            f"forecast_{number}.png": "result: forecast for frame 22, laid over that frame, which it has not seen",
            f"errors_{number}.png": "green: right; blue: missed; yellow: invented; orange: another object",
        },
        heading=f"Clip {number + 1}",
    )


def _films(folder: Path, count: int) -> None:
    forecaster = MaskForecaster()
    for number, clip in zip(range(count), VfpFolder(folder / "data", "val"), strict=False):
        frames, labels = clip.frames(), clip.labels()
        assert labels is not None
        forecast = forecaster.forecast(frames[:OBSERVED])
        save_film(folder / f"seen_{number}.mp4", frames[:OBSERVED], FPS)
        save_film(folder / f"found_{number}.mp4", drawn(forecast.observed), FPS)
        laid = draw_labels(enlarged(frames[WANTED]), _enlarged_labels(forecast.labels))
        save_image(folder / f"forecast_{number}.png", laid)
        save_image(folder / f"errors_{number}.png", _doubled(error_map(forecast.labels, labels[WANTED])))


def _enlarged_labels(labels: torch.Tensor) -> torch.Tensor:
    return labels.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)


def _doubled(picture: torch.Tensor) -> torch.Tensor:
    return picture.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)


def _measured(scores: dict[str, Any], clips: int) -> tuple[Figures, str]:
    """Ours, the published way and the baseline."""
    known = {one["name"]: one["score"] for one in scores["standings"]}
    rows: list[list[str | float | None]] = [
        [words, round(known[name]["iou"], 3), _interval(known[name])] for name, words in METHODS.items()
    ]
    about = (
        f"Mean intersection over union of frame 22, all classes of {clips} clips in one confusion matrix, and its 95 % "
        "interval over clips; more is better."
    )
    summary = f"IoU {known['best']['iou']:.2f}; the last mask, copied, {known['copy-last']['iou']:.2f}"
    return Figures(["", "IoU", "interval"], rows, about), summary


def _interval(score: dict[str, Any]) -> str:
    return "{:.2f} to {:.2f}".format(*score["interval"])
