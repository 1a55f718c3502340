"""Scores of forecast masks and frames, always beside baselines and bounds.

`iou` of a `ForecastScore` is the one number called the score; the others have names of their own. `ForecastEvaluator`
runs forecasters on clips whose future is known, `write_report` makes a page of the outcome.
"""

from maskreel.vfp.evaluation._baselines import constant_velocity, copy_last, seen_objects_bound
from maskreel.vfp.evaluation._breakdown import ForecastBreakdown, GroupScore
from maskreel.vfp.evaluation._collisions import Impact, find_collisions, tracks
from maskreel.vfp.evaluation._evaluation import Evaluation, Forecaster, ForecastEvaluator, MaskArrayEvaluator
from maskreel.vfp.evaluation._events import EVENTS, Event, clip_events
from maskreel.vfp.evaluation._frame_baselines import copy_last_frame, extrapolate_frames
from maskreel.vfp.evaluation._frame_metric import FramePredictionMetric, FramePredictionScore, FrameScore
from maskreel.vfp.evaluation._mask_arrays import mask_array_writer
from maskreel.vfp.evaluation._metric import ForecastMetric, ForecastScore, Interval
from maskreel.vfp.evaluation._scoreboard import Scoreboard, Standing
from maskreel.vfp.evaluation._scores_file import as_json
from maskreel.vfp.evaluation._words import GENERATED, SCORE_HEADER, losers, score_rows, verdict
from maskreel.vfp.evaluation.report import write_report

__all__ = [
    "EVENTS",
    "GENERATED",
    "SCORE_HEADER",
    "Evaluation",
    "Event",
    "ForecastBreakdown",
    "ForecastEvaluator",
    "ForecastMetric",
    "ForecastScore",
    "Forecaster",
    "FramePredictionMetric",
    "FramePredictionScore",
    "FrameScore",
    "GroupScore",
    "Impact",
    "Interval",
    "MaskArrayEvaluator",
    "Scoreboard",
    "Standing",
    "as_json",
    "clip_events",
    "constant_velocity",
    "copy_last",
    "copy_last_frame",
    "extrapolate_frames",
    "find_collisions",
    "losers",
    "mask_array_writer",
    "score_rows",
    "seen_objects_bound",
    "tracks",
    "verdict",
    "write_report",
]
