"""Pictures of label maps: drawn over frames, compared with the truth, and laid out in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.show import contact_sheet, overlay
from maskreel.common.world import OBJECT_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.world import ObjectClass

__all__ = [
    "CLASS_PALETTE",
    "ERROR_COLOURS",
    "draw_labels",
    "error_map",
    "forecast_film",
    "forecast_strip",
    "strip",
]

_METAL_WHITE = 0.35
"""Share of white in the colour of metal things, which shine."""
_SHAPE_LIGHT = {"cube": 1.0, "sphere": 0.82, "cylinder": 0.66}


def _colour(kind: ObjectClass) -> tuple[int, int, int]:
    white = _METAL_WHITE if kind.material == "metal" else 0.0
    light = _SHAPE_LIGHT[kind.shape]
    red, green, blue = (round(light * (value + (255 - value) * white)) for value in kind.rgb)
    return red, green, blue


CLASS_PALETTE: tuple[tuple[int, int, int], ...] = ((0, 0, 0), *(_colour(kind) for kind in OBJECT_CLASSES))
"""RGB of class ids 0 to 48, all different: that of the object, paler for metal, darker for spheres and cylinders."""

ERROR_COLOURS: dict[str, tuple[int, int, int]] = {
    "right": (0, 158, 115),
    "missed": (86, 180, 233),
    "wrong": (213, 94, 0),
    "invented": (240, 228, 66),
}
"""RGB of pixels in an `error_map`; people who see fewer colours can tell them apart (Okabe and Ito 2008)."""
_GROUND = 40
"""Grey level of background that was forecast as background."""
_SHOWN = (0, 5, 10)
_FADED = 0.5
"""Share that is left of the picture behind a forecast."""


def draw_labels(frame: torch.Tensor, labels: torch.Tensor, *, alpha: float = 0.6) -> torch.Tensor:
    """Tint the objects of a label map in their colours over a frame.

    Args:
        frame: uint8 (3, H, W), RGB.
        labels: uint8 (H, W), class ids 0 to 48.
        alpha: Share of the colour; 1 hides the frame.

    Returns:
        uint8 (3, H, W), RGB; a new tensor.

    Raises:
        TypeError: `frame` or `labels` is not uint8.
        ValueError: The shapes do not fit, an id is above 48, or `alpha` is outside 0 to 1.
    """
    ids = _check_labels(labels, "labels").unique()
    ids = ids[ids > 0]
    return overlay(frame, labels[None] == ids[:, None, None], alpha=alpha, palette=_colours_of(ids))


def error_map(labels: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Where a label map is right, misses an object, takes it for another, or invents one.

    Args:
        labels: uint8 (H, W), class ids of a forecast.
        truth: uint8 (H, W).

    Returns:
        uint8 (3, H, W), RGB, in `ERROR_COLOURS`; dark grey where both say background.

    Raises:
        TypeError: An argument is not uint8.
        ValueError: An argument is not two-dimensional or has ids above 48, or the shapes differ.
    """
    _check_labels(labels, "labels")
    if _check_labels(truth, "truth").shape != labels.shape:
        raise ValueError(f"truth must have the shape of labels, {tuple(labels.shape)}, got {tuple(truth.shape)}")
    forecast, there = labels > 0, truth > 0
    places = {
        "right": there & (labels == truth),
        "missed": there & ~forecast,
        "wrong": there & forecast & (labels != truth),
        "invented": forecast & ~there,
    }
    picture = torch.full((3, *labels.shape), _GROUND, dtype=torch.uint8)
    for name, place in places.items():
        picture[:, place] = torch.tensor(ERROR_COLOURS[name], dtype=torch.uint8)[:, None]
    return picture


def strip(pictures: Sequence[torch.Tensor], captions: Sequence[str] | None = None) -> torch.Tensor:
    """Pictures, uint8 (3, H, W) each, in a row on light paper with captions above: uint8 (3, height, width).

    Raises:
        TypeError: A picture is not uint8.
        ValueError: There is no picture, one is misshapen, or the captions are not as many.
    """
    return contact_sheet(pictures, columns=max(1, len(pictures)), titles=captions, gap=4)


def forecast_strip(
    frames: torch.Tensor, observed: torch.Tensor, labels: torch.Tensor, *, predicted: torch.Tensor | None = None
) -> torch.Tensor:
    """Frames 1, 6 and 11 with the objects found in them, and the objects of frame 22 as forecast, in a row.

    Where frame 22 was not predicted, its objects are drawn over the faded median of the observed frames, in which
    moving things do not show.

    Args:
        frames: uint8 (11, 3, H, W), RGB.
        observed: uint8 (11, H, W), class ids.
        labels: uint8 (H, W), class ids of frame 22.
        predicted: uint8 (11, 3, H, W), frames 12 to 22.

    Returns:
        uint8 (3, height, width), RGB.
    """
    shown = [draw_labels(frames[index], observed[index]) for index in _SHOWN]
    captions = [f"frame {index + 1}" for index in _SHOWN]
    return strip([*shown, _drawn_forecast(frames, labels, predicted)], [*captions, "forecast of frame 22"])


def forecast_film(
    frames: torch.Tensor, observed: torch.Tensor, labels: torch.Tensor, *, predicted: torch.Tensor | None = None
) -> torch.Tensor:
    """The observed frames with their objects, the predicted frames, if there are any, and the forecast for 11 frames.

    Arguments and drawing as in `forecast_strip`; the result is uint8 (T, 3, H, W).
    """
    seen = [draw_labels(frame, found) for frame, found in zip(frames, observed, strict=True)]
    between = [] if predicted is None else list(predicted)
    return torch.stack([*seen, *between, *[_drawn_forecast(frames, labels, predicted)] * len(seen)])


def _drawn_forecast(frames: torch.Tensor, labels: torch.Tensor, predicted: torch.Tensor | None) -> torch.Tensor:
    if predicted is not None:
        return draw_labels(predicted[-1], labels)
    return draw_labels(_faded(frames.median(0).values), labels, alpha=0.85)


def _faded(frame: torch.Tensor) -> torch.Tensor:
    """Grey and pale."""
    grey = frame.float().mean(0, keepdim=True)
    return (grey * _FADED + 255 * (1 - _FADED)).round().to(torch.uint8).expand(3, -1, -1).clone()


def _colours_of(ids: torch.Tensor) -> list[tuple[int, int, int]]:
    return [CLASS_PALETTE[label] for label in ids.tolist()] or [CLASS_PALETTE[0]]


def _check_labels(labels: torch.Tensor, name: str) -> torch.Tensor:
    if not isinstance(labels, torch.Tensor) or labels.dtype != torch.uint8:
        raise TypeError(f"{name} must be a torch.uint8 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.ndim != 2 or 0 in labels.shape:
        raise ValueError(f"{name} must have shape (H, W), got {tuple(labels.shape)}")
    if int(labels.max()) >= len(CLASS_PALETTE):
        raise ValueError(f"{name} must hold class ids 0 to {len(CLASS_PALETTE) - 1}, got {int(labels.max())}")
    return labels
