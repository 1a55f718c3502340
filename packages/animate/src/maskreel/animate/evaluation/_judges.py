"""AKD, MKR, AED and FID, by networks that the user has: no weights of such networks come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.evaluation._table import Row
from maskreel.animate.metrics import EmbeddingScore, FrechetScore, KeypointScore
from maskreel.common.errors import InputError
from maskreel.common.weights import load_script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.metrics import FeatureExtractor, KeypointDetector

__all__ = ["Judges", "load_judges"]

_ALL = "all videos"
_SIDE = 64


class Judges:
    """Networks that look at results beside the truth; without any, nothing is added.

    Args:
        keypoints: for `akd` and `mkr` of each video.
        embedder: for `aed` of each video.
        features: for `fid` of all videos together.
    """

    def __init__(
        self,
        *,
        keypoints: KeypointDetector | None = None,
        embedder: FeatureExtractor | None = None,
        features: FeatureExtractor | None = None,
    ) -> None:
        self._keypoints, self._embedder, self._features = keypoints, embedder, features
        self._frechet: dict[tuple[str, str], FrechetScore] = {}

    def scores(self) -> list[KeypointScore | EmbeddingScore]:
        """New ones, for one method on one video."""
        keypoints = [] if self._keypoints is None else [KeypointScore(self._keypoints)]
        return [*keypoints, *([] if self._embedder is None else [EmbeddingScore(self._embedder)])]

    def see(self, task: str, method: str, result: Tensor, truth: Tensor) -> None:
        """Count frames of any video for FID, uint8 (N, 3, S, S) both."""
        if self._features is None:
            return
        score = self._frechet.setdefault((task, method), FrechetScore(self._features))
        score.update(result, "result")
        score.update(truth, "truth")

    def rows(self) -> list[Row]:
        """Scores of all videos together."""
        return [Row(_ALL, task, method, score.compute()) for (task, method), score in self._frechet.items()]


def load_judges(keypoints: Path | None, embedder: Path | None, features: Path | None, *, device: str) -> Judges:
    """Read networks from TorchScript files; each is tried on two small pictures.

    They are given uint8 (N, 3, S, S), RGB, on `device`. `keypoints` answers with float (N, K, 2), x and y of K points
    in pixels, nan where one is not found; `embedder` and `features` with float (N, D).

    Raises:
        InputError: a file cannot be read, or its network does not take or give these.
    """
    return Judges(
        keypoints=None if keypoints is None else _read(keypoints, "(N, K, 2)", device),
        embedder=None if embedder is None else _read(embedder, "(N, D)", device),
        features=None if features is None else _read(features, "(N, D)", device),
    )


def _read(path: Path, shape: str, device: str) -> Callable[[Tensor], Tensor]:
    script = load_script(path, device=device)

    @torch.inference_mode()
    def judge(pictures: Tensor) -> Tensor:
        return script(pictures.to(device)).float().cpu()

    try:
        answer = judge(torch.zeros(2, 3, _SIDE, _SIDE, dtype=torch.uint8))
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not take pictures, uint8 (N, 3, S, S), and give one tensor") from error
    wanted = 3 if shape == "(N, K, 2)" else 2
    if answer.ndim != wanted or len(answer) != 2 or (wanted == 3 and answer.shape[-1] != 2):
        raise InputError(f"{path} must give {shape} of N pictures, but gives {tuple(answer.shape)} of 2")
    return judge
