"""Trials of ways to fill: the better one is found where the better one is known, and nothing of the truth leaks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from maskreel.common.video import Clip
from maskreel.inpaint.flow.completer import BackgroundCompleter
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.flow.fill import FlowFillConfig
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.running.parts import Parts
from maskreel.inpaint.running.trial import Trial, Triers, Way
from maskreel.inpaint.scene.survey import Shot, Surveyor

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
    """bool (T, H, W): a box that walks through the middle."""
    masks = np.zeros((COUNT, *SIZE), bool)
    for t in range(COUNT):
        masks[t, 30:70, 40 + 2 * t : 54 + 2 * t] = True
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
    assert trial.quality["registered"] > 30
    assert trial.best == "registered"


def test_registration_that_is_wrong_loses_to_flow() -> None:
    """Matrices of a camera that moves, before one that stands: tracked corners on a person make such."""
    trial = TRIERS.run(shot_of(moves(-4.0)), panned(0.0), walker(), 0)
    assert trial.best in ("flow", "following")
    assert trial.quality["flow"] > trial.quality["registered"] + 3


def test_frames_in_the_middle_of_a_shot_use_their_own_matrices() -> None:
    whole = moves(1.0)
    shot = Shot(100, 100 + 2 * COUNT, "registered", np.concatenate([np.zeros_like(whole), whole]), 5.0, 0.8)
    later = TRIERS.run(shot, panned(1.0), walker(), 100 + COUNT)
    assert later == TRIERS.run(shot_of(whole), panned(1.0), walker(), 0)


@pytest.mark.parametrize("masks", [np.zeros((COUNT, *SIZE), bool), np.ones((COUNT, *SIZE), bool)])
def test_nothing_to_try_prefers_nothing(masks: np.ndarray) -> None:
    trial = TRIERS.run(shot_of(moves(0.0)), panned(0.0), masks, 0)
    assert trial == Trial()
    assert trial.best is None


def test_a_rim_that_leaves_nothing_to_fill_from_is_not_tried() -> None:
    """Six columns are known; the smaller rim takes four of them, the larger one would take all."""
    masks = np.ones((COUNT, *SIZE), bool)
    masks[:, :, -6:] = False
    trial = TRIERS.run(replace(shot_of(moves(0.0)), mode="static"), panned(0.0), masks, 0)
    assert 10 < trial.quality["static"] < 36


def standing() -> np.ndarray:
    """bool (T, H, W): a hole in the middle that stands; it is tried with a rim of 4 pixels and one of 8."""
    masks = np.zeros((COUNT, *SIZE), bool)
    masks[:, 36:60, 66:78] = True
    return masks


def inner() -> np.ndarray:
    """bool (H, W): the middle, as far as the smaller rim."""
    middle = np.zeros(SIZE, bool)
    middle[32:64, 62:82] = True
    return middle


def test_both_rims_are_judged_together() -> None:
    """Where all of the smaller one is plain, all ways do well there, and the larger one is not plain."""
    frames, still = panned(0.0), replace(shot_of(moves(0.0)), mode="static")
    frames[:, 31:65, 61:83] = 128
    both = TRIERS.run(still, frames, standing(), 0).quality["static"]
    frames[:] = 128
    assert TRIERS.run(still, frames, standing(), 0).quality["static"] == 36
    assert (36 + 10) / 2 < both < (36 + 30) / 2


def test_a_rim_where_every_way_fails_does_not_decide_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pooled errors, 60 and 9 grey levels would be worse than 58 and 16."""
    frames, away = panned(0.0), {"static": (60, 9), "flow": (58, 16), "following": (90, 90)}

    def filled(_self: Triers, way: Way, _small: object, _frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
        smaller = not (holes & ~inner()).any()
        return np.where(frames > 127, frames - away[way][smaller], frames + away[way][smaller])

    monkeypatch.setattr(Triers, "_filled", filled)
    trial = TRIERS.run(replace(shot_of(moves(0.0)), mode="static"), frames, standing(), 0)
    expected = {way: np.mean([20 * np.log10(255 / by) for by in both]) for way, both in away.items()}
    assert trial.quality == pytest.approx(expected)
    assert trial.best == "static"


def test_what_passes_by_is_not_carried_on_into_paintings() -> None:
    """Somebody stands beside the hole at first, and goes away."""
    frames, still = panned(0.0), replace(shot_of(moves(0.0)), mode="static")
    frames[:2, 20:76, 84:110] = 255
    moving = np.zeros((COUNT, *SIZE), bool)
    moving[:2, 20:76, 84:110] = True
    told = replace(TRIERS, passing=lambda clip, start: torch.from_numpy(moving[start : start + len(clip)]))
    before, after = (who.run(still, frames, standing(), 0).quality["static"] for who in (TRIERS, told))
    assert after > before + 0.2, "by the repainting of single frames, before is not worse by more"


def test_good_copies_need_no_rival() -> None:
    trial = TRIERS.run(replace(shot_of(moves(0.0)), mode="static"), panned(0.0), walker(), 0)
    assert list(trial.quality) == ["static"]
    assert trial.quality["static"] == 36, "as good as it counts"


def test_nobody_looks_at_the_truth() -> None:
    """Nothing but the masked thing is laid over what is tried, so its own colours are not to be found there."""
    frames, masks = panned(0.0), np.broadcast_to(walker()[:1], (COUNT, *SIZE)).copy()
    trial = TRIERS.run(replace(shot_of(moves(0.0)), mode="static"), frames, masks, 0)
    assert max(trial.quality.values()) < 30, "a hole that stands is never uncovered"


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
    assert trial.best == "following"
    assert trial.quality["following"] > trial.quality["static"] + 3
    tied = replace(TRIERS, may_follow=False).run(still, passing(), masks, 0)
    assert tied.quality == {way: trial.quality[way] for way in ("static", "flow")}


def test_what_moves_behind_a_hole_that_stands_is_followed() -> None:
    masks = np.zeros((COUNT, *SIZE), bool)
    masks[:, 54:64, 66:76] = True
    still = replace(shot_of(moves(0.0)), mode="static")
    assert TRIERS.run(still, passing(), masks, 0).best == "following"


def test_a_rival_is_tried_and_wins_where_flow_drags_somebody_along() -> None:
    """A camera pans with somebody who keeps beside a hole that stands in the picture."""
    frames, masks = panned(3.0), np.zeros((COUNT, *SIZE), bool)
    frames[:, 20:76, 60:90] = scene(60, 30, seed=2)[:56]
    masks[:, 36:60, 30:60] = True
    shot = replace(shot_of(moves(3.0)), mode="flow", rival="registered")
    trial = TRIERS.run(shot, frames, masks, 0)
    assert list(trial.quality) == ["flow", "registered", "following"]
    assert trial.best == "registered"


@pytest.mark.parametrize(
    ("quality", "best"),
    [
        ({}, None),
        ({"static": 20.0}, "static"),
        ({"static": 20.0, "flow": 20.2, "following": 20.25}, "static"),
        ({"static": 20.0, "flow": 20.4, "following": 20.3}, "flow"),
        ({"static": 20.0, "flow": 20.2, "following": 20.4}, "following"),
        ({"registered": 20.0, "flow": 20.4, "following": 20.6}, "flow"),
        ({"registered": 20.0, "flow": 20.4, "following": 20.8}, "following"),
        ({"flow": 20.0, "registered": 20.4, "following": 19.0}, "registered"),
        ({"flow": 20.0, "registered": 20.2, "following": 20.1}, "flow"),
    ],
)
def test_the_best_way_must_be_clearly_better_than_plainer_ones(quality: dict[Way, float], best: Way) -> None:
    assert Trial(quality).best == best


def test_large_frames_are_tried_small_with_the_same_verdict() -> None:
    large = np.repeat(np.repeat(panned(1.0), 4, 1), 4, 2)
    masks = np.repeat(np.repeat(walker(), 4, 1), 4, 2)
    trial = TRIERS.run(shot_of(moves(4.0)), large, masks, 0)
    assert trial.quality["registered"] > 28
    assert trial.best == "registered"


def test_the_survey_of_such_a_clip_fits() -> None:
    """The same through the surveyor, whose matrices are measured."""
    frames = panned(1.0)
    surveyor = Surveyor(SIZE, Fraction(25), COUNT)
    surveyor.add(Clip.from_numpy(frames, Fraction(25)))
    (shot,) = surveyor.finish().shots
    assert TRIERS.run(shot, frames, walker(), 0).quality["registered"] > 28
