"""Trials of modes: the better one is found where the better one is known, and nothing of the truth leaks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from maskreel.common.video import Clip
from maskreel.inpaint.flow_completer import BackgroundCompleter
from maskreel.inpaint.flow_estimation import DISFlow
from maskreel.inpaint.flow_fill import FlowFillConfig
from maskreel.inpaint.image_inpainter import ClassicalInpainter
from maskreel.inpaint.parts import Parts
from maskreel.inpaint.survey import Shot, Surveyor
from maskreel.inpaint.trial import Trial, Triers, _enlarged

SIZE = (96, 144)
COUNT = 24
TRIERS = Triers(FlowFillConfig(), Parts(DISFlow(), BackgroundCompleter(), ClassicalInpainter()), 14.0, "auto")


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 (height, width, 3): smooth enough for flow, with something to see everywhere."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(40, 215, (1, 3, height // 6, width // 6)))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return smooth[0].permute(1, 2, 0).clamp(0, 255).byte().numpy()


def panned(step: float) -> np.ndarray:
    """A camera that moves `step` pixels to the right every frame over a plain background."""
    wide = scene(SIZE[0], SIZE[1] + round(COUNT * step) + 1)
    return np.stack([wide[:, round(t * step) : round(t * step) + SIZE[1]] for t in range(COUNT)])


def walker() -> np.ndarray:
    """bool (T, H, W): a box that walks through the left half."""
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 30:70, 4 + 2 * t : 18 + 2 * t] = True
    return masks


def shot_of(matrices: np.ndarray) -> Shot:
    return Shot(0, COUNT, "registered", matrices, 5.0, 0.8)


def moves(step: float) -> np.ndarray:
    """Matrices of a camera that moves by `step` pixels a frame."""
    matrices = np.broadcast_to(np.eye(3), (COUNT, 3, 3)).copy()
    matrices[:, 0, 2] = step * np.arange(COUNT)
    return matrices


def test_registration_that_is_right_is_kept() -> None:
    trial = TRIERS.run(shot_of(moves(1.0)), panned(1.0), walker(), 0)
    assert trial.registered > 30
    assert not trial.prefers_flow


def test_registration_that_is_wrong_loses_to_flow() -> None:
    """Matrices of a camera that moves, before one that stands: tracked corners on a person make such."""
    trial = TRIERS.run(shot_of(moves(-4.0)), panned(0.0), walker(), 0)
    assert trial.prefers_flow
    assert trial.flow > trial.registered + 3


def test_frames_in_the_middle_of_a_shot_use_their_own_matrices() -> None:
    whole = moves(1.0)
    shot = Shot(100, 100 + 2 * COUNT, "registered", np.concatenate([np.zeros_like(whole), whole]), 5.0, 0.8)
    later = TRIERS.run(shot, panned(1.0), walker(), 100 + COUNT)
    assert later == TRIERS.run(shot_of(whole), panned(1.0), walker(), 0)


def test_what_is_tried_is_a_ring_around_the_thing() -> None:
    masks = walker()
    ring = _enlarged(masks) & ~masks
    assert ring[0, 28, 10]
    assert not ring[0, 22, 10]
    assert not (ring & masks).any()


@pytest.mark.parametrize("masks", [np.zeros((COUNT, *SIZE), bool), np.ones((COUNT, *SIZE), bool)])
def test_nothing_to_try_prefers_nothing(masks: np.ndarray) -> None:
    trial = TRIERS.run(shot_of(moves(0.0)), panned(0.0), masks, 0)
    assert np.isnan(trial.flow)
    assert not trial.prefers_flow


@pytest.mark.parametrize(
    ("flow", "reach", "prefers"),
    [(30.4, 1.0, False), (30.6, 1.0, True), (30.6, 0.7, False), (float("nan"), 1.0, False)],
)
def test_flow_must_be_clearly_better_and_leave_little_to_paint(flow: float, reach: float, prefers: bool) -> None:
    assert Trial(30.0, flow, reach).prefers_flow is prefers


def test_large_frames_are_tried_small_with_the_same_verdict() -> None:
    large = np.repeat(np.repeat(panned(1.0), 4, 1), 4, 2)
    masks = np.repeat(np.repeat(walker(), 4, 1), 4, 2)
    trial = TRIERS.run(shot_of(moves(4.0)), large, masks, 0)
    assert trial.registered > 28
    assert not trial.prefers_flow


def test_the_survey_of_such_a_clip_fits() -> None:
    """The same through the surveyor, whose matrices are measured."""
    frames = panned(1.0)
    surveyor = Surveyor(SIZE, Fraction(25), COUNT)
    surveyor.add(Clip.from_numpy(frames, Fraction(25)))
    (shot,) = surveyor.finish().shots
    assert TRIERS.run(shot, frames, walker(), 0).registered > 28
