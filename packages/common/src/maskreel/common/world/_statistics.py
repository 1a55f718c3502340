"""Numbers that tell one set of label maps from another, such as generated from real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from maskreel.common.metrics import confusion_matrix, mean_iou

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLASSES = 49
_FRAMES = 22
_LAST_SEEN = 10
_VISIBLE_PIXELS = 12
_STATIC_PIXELS = 0.25
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class MaskStatistics:
    """What label maps of 22 frames are like. An object is a class id; it is visible in a frame with 12 pixels or more.

    A displacement is the way of an object's centroid from one frame to the next, in pixels, where it is visible in
    both. What has no value, because there are no such objects, is nan.
    """

    clips: int
    """Clips that were measured."""
    size: tuple[int, int]
    """Height and width of the frames in pixels."""
    objects_per_frame: float
    """Visible objects, mean over all frames."""
    object_area: float
    """Pixels of a visible object, mean over all objects and frames."""
    displacements: tuple[float, float, float, float, float]
    """10 %, 25 %, 50 %, 75 % and 90 % of all displacements are below these."""
    static_share: float
    """Share of displacements below 0.25 pixels."""
    unseen_share: float
    """Share of the objects visible in the last frame that were visible in none of the first 11."""
    copy_last: float
    """IoU of frame 10, given as the prediction of frame 21: one confusion matrix of all clips, mean over the classes
    that occur, background included (`metrics.MeanIoU(49)`)."""
    copy_last_per_clip: float
    """The same by clip, then the mean over clips."""
    channel_mean: tuple[float, float, float] | None = None
    """Mean of red, green and blue over all pixels, in 0 to 1; None where no frames were given."""
    channel_std: tuple[float, float, float] | None = None
    """Standard deviation of red, green and blue over all pixels."""

    @property
    def median_displacement(self) -> float:
        """Pixels per frame."""
        return self.displacements[_LEVELS.index(0.5)]

    @classmethod
    def measure(cls, clips: Iterable[np.ndarray], *, frames: Iterable[np.ndarray] | None = None) -> Self:
        """Measure clips one after the other, in the memory of one clip.

        Args:
            clips: uint8 (22, H, W) class ids 0 to 48, as arrays or CPU tensors, all of one size.
            frames: uint8 (T, H, W, 3) RGB, the pictures, for the statistics of the channels.

        Raises:
            TypeError: A clip or picture is not uint8.
            ValueError: There is no clip, or one is of another shape or has ids above 48.
        """
        sums = _Sums()
        for clip in clips:
            sums.add(np.asarray(clip))
        if not sums.confusions:
            raise ValueError("clips must hold at least one clip")
        confusions = torch.stack(sums.confusions)
        channels = (None, None) if frames is None else _channels(frames)
        displacements = np.concatenate(sums.displacements)
        return cls(
            clips=len(confusions),
            size=sums.size,
            objects_per_frame=sum(sums.visible) / (_FRAMES * len(confusions)),
            object_area=_ratio(sum(sums.pixels), sum(sums.visible)),
            displacements=_quantiles(displacements),
            static_share=_ratio(int((displacements < _STATIC_PIXELS).sum()), len(displacements)),
            unseen_share=_ratio(sum(sums.unseen), sum(sums.last)),
            copy_last=float(mean_iou(confusions.sum(0))),
            copy_last_per_clip=float(mean_iou(confusions).mean()),
            channel_mean=channels[0],
            channel_std=channels[1],
        )


@dataclass
class _Sums:
    """One entry for every clip measured so far."""

    size: tuple[int, int] = (0, 0)
    visible: list[int] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    unseen: list[int] = field(default_factory=list)
    displacements: list[np.ndarray] = field(default_factory=list)
    confusions: list[torch.Tensor] = field(default_factory=list)

    def add(self, clip: np.ndarray) -> None:
        _check(clip, self.size)
        self.size = clip.shape[1], clip.shape[2]
        areas, centroids = _objects(clip)
        visible = areas >= _VISIBLE_PIXELS
        self.visible.append(int(visible.sum()))
        self.pixels.append(int(areas[visible].sum()))
        self.last.append(int(visible[-1].sum()))
        self.unseen.append(int((visible[-1] & ~visible[: _LAST_SEEN + 1].any(0)).sum()))
        ways = np.linalg.norm(centroids[1:] - centroids[:-1], axis=-1)
        self.displacements.append(ways[visible[1:] & visible[:-1]])
        prediction, truth = (torch.from_numpy(np.ascontiguousarray(clip[frame])) for frame in (_LAST_SEEN, -1))
        self.confusions.append(confusion_matrix(prediction, truth, _CLASSES))


def _objects(clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (T, 48) and centroids (T, 48, 2) as x and y of every object; zeros for those that are not there."""
    count, height, width = clip.shape
    places = np.flatnonzero(clip != 0)  # the background is most of a clip; for bool this is ten times quicker
    frame, place = np.divmod(places, height * width)
    y, x = np.divmod(place, width)
    cells = frame * _CLASSES + clip.ravel()[places]
    areas, *sums = (np.bincount(cells, weight, count * _CLASSES).reshape(count, _CLASSES) for weight in (None, x, y))
    return areas[:, 1:], (np.stack(sums, axis=-1) / np.maximum(areas, 1)[..., None])[:, 1:]


def _channels(
    frames: Iterable[np.ndarray],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    counts = np.zeros((3, 256), np.int64)
    for pictures in map(np.asarray, frames):
        if pictures.dtype != np.uint8:
            raise TypeError(f"frames must be uint8, got {pictures.dtype}")
        if pictures.ndim != 4 or pictures.shape[-1] != 3:
            raise ValueError(f"frames must have shape (T, H, W, 3), got {pictures.shape}")
        counts += [np.bincount(pictures[..., channel].ravel(), minlength=256) for channel in range(3)]
    if not counts.any():
        raise ValueError("frames must hold at least one picture")
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(1)
    variance = ((levels - mean[:, None]) ** 2 * counts).sum(1) / counts.sum(1)
    return _triple(mean), _triple(np.sqrt(variance))


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _quantiles(values: np.ndarray) -> tuple[float, float, float, float, float]:
    found = np.quantile(values, _LEVELS) if len(values) else np.full(len(_LEVELS), np.nan)
    lowest, low, middle, high, highest = (float(value) for value in found)
    return lowest, low, middle, high, highest


def _ratio(part: float, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _check(clip: np.ndarray, size: tuple[int, int]) -> None:
    if clip.dtype != np.uint8:
        raise TypeError(f"clips must be uint8, got {clip.dtype}")
    if clip.ndim != 3 or len(clip) != _FRAMES or clip.size == 0:
        raise ValueError(f"clips must have shape ({_FRAMES}, H, W), got {clip.shape}")
    if size not in ((0, 0), clip.shape[1:]):
        raise ValueError(f"clips must all be of one size, got {size} and {clip.shape[1:]}")
    if clip.max() >= _CLASSES:
        raise ValueError(f"clips must hold class ids 0 to {_CLASSES - 1}, got {clip.max()}")
