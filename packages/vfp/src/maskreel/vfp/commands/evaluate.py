"""`maskreel vfp evaluate`: forecasts beside baselines and bounds, on clips whose future is known."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from maskreel.common.atomic import write_json
from maskreel.common.cli import plain_table, progress
from maskreel.common.errors import InputError
from maskreel.vfp.commands._held import held
from maskreel.vfp.commands._opening import opened
from maskreel.vfp.config import ForecastConfig, Method
from maskreel.vfp.timeline import SIZE

if TYPE_CHECKING:
    import numpy as np
    import torch

    from maskreel.common.datasets import VfpFolder, VfpSequence
    from maskreel.vfp.evaluation import Evaluation

logger = logging.getLogger(__name__)

__all__ = ["evaluate"]

_MASKS_DO_NOT_MATTER: tuple[Method, ...] = ("frames", "copy")
"""Methods for which a run with true masks of the observed frames tells nothing new."""


def evaluate(
    data: tyro.conf.Positional[Path],
    config: ForecastConfig = ForecastConfig(),  # noqa: B008 (frozen)
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    split: Literal["train", "val"] = "val",
    prediction: Path | None = None,
    compare: tuple[Method, ...] = (),
    oracle: bool = True,
    quarantine: Path | None = None,
    skip_bad: bool = False,
    resamples: int = 1000,
) -> int:
    """Score the forecast masks of frame 22, beside baselines and bounds.

    Runs the forecaster on every clip of a split with label maps and prints its score beside those of copy-last,
    constant velocity, a perfect segmentation of the observed frames, and what is perfect on all objects seen in them.

    Args:
        data: The data set, which holds train and val.
        config: The forecaster.
        output: A folder for report.html, scores.json and the forecast masks of every method as .npy.
        split: Which clips.
        prediction: Masks that were forecast before, (N, H, W) uint8 as .npy or .pt, to be scored instead.
        compare: Methods to score in one run, instead of the one of --method.
        oracle: Run every method with the true masks of the observed frames, too, where that makes a difference.
        quarantine: A list of videos to leave out, written by `maskreel vfp check-data`.
        skip_bad: Leave out and list videos with a fault; otherwise the first one is an error.
        resamples: How often clips are drawn again for the 95 % intervals.
    """
    if resamples < 1:
        raise InputError(f"--resamples must be 1 or more, got {resamples}")
    if prediction is not None and compare:
        raise InputError("--prediction scores masks that are there and --compare runs methods: give one of the two")
    videos = opened(data, split, quarantine, skip_bad)
    generated = (data / "world.json").exists()
    with held(output):
        if prediction is None:
            methods = tuple(dict.fromkeys(compare)) or (config.method,)
            evaluation = _run(videos, config, methods, oracle, output, resamples)
            forecasts = None if output is None else output / f"{methods[0]}.npy"
        else:
            evaluation = _score(videos, prediction, resamples)
            forecasts = prediction
        _tell(evaluation, generated)
        if output is not None:
            assert forecasts is not None
            about = {"data": str(data), "split": split, "generated": generated, "config": _words(config)}
            _write(output, evaluation, about, videos, forecasts)
    return 0


def _run(
    videos: VfpFolder,
    config: ForecastConfig,
    methods: tuple[Method, ...],
    oracle: bool,
    output: Path | None,
    resamples: int,
) -> Evaluation:
    from maskreel.vfp.evaluation import ForecastEvaluator, mask_array_writer
    from maskreel.vfp.forecaster import MaskForecaster

    forecasters = {method: MaskForecaster(replace(config, method=method)) for method in methods}
    known = [method for method in methods if oracle and method not in _MASKS_DO_NOT_MATTER]
    evaluator = ForecastEvaluator(forecasters, oracle=known)
    with ExitStack() as files:
        kept: dict[str, np.ndarray] = {}
        if output is not None:
            kept = {
                method: files.enter_context(mask_array_writer(output / f"{method}.npy", len(videos), SIZE))
                for method in methods
            }
        for place, video in enumerate(progress(videos, description="evaluate", unit="clips")):
            _require_size(video, SIZE)
            forecasts = evaluator.update(video)
            for method, masks in kept.items():
                masks[place] = forecasts[method].numpy()
        return evaluator.compute(resamples=resamples)


def _score(videos: VfpFolder, prediction: Path, resamples: int) -> Evaluation:
    import torch

    from maskreel.vfp.data import read_leaderboard
    from maskreel.vfp.evaluation import MaskArrayEvaluator

    size = videos[0].size
    masks = read_leaderboard(prediction, videos=len(videos), size=size)
    evaluator = MaskArrayEvaluator(prediction.name)
    for place, video in enumerate(progress(videos, description="evaluate", unit="clips")):
        _require_size(video, size)
        evaluator.update(video, torch.tensor(masks[place]))
    return evaluator.compute(resamples=resamples)


def _require_size(video: VfpSequence, size: tuple[int, int]) -> None:
    if video.size != size:
        height, width = video.size
        raise InputError(f"{video.folder} has frames of {width}x{height} pixels, expected {size[1]}x{size[0]}")


def _tell(evaluation: Evaluation, generated: bool) -> None:
    from maskreel.vfp.evaluation import GENERATED, SCORE_HEADER, losers, score_rows, verdict
    from maskreel.vfp.evaluation._words import FRAME_HEADER, frame_rows

    sys.stdout.write(plain_table(SCORE_HEADER, score_rows(evaluation)))
    if evaluation.frames:
        sys.stdout.write("\n" + plain_table(FRAME_HEADER, frame_rows(evaluation)))
    if evaluation.segmentation is not None:
        sys.stdout.write(f"\nsegmentation of the observed frames: iou {evaluation.segmentation:.3f}\n")
    for one in losers(evaluation):
        logger.warning("%s", verdict(one, evaluation))
    if generated:
        logger.warning("%s", GENERATED)


def _write(output: Path, evaluation: Evaluation, about: dict[str, Any], videos: VfpFolder, forecasts: Path) -> None:
    import torch

    from maskreel.vfp.data import read_leaderboard
    from maskreel.vfp.evaluation import as_json, write_report

    masks = read_leaderboard(forecasts, videos=len(videos), size=videos[0].size)

    def forecast_of(place: int) -> torch.Tensor:
        return torch.tensor(masks[place])

    write_json(output / "scores.json", about | as_json(evaluation))
    names = ", ".join(one.name for one in evaluation.forecasters)
    write_report(
        output / "report.html",
        evaluation,
        title=f"{names}: forecasts of {len(videos)} clips of {about['data']}, {about['split']}",
        generated=about["generated"],
        videos=[*videos],
        forecast_of=forecast_of,
    )
    logger.info("%s", output / "report.html")


def _words(config: ForecastConfig) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(config).items()}
