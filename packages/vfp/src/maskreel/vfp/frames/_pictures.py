"""Predicted frames for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.show import contact_sheet, heatmap
from maskreel.vfp.timeline import FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["frame_error", "frame_strip"]

FULL_ERROR = 0.25
"""The error, mean over the colours in a range of 1, from which the colour of the error map stays."""
SHOWN = 4
"""Frames of a strip."""


def frame_error(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Where a predicted frame is wrong: uint8 (3, H, W), dark where it is right, yellow from an error of a quarter on.

    Args:
        predicted: uint8 (3, H, W).
        truth: The same shape.
    """
    difference = (predicted.float() - truth.float()).abs().mean(0) / 255
    return heatmap(difference, limits=(0.0, FULL_ERROR))


def frame_strip(
    observed: torch.Tensor, predicted: torch.Tensor, truth: torch.Tensor | None = None, *, times: Sequence[int] = ()
) -> torch.Tensor:
    """The newest observed frame and, beside it, predicted ones; with a truth, that above and the error below.

    Args:
        observed: uint8 (11, 3, H, W).
        predicted: uint8 (n, 3, H, W), the frames up to 22.
        truth: The same shape.
        times: Which frames of the clip to show, counted from 0; by default up to four, evenly spread, with frame 22.

    Returns:
        uint8 (3, height, width); frames are counted from 1 in the captions.
    """
    first = FRAMES - len(predicted)
    shown = list(times) or _spread(first)
    columns = len(shown) + 1
    blank = torch.full_like(observed[-1], 248)
    rows = [[observed[-1], *(predicted[time - first] for time in shown)]]
    titles = [[f"frame {len(observed)}", *(f"{time + 1} predicted" for time in shown)]]
    if truth is not None:
        errors = [frame_error(predicted[time - first], truth[time - first]) for time in shown]
        rows = [[observed[-1], *(truth[time - first] for time in shown)], [blank, *rows[0][1:]], [blank, *errors]]
        real = [f"frame {len(observed)}", *(f"{time + 1} real" for time in shown)]
        titles = [real, ["", *titles[0][1:]], ["", *(f"{time + 1} error" for time in shown)]]
    return contact_sheet([x for row in rows for x in row], columns=columns, titles=[x for row in titles for x in row])


def _spread(first: int) -> list[int]:
    return sorted({round(float(time)) for time in torch.linspace(first, FRAMES - 1, SHOWN)})
