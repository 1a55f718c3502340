"""From tracks to what is on the table: places, velocities, who is still there, and which motion a clip shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskreel.vfp.objects import Motion, Solid, Table, TableCamera
from maskreel.vfp.objects.confusions import without_confusions
from maskreel.vfp.objects.motion_odds import motion_odds
from maskreel.vfp.objects.paint import paint
from maskreel.vfp.objects.scene import NOW, scene_of, scenes_of
from maskreel.vfp.objects.state import estimate_state, estimate_states, squared_misfit
from maskreel.vfp.objects.tracks import Track, tracks, until
from maskreel.vfp.objects.ways import Ways

NOISE = 0.015
MOTIONS = tuple(Motion((slow, slow / 3, slow), 0.65, 0.3, (-0.8, 0.7)) for slow in (0.01, 0.034, 0.06))
TABLE = Table(
    TableCamera(257.0, 0.59, 14.7, (160, 240)),
    (Solid(0, 0.82, 1.64), Solid(1, 1.0, 2.0), Solid(2, 0.9, 1.62)),
    NOISE,
    MOTIONS,
)
FRAMES = np.arange(11)


def decelerating(
    place: tuple[float, float], velocity: tuple[float, float], friction: float, times: np.ndarray
) -> np.ndarray:
    """Places (S, 2) at `times` of what has this place and velocity at time 0; it rests once it has stopped."""
    speed = float(np.hypot(*velocity))
    times = np.minimum(times, speed / friction)
    way = speed * times - friction * times**2 / 2
    return np.array(place) + way[:, None] * np.array(velocity) / speed


def track_of(places: np.ndarray, *, frames: np.ndarray = FRAMES, label: int = 3, deviation: float = NOISE) -> Track:
    size = len(frames)
    return Track(
        label, frames, places, np.full(size, deviation), np.ones(size, bool), np.zeros(size, bool), np.zeros(size)
    )


@pytest.mark.parametrize("velocity", [(0.5, 0.0), (-0.3, 0.7), (1.5, -1.0)])
def test_exact_places_tell_place_and_velocity(velocity: tuple[float, float]):
    track = track_of(decelerating((2.0, 20.0), velocity, 0.034, FRAMES - 10.0))
    state = estimate_state(track, 0.034, NOW)
    np.testing.assert_allclose(state.place, (2.0, 20.0), atol=1e-3)
    np.testing.assert_allclose(state.velocity, velocity, atol=1e-3)
    assert (state.moving, state.used) == (True, 11)
    assert state.misfit < 1e-3


def test_a_way_goes_through_what_was_fitted():
    """Not only where it is asked for, and with other weights."""
    times = np.array([-9.0, -7.0, -2.0, -1.0])
    places = decelerating((1.0, 2.0), (0.4, 0.3), 0.02, times)
    ways = Ways.through(times, places[:, 0] + 1j * places[:, 1], np.array([1e6, 1e4, 1e5, 1e6]), 0.02)
    found = ways.at(times)
    np.testing.assert_allclose(np.stack([np.real(found), np.imag(found)], -1), places, atol=1e-4)


def test_errors_are_as_large_as_they_are_said_to_be():
    """Over many draws of the noise, along the motion; the variance of a place ahead, too."""
    rng = np.random.default_rng(0)
    times = FRAMES - 10.0
    truth = decelerating((2.0, 20.0), (0.5, 0.0), 0.03, times)
    noisy = truth + rng.normal(0, NOISE, (500, 11, 2))
    ways = Ways.through(times, noisy[..., 0] + 1j * noisy[..., 1], np.full(11, NOISE**-2), 0.03)
    assert np.real(ways.place).std() == pytest.approx(ways.spread[0, 0, 0] ** 0.5, rel=0.1)
    assert np.real(ways.velocity).std() == pytest.approx(ways.spread[0, 1, 1] ** 0.5, rel=0.1)
    ahead = np.real(ways.place) + 5 * np.real(ways.velocity)
    assert ahead.std() == pytest.approx(ways.variance(np.array([5.0]))[0, 0] ** 0.5, rel=0.1)


def test_a_collision_splits_the_track():
    before = decelerating((-1.0, 20.0), (0.8, 0.0), 0.034, FRAMES[:7] - 6.0)
    after = decelerating((-1.0, 20.0), (-0.2, 0.5), 0.034, FRAMES[7:] - 6.0)
    state = estimate_state(track_of(np.concatenate([before, after])), 0.034, NOW)
    assert state.used in (4, 5)  # the place of the collision lies on both ways
    np.testing.assert_allclose(state.velocity, np.diff(after, axis=0)[-1], atol=0.04)


def test_what_rests_has_no_velocity():
    noisy = np.array([3.0, 18.0]) + np.random.default_rng(1).normal(0, NOISE, (11, 2))
    state = estimate_state(track_of(noisy), 0.034, NOW)
    assert not state.moving
    np.testing.assert_array_equal(state.velocity, 0)
    np.testing.assert_allclose(state.place, noisy[-state.used :].mean(0))
    assert state.spread[0, 0] == pytest.approx(NOISE**2 / state.used)
    assert state.spread[1, 1] == 0


def test_one_sighting_tells_a_place_only():
    state = estimate_state(track_of(np.array([[1.0, 20.0]]), frames=np.array([8])), 0.034, NOW)
    assert (state.moving, state.used) == (False, 1)
    np.testing.assert_allclose(state.place, (1, 20))


def test_many_tracks_at_once_are_as_one_by_one():
    rng = np.random.default_rng(2)
    clip = []
    for label in range(1, 9):
        frames = np.sort(rng.permutation(11)[: label + 2])
        places = decelerating((0.0, 20.0), tuple(rng.normal(0, 0.5, 2)), 0.03, frames - 10.0)
        clip.append(track_of(places + rng.normal(0, 0.05, places.shape), frames=frames, label=label))
    friction = np.array([[0.01] * 8, [0.05] * 8])
    for row, states in zip(friction, estimate_states(clip, friction, NOW), strict=True):
        for track, slow, state in zip(clip, row, states, strict=True):
            alone = estimate_state(track, slow, NOW)
            assert (alone.used, alone.moving) == (state.used, state.moving)
            np.testing.assert_allclose(alone.velocity, state.velocity, atol=1e-9)
            np.testing.assert_allclose(alone.spread, state.spread)


def test_squared_misfit_is_that_of_the_best_way():
    """A line of places with one moved by d: the mean square is that of its residuals (numpy's straight-line fit)."""
    places = np.stack([0.5 * FRAMES, 20 + 0.1 * FRAMES], -1)
    places[4, 1] += 0.2
    rest = np.polyfit(FRAMES, places[:, 1], 1, full=True)[1][0] / 11
    assert squared_misfit(FRAMES, places, 0.0) == pytest.approx(rest, rel=1e-3)
    several = squared_misfit(np.stack([FRAMES, FRAMES]), np.stack([places, places + 1]), 0.0)
    np.testing.assert_allclose(several, rest, rtol=1e-3)


def test_until_forgets_the_future():
    track = track_of(np.zeros((4, 2)), frames=np.array([2, 5, 11, 12]))
    early = until(track, 10)
    assert early is not None
    np.testing.assert_array_equal(early.frames, [2, 5])
    assert until(track, 1) is None


def seen_in(frames: list[int], *, cut: bool, label: int) -> Track:
    track = track_of(np.tile([0.0, 20.0], (len(frames), 1)), frames=np.array(frames), label=label)
    return replace(track, cut=np.full(len(frames), cut))


def test_who_left_is_gone_and_who_is_hidden_is_not():
    clip = [
        seen_in([5, 6, 7], cut=True, label=1),
        seen_in([5, 6, 7], cut=False, label=2),
        seen_in([8, 9], cut=True, label=3),
        seen_in([4], cut=False, label=4),
        seen_in([10], cut=False, label=5),
        seen_in([11, 12], cut=False, label=6),
    ]
    scene = scene_of(TABLE, MOTIONS[0], clip)
    assert scene.labels == (2, 3, 5)
    assert scene_of(TABLE, MOTIONS[0], clip, now=7).labels == (1, 2)


def test_a_scene_knows_the_solids():
    clip = [seen_in([9, 10], cut=False, label=label) for label in (3, 20, 40)]
    scene = scenes_of(TABLE, MOTIONS, clip)[2]
    np.testing.assert_allclose(scene.sizes, [0.82, 1.0, 0.9])
    np.testing.assert_allclose(scene.inertias, [0.82**2 * 2 / 3, 0.4, 0.81 / 2])
    np.testing.assert_array_equal(scene.squares, [True, False, False])
    np.testing.assert_allclose(scene.friction, [0.06, 0.02, 0.06])


def test_no_objects():
    scenes = scenes_of(TABLE, MOTIONS, [])
    assert [len(scene) for scene in scenes] == [0, 0, 0]
    assert scenes[0].places.shape == scenes[0].velocities.shape == (0, 2)
    np.testing.assert_allclose(motion_odds(TABLE, [], scenes), 1 / 3)


@pytest.mark.parametrize("right", [0, 1, 2])
def test_the_right_motion_is_the_likeliest(right: int):
    rng = np.random.default_rng(right)
    friction = MOTIONS[right].friction[0]
    clip = [
        track_of(
            decelerating((x, 20.0), (0.4, 0.3), friction, FRAMES - 10.0) + rng.normal(0, NOISE, (11, 2)), label=label
        )
        for label, x in ((1, -4.0), (2, 0.0), (3, 4.0))
    ]
    odds = motion_odds(TABLE, clip, scenes_of(TABLE, MOTIONS, clip))
    assert odds.sum() == pytest.approx(1)
    assert odds[right] > 0.9


def test_without_motion_speeds_decide_nothing():
    clip = [track_of(np.tile([0.0, 20.0], (11, 1)))]
    np.testing.assert_allclose(motion_odds(TABLE, clip, scenes_of(TABLE, MOTIONS, clip)), 1 / 3)


def painted(labels: list[int], places: list[list[tuple[float, float]]]) -> np.ndarray:
    """Label maps of objects at places (T, N)."""
    return np.concatenate([paint(TABLE, labels, np.array([row]), np.zeros((1, len(labels)))) for row in places])


def test_tracks_of_painted_objects_are_where_they_were_painted():
    places = [[(-3 + 0.5 * t, 20.0), (2.0, 22 - 0.4 * t), (4.0, 17.0)] for t in range(6)]
    found = tracks(TABLE, painted([5, 20, 40], places))
    assert [track.label for track in found] == [5, 20, 40]
    for n, track in enumerate(found):
        np.testing.assert_array_equal(track.frames, range(6))
        np.testing.assert_allclose(track.places, [row[n] for row in places], atol=0.06)
        assert track.whole.all()
        assert not track.cut.any()
        np.testing.assert_allclose(track.deviation, NOISE)


def test_a_hidden_object_is_found_by_its_free_edges():
    """The nearer cube hides the lower left of the farther sphere."""
    (behind, _) = tracks(TABLE, painted([20, 40], [[(0.0, 20.0), (-1.2, 18.0)]]))
    assert not behind.whole[0]
    np.testing.assert_allclose(behind.places[0], (0, 20), atol=0.15)
    assert NOISE < behind.deviation[0] < 0.2


def test_an_object_at_the_edge_is_cut():
    (track,) = tracks(TABLE, painted([20], [[(TABLE.camera.to_table(np.array([1.0, 80.0]), 1.0)[0], 20.0)]]))
    assert track.cut[0]
    assert not track.whole[0]


def test_a_class_in_a_frame_or_two_is_the_object_that_was_there():
    """In frames 3 and 4 the sphere is taken for one of another colour; nothing else changes."""
    places = [[(-3 + 0.5 * t, 20.0), (2.0, 22.0)] for t in range(8)]
    clip = painted([20, 40], places)
    confused = clip.copy()
    confused[3:5][clip[3:5] == 20] = 21
    for one, two in zip(tracks(TABLE, clip), tracks(TABLE, confused), strict=True):
        assert one.label == two.label
        np.testing.assert_array_equal(one.frames, two.frames)
        np.testing.assert_allclose(one.places, two.places)


def test_what_may_be_another_object_stays():
    base = track_of(np.stack([0.5 * FRAMES[:8], np.full(8, 20.0)], -1), frames=FRAMES[:8], label=3)

    def with_(place: tuple[float, float], frame: int) -> list[int]:
        return [
            one.label
            for one in without_confusions([base, track_of(np.array([place]), frames=np.array([frame]), label=9)])
        ]

    assert with_((4.1, 20.1), 8) == [3]  # on the line that goes on
    assert with_((4.1, 22.0), 8) == [3, 9]  # beside it
    assert with_((3.0, 20.0), 6) == [3, 9]  # both were seen then
    assert with_((5.0, 20.0), 10) == [3, 9]  # too late to tell
