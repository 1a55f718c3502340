"""Trials of modes: the better one is found where the better one is known, and nothing of the truth leaks."""

from __future__ import annotations

from dataclasses import replace
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
from maskreel.inpaint.trial import NO_ATTEMPT, Attempt, Trial, Triers, _tried

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
    assert trial.copied > 30
    assert not trial.prefers_flow


def test_registration_that_is_wrong_loses_to_flow() -> None:
    """Matrices of a camera that moves, before one that stands: tracked corners on a person make such."""
    trial = TRIERS.run(shot_of(moves(-4.0)), panned(0.0), walker(), 0)
    assert trial.prefers_flow
    assert trial.flow.gain > 3
    assert trial.flow.reach > 0.9


def test_frames_in_the_middle_of_a_shot_use_their_own_matrices() -> None:
    whole = moves(1.0)
    shot = Shot(100, 100 + 2 * COUNT, "registered", np.concatenate([np.zeros_like(whole), whole]), 5.0, 0.8)
    later = TRIERS.run(shot, panned(1.0), walker(), 100 + COUNT)
    assert later == TRIERS.run(shot_of(whole), panned(1.0), walker(), 0)


def test_what_is_tried_is_where_the_thing_is_half_a_trial_later() -> None:
    masks = walker()
    tried = _tried(masks)
    assert tried.deep
    np.testing.assert_array_equal(tried.where[0], masks[COUNT // 2])
    assert not (tried.where & masks).any()


def test_of_a_thing_that_stays_a_ring_around_it_is_tried() -> None:
    masks = np.broadcast_to(walker()[:1], (COUNT, *SIZE)).copy()
    tried = _tried(masks)
    assert not tried.deep
    assert tried.where[0, 28, 10]
    assert not tried.where[0, 22, 10]
    assert not (tried.where & masks).any()


@pytest.mark.parametrize("masks", [np.zeros((COUNT, *SIZE), bool), np.ones((COUNT, *SIZE), bool)])
def test_nothing_to_try_prefers_nothing(masks: np.ndarray) -> None:
    trial = TRIERS.run(shot_of(moves(0.0)), panned(0.0), masks, 0)
    assert np.isnan(trial.copied)
    assert not trial.prefers_flow


def test_good_copies_need_no_rival() -> None:
    trial = TRIERS.run(shot_of(moves(0.0)), panned(0.0), walker(), 0)
    assert trial.copied > 50
    assert (trial.flow, trial.following) == (NO_ATTEMPT, NO_ATTEMPT)
    assert not trial.prefers_flow


def passing() -> np.ndarray:
    """A camera that stands, and a textured board that slides over the lower part of the scene at 3 pixels a frame."""
    frames, board = panned(0.0), scene(40, SIZE[1] + 3 * COUNT + 6, seed=1)
    for t in range(COUNT):
        frames[t, 40:80] = board[:40, 3 * t : 3 * t + SIZE[1]]
    return frames


def test_what_moves_beside_a_hole_is_followed() -> None:
    """Before something that slides by, no other frame shows the same at the same place."""
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 52:66, 20 + 2 * t : 34 + 2 * t] = True
    still = replace(shot_of(moves(0.0)), mode="static")
    trial = TRIERS.run(still, passing(), masks, 0)
    assert trial.prefers_flow
    assert trial.following.gain > 3
    tied = replace(TRIERS, may_follow=False).run(still, passing(), masks, 0)
    assert tied.following == NO_ATTEMPT
    assert tied.flow == trial.flow


GOOD, BETTER, MUCH_BETTER, PAINTS = Attempt(0.6, 1.0), Attempt(1.5, 1.0), Attempt(1.7, 1.0), Attempt(3.0, 0.7)


@pytest.mark.parametrize(
    ("flow", "following", "prefers_flow", "prefers_following"),
    [
        (NO_ATTEMPT, NO_ATTEMPT, False, False),
        (Attempt(0.4, 1.0), Attempt(0.4, 1.0), False, False),
        (PAINTS, PAINTS, False, False),
        (GOOD, NO_ATTEMPT, True, False),
        (GOOD, BETTER, True, False),
        (GOOD, MUCH_BETTER, True, True),
        (PAINTS, GOOD, False, False),
        (NO_ATTEMPT, GOOD, True, True),
        (GOOD, PAINTS, True, False),
        (Attempt(0.2, 1.0), Attempt(1.0, 1.0), False, False),
        (Attempt(0.2, 1.0), MUCH_BETTER, True, True),
    ],
)
def test_flow_must_be_clearly_better_and_leave_little_to_paint(
    flow: Attempt, following: Attempt, prefers_flow: bool, prefers_following: bool
) -> None:
    trial = Trial(30.0, flow, following)
    assert (trial.prefers_flow, trial.prefers_following) == (prefers_flow, prefers_following)


def test_large_frames_are_tried_small_with_the_same_verdict() -> None:
    large = np.repeat(np.repeat(panned(1.0), 4, 1), 4, 2)
    masks = np.repeat(np.repeat(walker(), 4, 1), 4, 2)
    trial = TRIERS.run(shot_of(moves(4.0)), large, masks, 0)
    assert trial.copied > 28
    assert not trial.prefers_flow


def test_the_survey_of_such_a_clip_fits() -> None:
    """The same through the surveyor, whose matrices are measured."""
    frames = panned(1.0)
    surveyor = Surveyor(SIZE, Fraction(25), COUNT)
    surveyor.add(Clip.from_numpy(frames, Fraction(25)))
    (shot,) = surveyor.finish().shots
    assert TRIERS.run(shot, frames, walker(), 0).copied > 28
