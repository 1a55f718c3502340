"""Filling one place after the other, with results computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.scene.temporal_fill import Memory, Reveal, fill_columns, remember

TOLERANCE = 10.0


def columns(*places: list[int | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey levels over time, None while covered: colours uint8 (T, 3, K), and known and wanted, bool (T, K)."""
    levels = np.array([[222 if level is None else level for level in place] for place in places], np.uint8).T
    known = np.array([[level is not None for level in place] for place in places]).T
    return np.repeat(levels[:, None], 3, axis=1), known, ~known


def fill(
    *places: list[int | None], reveal: Reveal = "auto", past: Memory | None = None, future: Memory | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The places at all times: float32 (T, K) grey levels and confidence, NaN where not covered."""
    colours, known, wanted = columns(*places)
    blank = Memory.blank(len(places))
    filled, confidence = fill_columns(
        colours,
        known,
        wanted,
        np.arange(len(colours)),
        past or blank,
        future or blank,
        tolerance=TOLERANCE,
        reveal=reveal,
    )
    levels, sure = np.full(known.shape, np.nan), np.full(known.shape, np.nan)
    for t, (colour, certainty) in enumerate(zip(filled, confidence, strict=True)):
        assert colour.shape == (3, wanted[t].sum())
        assert (colour == colour[0]).all()
        levels[t, wanted[t]], sure[t, wanted[t]] = colour[0], certainty
    return levels, sure


CHANGED: list[int | None] = [50, 50, 50, None, None, None, None, None, 90, 90, 90]
AGREED: list[int | None] = [100, 100, 100, None, None, None, 104, 104, 104]


@pytest.mark.parametrize(
    ("reveal", "levels", "confidence"),
    [
        ("past", [50, 50, 50, 50, 50], 0.4),
        ("future", [90, 90, 90, 90, 90], 0.4),
        ("nearest", [50, 50, 50, 90, 90], 0.4),  # frame 5 is 3 frames from either side
        ("auto", [90, 90, 90, 90, 90], 0.4),
    ],
)
def test_a_place_that_changed_shows_the_wanted_moment(reveal: Reveal, levels: list[float], confidence: float) -> None:
    found, sure = fill(CHANGED, reveal=reveal)
    assert found[3:8, 0].tolist() == levels
    assert sure[3:8, 0] == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("reveal", "levels"),
    [("past", [100] * 3), ("future", [104] * 3), ("nearest", [100, 100, 104]), ("auto", [101, 102, 103])],
)
def test_a_place_that_looks_alike_before_and_after_fades(reveal: Reveal, levels: list[float]) -> None:
    found, sure = fill(AGREED, reveal=reveal)
    assert found[3:6, 0] == pytest.approx(levels, abs=1e-4)
    assert (sure[3:6, 0] == 1).all()


@pytest.mark.parametrize("reveal", ["auto", "past", "future", "nearest"])
def test_a_place_seen_on_one_side_only_is_taken_from_there(reveal: Reveal) -> None:
    found, sure = fill([None, None, 70], [60, None, None], reveal=reveal)
    assert found[:2, 0].tolist() == [70, 70]
    assert found[1:, 1].tolist() == [60, 60]
    assert sure[0, 0] == sure[2, 1] == pytest.approx(0.7)


def test_a_place_never_seen_has_no_confidence() -> None:
    _, sure = fill([None, None, None])
    assert (sure == 0).all()


def test_the_mean_takes_noise_out() -> None:
    samples: list[int | None] = [100, 104, 96, 102, 98, 100, 103, 97]
    found, _ = fill([*samples, None])
    assert found[8, 0] == pytest.approx(100)


def test_the_mean_follows_slow_changes_of_light() -> None:
    """From 12 samples on, each new one has a weight of 1 / 12, so a drift lags by 11 frames."""
    ramp = [50 + k // 2 for k in range(100)]
    expected = 0.0
    for k, level in enumerate(ramp):
        expected += (level - expected) / min(k + 1, 12)
    found, _ = fill([*ramp, None])
    assert found[100, 0] == pytest.approx(expected, abs=1e-3)
    assert found[100, 0] == pytest.approx(99.5 - 11 / 2, abs=0.5)


@pytest.mark.parametrize(("samples", "level"), [(1, 50), (2, 50), (3, 150), (5, 150)])
def test_a_new_look_is_believed_after_three_samples(samples: int, level: int) -> None:
    found, _ = fill([50] * 5 + [150] * samples + [None])
    assert found[-1, 0] == level


def test_a_look_that_comes_and_goes_is_not_believed() -> None:
    found, _ = fill([50, 50, 150, 50, 150, 50, 150, None])
    assert found[-1, 0] == 50


def test_samples_that_disagree_with_each_other_make_no_look() -> None:
    found, _ = fill([50, 50, 100, 150, 200, 250, None])
    assert found[-1, 0] == 50


def test_the_mean_of_a_new_look_holds_its_own_samples_only() -> None:
    found, _ = fill([50, 50, 50, 148, 150, 152, None])
    assert found[-1, 0] == pytest.approx(150)


def test_memories_of_other_frames_are_used_and_left_unchanged() -> None:
    past = Memory(np.full((3, 1), 40, np.float32), np.ones(1, np.float32), np.full(1, -4, np.float32))
    future = Memory(np.full((3, 1), 46, np.float32), np.ones(1, np.float32), np.full(1, 2, np.float32))
    found, sure = fill([None, None], past=past, future=future)
    assert found[:, 0] == pytest.approx([44, 45])  # a fade from 40 in frame -4 to 46 in frame 2
    assert sure[0, 0] == 1
    fill([200, 200, None], past=past, future=future)
    assert past.colour[0, 0] == 40
    assert past.count[0] == past.count[0] == 1
    assert future.colour[0, 0] == 46


def test_remembering_in_two_steps_is_remembering_at_once() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(90, 110, (20, 3, 7)).astype(np.uint8)
    known, times = rng.random((20, 7)) < 0.7, np.arange(20)
    at_once = remember(colours, known, times, tolerance=255)
    first = remember(colours[:8], known[:8], times[:8], tolerance=255)
    kept = first.copy()
    second = remember(colours[8:], known[8:], times[8:], tolerance=255, memory=first)
    for name in ("colour", "count", "time"):
        assert np.array_equal(getattr(second, name), getattr(at_once, name))
        assert np.array_equal(getattr(first, name), getattr(kept, name))
    last = np.where(known.any(axis=0), 19 - known[::-1].argmax(axis=0), 0)
    assert at_once.time.tolist() == last.tolist()


def test_looking_ahead_is_remembering_backward() -> None:
    colours, known, _ = columns([None, 80, 80, 80, 20])
    memory = remember(colours[::-1], known[::-1], np.arange(5)[::-1], tolerance=TOLERANCE)
    assert memory.colour[0, 0] == 80
    assert memory.time[0] == 1


def test_places_do_not_touch_each_other() -> None:
    alone = [fill(place)[0][:, 0] for place in (CHANGED, [*AGREED, 104, 104])]
    together, _ = fill(CHANGED, [*AGREED, 104, 104])
    for k in range(2):
        assert np.array_equal(alone[k], together[:, k], equal_nan=True)
