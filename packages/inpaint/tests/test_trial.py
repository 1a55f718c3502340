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


def test_half_of_the_picture_is_not_laid_over_the_other_half() -> None:
    """Or nothing would be left to fill anything from."""
    masks = np.zeros((COUNT, *SIZE), bool)
    masks[:, :, : SIZE[1] // 2] = True
    trial = TRIERS.run(replace(shot_of(moves(0.0)), mode="static"), panned(0.0), masks, 0)
    assert set(trial.quality) <= {"static", "flow"}


def standing() -> np.ndarray:
    """bool (T, H, W): a hole in the middle that stands, and is tried on both sides therefore."""
    masks = np.zeros((COUNT, *SIZE), bool)
    masks[:, 36:60, 66:78] = True
    return masks


def test_two_places_are_judged_together() -> None:
    """Beside a hole that stands, half of what it is laid over is plain, where all ways do well, and half is not."""
    frames, still = panned(0.0), replace(shot_of(moves(0.0)), mode="static")
    frames[:, :, : SIZE[1] // 2] = 128
    both = TRIERS.run(still, frames, standing(), 0).quality["static"]
    frames[:, :, SIZE[1] // 2 :] = 128
    assert TRIERS.run(still, frames, standing(), 0).quality["static"] == 36
    assert (36 + 10) / 2 < both < (36 + 30) / 2


def test_a_place_where_every_way_fails_does_not_decide_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pooled errors, 60 and 9 grey levels would be worse than 58 and 16."""
    frames, away = panned(0.0), {"static": (60, 9), "flow": (58, 16)}

    def filled(_self: Triers, way: Way, _small: object, _frames: np.ndarray, holes: np.ndarray) -> np.ndarray:
        beside = holes & ~standing()
        left = np.argwhere(beside)[:, 2].mean() < SIZE[1] / 2
        return np.where(frames > 127, frames - away[way][not left], frames + away[way][not left])

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
    assert after > before + 0.5, "by the repainting of single frames, before is not worse by more"


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


def test_a_rival_is_tried_and_wins_where_flow_drags_somebody_along() -> None:
    """A camera pans with somebody who keeps beside a hole that stands in the picture."""
    frames, masks = panned(3.0), np.zeros((COUNT, *SIZE), bool)
    frames[:, 20:76, 60:90] = scene(60, 30, seed=2)[:56]
    masks[:, 36:60, 30:60] = True
    shot = replace(shot_of(moves(3.0)), mode="flow", rival="registered")
    trial = TRIERS.run(shot, frames, masks, 0)
    assert list(trial.quality) == ["flow", "registered"], "of a hole that stands, elsewhere says nothing of passers-by"
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
