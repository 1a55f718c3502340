"""The frames that follow: 11 frames to the 11 after them, as pixels."""

from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.vfp.frames._build import build_predictor
    from maskreel.vfp.frames._cache import CachedClip, cached_clips
    from maskreel.vfp.frames._config import FeedConfig, FrameLoss, PredictorConfig, SourceConfig, WindowConfig
    from maskreel.vfp.frames._exports import PredictedClip, array_file, export_clip
    from maskreel.vfp.frames._frames import Frames
    from maskreel.vfp.frames._losses import frame_losses
    from maskreel.vfp.frames._pictures import frame_error, frame_strip
    from maskreel.vfp.frames._predicting import predicted_clips
    from maskreel.vfp.frames._predictor import FramePredictor, to_pixels
    from maskreel.vfp.frames._quality import BASELINES, frame_quality
    from maskreel.vfp.frames._saved import load_predictor, save_predictor, start_from
    from maskreel.vfp.frames._task import FramePredictionTask
    from maskreel.vfp.frames._windows import VideoWindows, window_places


__all__ = [
    "BASELINES",
    "CachedClip",
    "FeedConfig",
    "FrameLoss",
    "FramePredictionTask",
    "FramePredictor",
    "Frames",
    "PredictedClip",
    "PredictorConfig",
    "SourceConfig",
    "VideoWindows",
    "WindowConfig",
    "array_file",
    "build_predictor",
    "cached_clips",
    "export_clip",
    "frame_error",
    "frame_losses",
    "frame_quality",
    "frame_strip",
    "load_predictor",
    "predicted_clips",
    "save_predictor",
    "start_from",
    "to_pixels",
    "window_places",
]

__getattr__ = attach(
    __name__,
    {
        "BASELINES": "_quality",
        "CachedClip": "_cache",
        "FeedConfig": "_config",
        "FrameLoss": "_config",
        "FramePredictionTask": "_task",
        "FramePredictor": "_predictor",
        "Frames": "_frames",
        "PredictedClip": "_exports",
        "PredictorConfig": "_config",
        "SourceConfig": "_config",
        "VideoWindows": "_windows",
        "WindowConfig": "_config",
        "array_file": "_exports",
        "build_predictor": "_build",
        "cached_clips": "_cache",
        "export_clip": "_exports",
        "frame_error": "_pictures",
        "frame_losses": "_losses",
        "frame_quality": "_quality",
        "frame_strip": "_pictures",
        "load_predictor": "_saved",
        "predicted_clips": "_predicting",
        "save_predictor": "_saved",
        "start_from": "_saved",
        "to_pixels": "_predictor",
        "window_places": "_windows",
    },
)
