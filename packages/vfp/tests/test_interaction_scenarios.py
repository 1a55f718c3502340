"""Simulated clips, real tracks and the noise on both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from maskreel.common.errors import InputError
from maskreel.vfp.interaction import EntryPool, Observed, Recorded, Scenarios
from maskreel.vfp.interaction._disturbed import MISSED, disturbed
from maskreel.vfp.interaction._pool import entry_state
from maskreel.vfp.interaction._recorded import early
from maskreel.vfp.interaction._visibility import deviations, picture_boxes
from maskreel.vfp.objects import Motion, Solid, Table, TableCamera
from maskreel.vfp.objects.futures import Doubt
from maskreel.vfp.objects.paint import paint
from maskreel.vfp.objects.tracks import Track, tracks

CAMERA = TableCamera(258.0, 0.59, 14.7, (160, 240))
SOLIDS = (Solid(0, 0.84, 1.62), Solid(1, 1.0, 2.0), Solid(2, 0.9, 1.61))
SLOW, FAST = Motion((0.01, 0.004, 0.01), 0.65, 0.3, (-1.0, 0.5)), Motion((0.06, 0.02, 0.06), 0.6, 0.3, (0.0, 0.5))
TABLE = Table(CAMERA, SOLIDS, 0.015, (SLOW, FAST))
LABELS = (1, 17, 33)
"""A cube, a sphere and a cylinder."""


def slid(label: int, place: tuple[float, float], velocity: tuple[float, float], frames: range, motion: Motion) -> Track:
    """An object seen in `frames`; place and velocity are those in the first of them."""
    speed = float(np.hypot(*velocity))
    friction = motion.friction[(label - 1) // 16]
    time = np.arange(len(frames), dtype=float)
    moving = np.minimum(time, speed / friction)
    way = (speed * moving - friction * moving**2 / 2) / max(speed, 1e-9)
    places = np.array(place) + way[:, None] * np.array(velocity)
    flags = np.zeros(len(frames), bool)
    return Track(label, np.array(frames), places, np.full(len(frames), 0.015), ~flags, flags, np.zeros(len(frames)))


def pool(count: int = 60) -> EntryPool:
    rng = np.random.default_rng(0)
    moving = rng.random(count) < 0.6
    side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    place = np.stack([np.where(moving, 13 * side, rng.uniform(-6, 6, count)), rng.uniform(16, 26, count)], -1)
    velocity = np.stack([-side * rng.uniform(0.5, 1.5, count), rng.uniform(-0.3, 0.3, count)], -1) * moving[:, None]
    frame = rng.integers(0, 12, count) * moving
    return EntryPool(rng.integers(0, 2, count), rng.integers(0, 3, count), frame, place, velocity)


@pytest.fixture(scope="module")
def scenarios() -> Scenarios:
    return Scenarios(TABLE, pool(), 200, seed=1)


def test_the_state_at_entry_is_that_of_the_first_sighting():
    state = entry_state(slid(1, (-12.0, 20.0), (1.2, 0.3), range(5, 20), FAST), FAST)
    np.testing.assert_allclose(state.place, (-12.0, 20.0), atol=0.02)
    np.testing.assert_allclose(state.velocity, (1.2, 0.3), atol=0.02)


def test_what_rests_when_it_is_seen_first_rests_even_if_it_is_pushed_later():
    rests, pushed = (
        slid(1, (0.0, 20.0), (0.0, 0.0), range(8), FAST),
        slid(1, (0.0, 20.0), (1.0, 0.0), range(8, 20), FAST),
    )
    both = {
        name: np.concatenate([getattr(rests, name), getattr(pushed, name)]) for name in ("frames", "places", "turns")
    }
    flags = np.zeros(20, bool)
    track = Track(1, **both, deviation=np.full(20, 0.015), whole=~flags, cut=flags)
    noisy = replace(track, places=track.places + 0.01 * np.random.default_rng(0).standard_normal((20, 2)))
    assert entry_state(noisy, FAST).velocity.tolist() == [0.0, 0.0]


def test_clips_give_their_objects_to_the_motion_that_they_show():
    slow = [[slid(1 + n, (-10.0, 20.0), (0.4, 0.0), range(22), SLOW)] for n in range(3)]
    fast = [[slid(17, (-10.0, 20.0), (1.4, 0.2), range(3, 22), FAST)]]
    found = EntryPool.of(TABLE, [*slow, *fast])
    assert found.motion.tolist() == [0, 0, 0, 1]
    assert found.shape.tolist() == [0, 0, 0, 1]
    assert found.frame.tolist() == [0, 0, 0, 3]


def test_masks_that_show_nothing_for_long_are_refused():
    with pytest.raises(InputError, match="hold no object that is seen in 4 frames or more"):
        EntryPool.of(TABLE, [[slid(1, (0.0, 20.0), (0.0, 0.0), range(3), SLOW)]])


def test_objects_that_are_set_back_slide_to_where_they_were_seen_first():
    entries = EntryPool(
        motion=np.array([1, 0]),
        shape=np.array([0, 1]),
        frame=np.array([7, 5]),
        place=np.array([[-12.0, 20.0], [1.0, 18.0]]),
        velocity=np.array([[1.0, 0.2], [0.0, 0.0]]),
    )
    places, velocities = entries.set_back(TABLE)
    again = slid(1, tuple(places[0]), tuple(velocities[0]), range(8), FAST)
    np.testing.assert_allclose(again.places[7], (-12.0, 20.0), atol=1e-6)
    assert np.hypot(*velocities[0]) == pytest.approx(np.hypot(1.0, 0.2) + 7 * 0.06)
    assert places[1].tolist() == [1.0, 18.0]
    assert velocities[1].tolist() == [0.0, 0.0]


def seen_at(*places: tuple[float, float], shape: int = 1) -> np.ndarray:
    """Standard deviations (N,) of spheres at N places."""
    spots = np.array(places)[None, :, None]
    return deviations(TABLE, picture_boxes(TABLE, np.full(spots.shape[:2], shape), spots))[0, :, 0]


def test_objects_in_full_sight_are_sure():
    assert seen_at((0.0, 20.0), (6.0, 20.0)) == pytest.approx([0.015, 0.015])


def test_objects_outside_the_picture_are_not_seen():
    assert seen_at((40.0, 20.0), (0.0, -5.0), (0.0, 300.0)) == pytest.approx([0, 0, 0])


def test_objects_at_the_edge_are_half_sure():
    corner = CAMERA.to_table(np.array([1.0, 80.0]), 1.0)
    assert seen_at(tuple(corner)) == pytest.approx([0.08])


def test_objects_behind_others_are_not_seen():
    behind = seen_at((0.0, 20.0), (0.0, 22.1), (0.6, 24.5))
    assert behind[0] == pytest.approx(0.015)
    assert behind[1] in (0.08, 0.5)


def test_simulated_sightings_are_those_of_painted_masks():
    """Random objects, painted and read from the masks: what is seen and how surely agrees nearly always."""
    rng = np.random.default_rng(0)
    found, expected = [], []
    for _ in range(60):
        places = np.stack([rng.uniform(-14, 14, 3), rng.uniform(12, 32, 3)], -1)
        if min(np.linalg.norm(places[[0, 0, 1]] - places[[1, 2, 2]], axis=1)) < 2:
            continue
        planes = paint(TABLE, LABELS, places[None], np.zeros((1, 3)))
        read = {track.label: track.deviation[0] for track in tracks(TABLE, planes)}
        expected += [read.get(label, 0.0) for label in LABELS]
        boxes = picture_boxes(TABLE, np.array([[0, 1, 2]]), places[None, :, None])
        found += deviations(TABLE, boxes)[0, :, 0].tolist()
    found, expected = np.array(found), np.array(expected)
    assert (expected == 0).sum() > 5
    assert (expected > 0.02).sum() > 10
    assert ((found > 0) == (expected > 0)).mean() > 0.95
    assert np.isclose(found, expected, rtol=0.01).mean() > 0.85


def test_energy_never_rises_and_rest_stays_rest(scenarios: Scenarios):
    way = scenarios.clips.places
    speeds = np.linalg.norm(np.diff(way, axis=2), axis=-1)
    alone = Scenarios(TABLE, pool(), 50, objects=(1, 1), doubt=Doubt(), seed=2).clips.places
    slides = np.linalg.norm(np.diff(alone, axis=2), axis=-1)
    assert (np.diff(slides, axis=2) < 1e-4).all()
    fastest = speeds[:, :, 0].max(1)
    # Pushing out of each other adds a little to the ways, and who is hit hides the energy of who was never seen.
    assert np.mean(speeds.max((1, 2)) < fastest + 0.5) > 0.95


def test_collisions_happen(scenarios: Scenarios):
    way = scenarios.clips.places
    starts = np.linalg.norm(way[:, :, 1] - way[:, :, 0], axis=-1) == 0
    ends = np.linalg.norm(way[:, :, -1] - way[:, :, 0], axis=-1) > 0.5
    there = scenarios.clips.shape >= 0
    assert 0.02 < (starts & ends)[there].mean() < 0.5


def test_flags_and_slots_of_scenarios(scenarios: Scenarios):
    clips = scenarios.clips
    there = clips.shape >= 0
    assert ((clips.deviation > 0).any(-1) == there).all()
    assert (np.sort(~there, 1) == ~there).all()
    assert there.sum(1).max() <= 6
    assert np.isnan(clips.yaw[clips.shape != 0]).all()
    assert np.isfinite(clips.yaw[clips.shape == 0]).all()
    pixels, _ = CAMERA.project(np.concatenate([clips.places[:, :, :11], np.ones((200, 10, 11, 1))], -1))
    far = (pixels < -40).any(-1) | (pixels > (280, 200)).any(-1)
    assert not (clips.deviation[far] > 0).any()


def test_the_same_seed_gives_the_same_clips():
    first, second, third = (Scenarios(TABLE, pool(), 5, seed=seed).clips for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.places, second.places)
    assert first.places.shape != third.places.shape or (first.places != third.places).any()


def test_progress_is_told_and_items_go_into_batches(scenarios: Scenarios):
    told: list[int] = []
    few = Scenarios(TABLE, pool(), 3, slots=6, progress=told.append)
    assert told == [3]
    batch = default_collate([few[0], few[2]])
    observed = Observed.of_items(batch)
    assert observed.places.shape == (2, 6, 11, 2)
    np.testing.assert_array_equal(batch["future"][1].numpy(), few.clips.places[2][:, 11:])
    assert (batch["known"].any(-1) == observed.present).all()
    assert len(scenarios) == 200


@pytest.mark.parametrize("objects", [(0, 3), (4, 3), (3, 11)])
def test_impossible_numbers_of_objects_are_refused(objects: tuple[int, int]):
    with pytest.raises(ValueError, match="objects must rise from 1 or more to at most 10"):
        Scenarios(TABLE, pool(), 3, objects=objects)


def test_no_scenarios_are_refused():
    with pytest.raises(ValueError, match="count must be 1 or more, got 0"):
        Scenarios(TABLE, pool(), 0)


def test_recorded_clips_know_the_future_where_it_was_seen_well():
    first = slid(1, (-5.0, 20.0), (0.5, 0.0), range(22), SLOW)
    unsure = replace(first, label=17, deviation=np.where(first.frames == 15, 0.5, 0.015))
    late = slid(33, (0.0, 20.0), (0.0, 0.0), range(12, 22), SLOW)
    items = Recorded([[first, unsure, late]], slots=3)
    item = items[0]
    assert len(items) == 1
    assert item["shape"].tolist() == [0, 1, -1]
    assert item["known"][0].all()
    assert (~item["known"][1]).nonzero().flatten().tolist() == [4]
    np.testing.assert_allclose(item["future"][0, -1].numpy(), first.places[21], rtol=1e-6)


def test_of_too_many_objects_those_seen_most_often_are_kept():
    clip = [slid(label, (0.0, 20.0), (0.0, 0.0), range(start, 22), SLOW) for label, start in ((1, 8), (2, 0), (3, 4))]
    assert [track.label for track in early(clip, 2)] == [2, 3]


def observed_at_rest(clips: int) -> Observed:
    deviation = torch.full((clips, 3, 11), 0.1)
    return Observed(
        torch.zeros(clips, 3, 11, 2), deviation, torch.zeros(clips, 3, dtype=torch.int64), torch.zeros(clips, 3)
    )


def test_noise_is_as_wide_as_places_are_unsure():
    torch.manual_seed(0)
    found = disturbed(observed_at_rest(800), torch.ones(800))
    # The square of a factor that is log-uniform in [1, 3] has the mean (9 - 1) / (2 ln 3).
    assert found.places.var() == pytest.approx(0.01 * 4 / np.log(3), rel=0.1)
    assert (~found.seen).float().mean() == pytest.approx(MISSED, rel=0.15)
    assert found.yaw.std() == pytest.approx(0.08, rel=0.1)


def test_no_noise_leaves_places_alone():
    found = disturbed(observed_at_rest(5), torch.zeros(5))
    assert found.places.abs().max() == 0
    assert found.yaw.abs().max() == 0
