"""Mean and standard deviation of the colour channels, by which networks normalise their input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ChannelStatistics:
    """Of all pixels of a data set, in 0 to 1, for red, green and blue."""

    mean: Triple
    std: Triple
    """Of the pixels as they are, not an estimate for more of them: divided by their number."""

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) != 3 or not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
                raise ValueError(f"{name} must be three numbers in 0 to 1 for red, green and blue, got {values}")

    def save(self, path: str | os.PathLike[str], **others: Any) -> None:
        """Write a .json file, with what else is to be known of the data."""
        write_json(path, {"mean": self.mean, "std": self.std, **others})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` has written.

        Raises:
            InputError: The file is missing or holds something else.
        """
        try:
            values = parse_json(Path(path).read_bytes(), source=path)
            mean, std = (tuple(map(float, values[name])) for name in ("mean", "std"))
            return cls(mean, std)  # pyright: ignore[reportArgumentType] (three of each: __post_init__)
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; maskreel vfp stats writes it") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} does not hold channel statistics of maskreel vfp stats: {error}") from error


def channel_statistics(videos: Iterable[torch.Tensor]) -> ChannelStatistics:
    """Measure videos one after the other, in the memory of one; every pixel counts, exactly.

    Pixels are counted by their 256 levels, and the sums over these are taken in float64.

    Args:
        videos: uint8 (T, 3, H, W), RGB; T and the size may differ.

    Raises:
        TypeError: A video is not uint8.
        ValueError: There is no pixel, or a video is of another shape.
    """
    counts = np.zeros((3, 256), np.int64)
    for video in videos:
        if video.dtype != torch.uint8:
            raise TypeError(f"videos must be uint8, got {video.dtype}")
        if video.ndim != 4 or video.shape[1] != 3:
            raise ValueError(f"videos must have shape (T, 3, H, W), got {tuple(video.shape)}")
        counts += [np.bincount(video[:, channel].numpy().ravel(), minlength=256) for channel in range(3)]
    if not counts.any():
        raise ValueError("videos must hold at least one pixel")
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(1)
    variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / counts.sum(1)
    return ChannelStatistics(_triple(mean), _triple(np.sqrt(variance)))


def _triple(values: np.ndarray) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
