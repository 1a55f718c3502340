"""Forecasts that need no training, and the best that could be had: what every score has to be read beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.vfp.objects.sightings import MIN_PIXELS, sightings
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.sightings import Sighting

__all__ = ["constant_velocity", "copy_last", "seen_objects_bound"]

_FITTED = 4
"""Frames, the last of those that were observed, through which the line is laid."""
_STATIC = 0.25
"""Pixels per frame; what is slower stands still."""
_FORGOTTEN = 2
"""Frames without an object after which it has left."""


def copy_last(labels: torch.Tensor) -> torch.Tensor:
    """The last observed label map, given as the forecast.

    Args:
        labels: uint8 (T, H, W), the observed frames.

    Returns:
        uint8 (H, W).
    """
    _check(labels)
    return labels[-1].clone()


def constant_velocity(labels: torch.Tensor, steps: int = FRAMES - OBSERVED) -> torch.Tensor:
    """Every object goes on in a straight line, in the picture, with the shape that it had last.

    A line is laid through the object's centroids in the last 4 frames. Frames in which it touches the edge of the
    picture are left out if 2 others remain. Below 0.25 pixels per frame, horizontally and vertically together, it
    stands still. Objects with fewer than 12 pixels are not seen, those not seen in the last two frames have left. The
    one whose lowest pixel is farther up is farther away and is covered.

    Args:
        labels: uint8 (T, H, W), the observed frames; T is 1 or more.
        steps: Frames from the last observed one to the forecast.

    Returns:
        uint8 (H, W).
    """
    _check(labels)
    if steps < 0:
        raise ValueError(f"steps must be 0 or more, got {steps}")
    maps = labels[-_FITTED:].cpu().numpy()
    seen: dict[int, list[Sighting]] = {}
    for frame in sightings(maps):
        for one in frame:
            seen.setdefault(one.label, []).append(one)
    present = [ones for ones in seen.values() if ones[-1].frame >= len(maps) - _FORGOTTEN]
    moved = [(ones[-1], _shift(ones, len(maps) - 1 - ones[-1].frame + steps)) for ones in present]
    forecast = np.zeros(maps.shape[1:], np.uint8)
    for one, shift in sorted(moved, key=lambda pair: pair[0].box[3] + pair[1][1]):
        _paste(forecast, one, shift)
    return torch.from_numpy(forecast)


def seen_objects_bound(labels: torch.Tensor, observed: int = OBSERVED) -> torch.Tensor:
    """The true last label map without the objects that no observed frame shows: nobody can do better but by guessing.

    Args:
        labels: uint8 (T, H, W), the true label maps of the whole clip.
        observed: Frames that a forecaster is given; a seen object has 12 pixels or more in one of them.

    Returns:
        uint8 (H, W).
    """
    _check(labels)
    if not 1 <= observed <= len(labels):
        raise ValueError(f"observed must be 1 to {len(labels)}, the number of label maps, got {observed}")
    areas = torch.stack([plane.flatten().long().bincount(minlength=256) for plane in labels[:observed]])
    seen = (areas >= MIN_PIXELS).any(0)
    return labels[-1] * seen[labels[-1].long()]


def _shift(seen: Sequence[Sighting], steps: int) -> tuple[int, int]:
    """Whole pixels to the right and down in `steps` frames."""
    inside = [one for one in seen if not one.cut]
    fitted = inside if len(inside) >= 2 else seen
    if len(fitted) < 2:
        return 0, 0
    frames = np.array([one.frame for one in fitted], float)
    places = np.array([one.centroid for one in fitted])
    apart = frames - frames.mean()
    velocity = apart @ (places - places.mean(0)) / (apart @ apart)
    if np.abs(velocity).sum() < _STATIC:
        return 0, 0
    right, down = np.rint(velocity * steps).astype(int).tolist()
    return right, down


def _paste(forecast: np.ndarray, one: Sighting, shift: tuple[int, int]) -> None:
    """Paint a moved object over what is there; what is outside the picture is lost."""
    rows, columns = np.nonzero(one.mask)
    rows, columns = rows + one.box[1] + shift[1], columns + one.box[0] + shift[0]
    height, width = forecast.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    forecast[rows[inside], columns[inside]] = one.label


def _check(labels: torch.Tensor) -> None:
    if labels.dtype != torch.uint8:
        raise TypeError(f"labels must be uint8, got {labels.dtype}")
    if labels.ndim != 3 or 0 in labels.shape:
        raise ValueError(f"labels must have shape (T, H, W), got {tuple(labels.shape)}")
