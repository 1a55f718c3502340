"""Quality of animated pictures and changed backgrounds, as numbers that need no network, and hooks for those that do.

Functions give one value per picture. The `...Score` classes take a video in chunks: `update` with each, then
`compute`, a dict of numbers; what was never to be seen is nan. They keep sums and a frame or two, so an hour of video
needs no more memory than a second. Pictures are uint8 (0 to 255) or float (0 to 1), (N, 3, H, W); masks bool
(N, H, W).
"""

from maskreel.animate.metrics._detectors import (
    EmbeddingScore,
    KeypointDetector,
    KeypointScore,
    embedding_distance,
    keypoint_distance,
)
from maskreel.animate.metrics._frechet import FeatureExtractor, FrechetScore, frechet_distance
from maskreel.animate.metrics._identity import IdentityScore, colour_histogram, histogram_distance
from maskreel.animate.metrics._interval import mean_interval
from maskreel.animate.metrics._masks import MaskScore
from maskreel.animate.metrics._pictures import L1, PictureScore, l1
from maskreel.animate.metrics._pose import PoseScore, centroid_and_covariance, pose_distance
from maskreel.animate.metrics._regions import MARGIN, Regions, regions
from maskreel.animate.metrics._seam import seam
from maskreel.animate.metrics._steadiness import Steadiness
from maskreel.animate.metrics._swap import SwapScore, bleed, leak

__all__ = [
    "L1",
    "MARGIN",
    "EmbeddingScore",
    "FeatureExtractor",
    "FrechetScore",
    "IdentityScore",
    "KeypointDetector",
    "KeypointScore",
    "MaskScore",
    "PictureScore",
    "PoseScore",
    "Regions",
    "Steadiness",
    "SwapScore",
    "bleed",
    "centroid_and_covariance",
    "colour_histogram",
    "embedding_distance",
    "frechet_distance",
    "histogram_distance",
    "keypoint_distance",
    "l1",
    "leak",
    "mean_interval",
    "pose_distance",
    "regions",
    "seam",
]
