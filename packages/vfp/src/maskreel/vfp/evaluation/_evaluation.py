"""Forecasters put to the test on clips whose future is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from maskreel.common.metrics import MeanIoU
from maskreel.vfp.evaluation._baselines import constant_velocity, copy_last, seen_objects_bound
from maskreel.vfp.evaluation._frame_baselines import copy_last_frame, extrapolate_frames
from maskreel.vfp.evaluation._frame_metric import FramePredictionMetric, FramePredictionScore
from maskreel.vfp.evaluation._scoreboard import Role, Scoreboard, Standing
from maskreel.vfp.timeline import CLASSES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import torch

    from maskreel.common.datasets import VfpSequence

__all__ = ["BOUND", "COPY_LAST", "Evaluation", "ForecastEvaluator", "Forecaster", "MaskArrayEvaluator"]

COPY_LAST = "copy-last"
CONSTANT_VELOCITY = "constant velocity"
BOUND = "perfect on seen objects"
TRUE_MASKS = ", true masks"
_BASELINES = {COPY_LAST: copy_last, CONSTANT_VELOCITY: constant_velocity}


class Forecast(Protocol):
    """What a forecaster says about a clip."""

    @property
    def labels(self) -> torch.Tensor:
        """uint8 (H, W): the label map of the last frame."""
        ...

    @property
    def observed(self) -> torch.Tensor:
        """uint8 (11, H, W): the label maps that were found in the observed frames."""
        ...

    @property
    def frames(self) -> torch.Tensor | None:
        """uint8 (11, 3, H, W): predicted frames, where the forecaster makes such."""
        ...


class Forecaster(Protocol):
    """Forecasts from frames; such as `maskreel.vfp.MaskForecaster`."""

    def forecast(self, frames: torch.Tensor, *, observed: torch.Tensor | None = None) -> Forecast:
        """Forecast the label map of frame 21 from frames 0 to 10, uint8 (11, 3, H, W).

        With `observed`, uint8 (11, H, W), it takes these as the label maps of the frames and segments none.
        """
        ...


@dataclass(frozen=True)
class Evaluation:
    """The outcome of a test."""

    clips: tuple[str, ...]
    """Names of the clips."""
    standings: tuple[Standing, ...]
    """Forecasters first, then baselines, oracles and the bound."""
    segmentation: float | None
    """IoU of the label maps that were found in the observed frames: all pixels of all clips pooled, mean over classes;
    None where none were found."""
    frames: dict[str, FramePredictionScore]
    """Quality of predicted frames and of those of the baselines; empty where no forecaster predicts frames."""
    reference: str
    """The row that `gain` is measured against."""

    @property
    def forecasters(self) -> tuple[Standing, ...]:
        return tuple(one for one in self.standings if one.role == "forecaster")

    def standing(self, name: str) -> Standing:
        """The row of this name."""
        rows = {one.name: one for one in self.standings}
        if name not in rows:
            raise ValueError(f"name must be one of {', '.join(rows)}, got {name!r}")
        return rows[name]


class ForecastEvaluator:
    """Runs forecasters on clips, one after the other, in the memory of one clip.

        evaluator = ForecastEvaluator({"ours": forecaster})
        for video in VfpFolder(folder, "val"):
            evaluator.update(video)
        evaluator.compute().standing("ours").score.iou

    Baselines and bounds stand beside the forecasters: copy-last and constant velocity from the label maps that the
    first forecaster finds in the observed frames and from the true ones, the forecasters themselves with true ones
    ("oracle segmenter"), and what is perfect on all objects seen in the observed frames.

    Args:
        forecasters: Name -> forecaster; all take the label maps that the first one finds.
        oracle: Which of them to run with true label maps, too; None for all.
    """

    def __init__(self, forecasters: Mapping[str, Forecaster], *, oracle: Collection[str] | None = None) -> None:
        if not forecasters:
            raise ValueError("forecasters must hold at least one forecaster")
        if taken := {*_BASELINES, BOUND} & set(forecasters):
            raise ValueError(f"forecasters must not be named {', '.join(sorted(taken))}, which are rows of their own")
        self._forecasters = dict(forecasters)
        self._oracle = [name for name in forecasters if oracle is None or name in oracle]
        self._board = Scoreboard(self._roles(), COPY_LAST)
        self._segmentation = MeanIoU(CLASSES)
        self._frames: dict[str, FramePredictionMetric] = {}
        self._clips: list[str] = []

    def update(self, video: VfpSequence) -> dict[str, torch.Tensor]:
        """Run every forecaster on a video with label maps; returns its forecasts, uint8 (H, W)."""
        frames, labels = video.frames(0, OBSERVED), _labels(video)
        found = self._run(frames)
        observed = next(iter(found.values())).observed
        true_masks = labels[:OBSERVED]
        oracle = {
            name + TRUE_MASKS: self._forecasters[name].forecast(frames, observed=true_masks).labels
            for name in self._oracle
        }
        forecasts = {name: one.labels for name, one in found.items()}
        rows = forecasts | _baselines(observed) | _baselines(true_masks, TRUE_MASKS) | oracle
        self._board.update(rows | {BOUND: seen_objects_bound(labels)}, labels)
        self._segmentation.update(observed, true_masks)
        self._score_frames({name: one.frames for name, one in found.items() if one.frames is not None}, frames, video)
        self._clips.append(video.name)
        return forecasts

    def compute(self, *, resamples: int = 1000, seed: int = 0) -> Evaluation:
        """The outcome. Raises ValueError if no clip has been counted."""
        return Evaluation(
            clips=tuple(self._clips),
            standings=self._board.standings(resamples=resamples, seed=seed),
            segmentation=self._segmentation.compute(),
            frames={name: metric.compute() for name, metric in self._frames.items()},
            reference=COPY_LAST,
        )

    def _roles(self) -> dict[str, Role]:
        rows: list[tuple[str, Role]] = [(name, "forecaster") for name in self._forecasters]
        rows.extend([(name, "baseline") for name in _BASELINES])
        rows.extend([(name + TRUE_MASKS, "oracle") for name in (*_BASELINES, *self._oracle)])
        return dict([*rows, (BOUND, "bound")])

    def _run(self, frames: torch.Tensor) -> dict[str, Forecast]:
        found: dict[str, Forecast] = {}
        observed = None
        for name, forecaster in self._forecasters.items():
            found[name] = forecaster.forecast(frames, observed=observed)
            observed = found[name].observed
        return found

    def _score_frames(self, predicted: Mapping[str, torch.Tensor], frames: torch.Tensor, video: VfpSequence) -> None:
        if not predicted:
            return
        truth = video.frames(OBSERVED)
        rows = {**predicted, "copy-last": copy_last_frame(frames), "linear extrapolation": extrapolate_frames(frames)}
        for name, prediction in rows.items():
            self._frames.setdefault(name, FramePredictionMetric()).update(prediction, truth)


class MaskArrayEvaluator:
    """Scores label maps that were forecast elsewhere, beside baselines made from true label maps.

    Args:
        name: Of the row.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._reference = COPY_LAST + TRUE_MASKS
        rows: list[tuple[str, Role]] = [(name, "forecaster")]
        rows.extend([(baseline + TRUE_MASKS, "oracle") for baseline in _BASELINES])
        self._board = Scoreboard(dict([*rows, (BOUND, "bound")]), self._reference)
        self._clips: list[str] = []

    def update(self, video: VfpSequence, forecast: torch.Tensor) -> None:
        """Count one clip, a video with label maps and the forecast for it, uint8 (H, W)."""
        labels = _labels(video)
        rows = {self._name: forecast, **_baselines(labels[:OBSERVED], TRUE_MASKS), BOUND: seen_objects_bound(labels)}
        self._board.update(rows, labels)
        self._clips.append(video.name)

    def compute(self, *, resamples: int = 1000, seed: int = 0) -> Evaluation:
        """The outcome. Raises ValueError if no clip has been counted."""
        standings = self._board.standings(resamples=resamples, seed=seed)
        return Evaluation(tuple(self._clips), standings, None, {}, self._reference)


def _baselines(observed: torch.Tensor, suffix: str = "") -> dict[str, torch.Tensor]:
    return {name + suffix: forecast(observed) for name, forecast in _BASELINES.items()}


def _labels(video: VfpSequence) -> torch.Tensor:
    labels = video.labels()
    if labels is None:
        raise ValueError(f"video must have label maps, {video.name} of the {video.split} split has none")
    return labels
