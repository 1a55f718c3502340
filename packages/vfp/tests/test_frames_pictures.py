"""Strips and error maps of predicted frames."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.show import heatmap
from maskreel.vfp.frames import frame_error, frame_strip


def flat(value: int, frames: int) -> torch.Tensor:
    return torch.full((frames, 3, 40, 60), value, dtype=torch.uint8)


def test_error_is_dark_where_right_and_bright_from_a_quarter_on() -> None:
    truth, predicted = flat(100, 1)[0], flat(100, 1)[0]
    predicted[:, 0, 0], predicted[:, 0, 1], predicted[:, 0, 2] = 100 + 64, 255, 100 - 32
    picture = frame_error(predicted, truth)
    scale = heatmap(torch.tensor([[0.0, 32 / 255, 0.25]]), limits=(0.0, 0.25))
    assert torch.equal(picture[:, 5, 5], scale[:, 0, 0])
    assert torch.equal(picture[:, 0, 0], scale[:, 0, 2])
    assert torch.equal(picture[:, 0, 1], scale[:, 0, 2])
    assert torch.equal(picture[:, 0, 2], scale[:, 0, 1])


@pytest.mark.parametrize("frames", [11, 1])
def test_strip_shows_truth_prediction_and_error(frames: int) -> None:
    strip = frame_strip(flat(10, 11), flat(20, frames), flat(30, frames))
    colours = {tuple(pixel) for pixel in strip.flatten(1).T.tolist()}
    error = tuple(frame_error(flat(20, 1)[0], flat(30, 1)[0])[:, 0, 0].tolist())
    assert {(10, 10, 10), (20, 20, 20), (30, 30, 30), error} <= colours
    blind = frame_strip(flat(10, 11), flat(20, frames))
    assert blind.shape[1] < strip.shape[1] / 2
    assert blind.shape[2] == strip.shape[2]
    assert (30, 30, 30) not in {tuple(pixel) for pixel in blind.flatten(1).T.tolist()}


def test_strip_of_chosen_frames() -> None:
    predicted = torch.cat([flat(100 + time, 1) for time in range(11, 22)])
    strip = frame_strip(flat(10, 11), predicted, times=[13, 21])
    for time in range(11, 22):
        shown = bool((strip == 100 + time).all(0).sum() >= 40 * 60)
        assert shown == (time in (13, 21))
