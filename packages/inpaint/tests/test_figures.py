"""Figures of every frame, computed by hand, and what they are reduced to."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.inpaint.result import summarise
from maskreel.inpaint.running.figures import Figures, FiguresRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = (10, 20)


def recorded(*frames: tuple[int, slice, float]) -> Figures:
    """Figures of frames of one grey level, with replaced columns of one confidence."""
    recorder = FiguresRecorder()
    for level, columns, confidence in frames:
        mask = np.zeros(SIZE, bool)
        mask[:, columns] = True
        recorder.add(np.full((*SIZE, 3), level, np.uint8), mask, np.where(mask, confidence, 1).astype(np.float32))
    return recorder.figures()


def figures_of(covered: list[float], confidence: list[float], never: list[float] | None = None) -> Figures:
    zeros = [0.0] * len(covered)
    areas, unseen, sure, flicker = (np.array(v, np.float32) for v in (covered, never or zeros, confidence, zeros))
    return Figures(areas, unseen, sure, flicker, np.zeros(SIZE), np.zeros(SIZE))


def test_figures_of_frames() -> None:
    figures = recorded(
        (100, slice(0, 4), 1.0), (103, slice(2, 10), 0.5), (110, slice(0, 2), 0.0), (0, slice(0, 0), 1.0)
    )
    assert figures.covered == pytest.approx([0.2, 0.4, 0.1, 0])
    assert figures.confidence == pytest.approx([1, 0.5, 0, 1])
    assert figures.never_seen == pytest.approx([0, 0, 0.1, 0])
    assert figures.flicker == pytest.approx([0, 3, 0, 0]), "frame 2 shares no replaced pixel with frame 1"
    assert figures.covered_map[0, [0, 1, 3, 9, 15]].tolist() == [2, 2, 2, 1, 0]
    assert figures.doubt_map[0, [0, 3, 9]].tolist() == [1, 0.5, 0.5]


def test_flicker_counts_replaced_pixels_only() -> None:
    recorder = FiguresRecorder()
    mask = np.zeros(SIZE, bool)
    mask[:5] = True
    before, after = np.zeros((2, *SIZE, 3), np.uint8)
    before[:5], after[:5], after[5:] = 50, 44, 200
    for frame in (before, after):
        recorder.add(frame, mask, np.ones(SIZE, np.float32))
    assert recorder.figures().flicker.tolist() == [0, 6]


def test_maps_of_large_frames_are_small_and_keep_their_mean() -> None:
    recorder = FiguresRecorder()
    mask = np.zeros((720, 1280), bool)
    mask[:360] = True
    recorder.add(np.zeros((720, 1280, 3), np.uint8), mask, np.zeros((720, 1280), np.float32))
    figures = recorder.figures()
    assert figures.covered_map.shape == (180, 320)
    assert figures.covered_map.mean() == pytest.approx(0.5)
    assert figures.doubt_map.mean() == pytest.approx(0.5)


def test_parts_are_joined_in_order() -> None:
    first, second = recorded((1, slice(0, 4), 1.0)), recorded((1, slice(0, 10), 0.5), (1, slice(0, 0), 1.0))
    joined = Figures.joined([first, second])
    assert joined.covered == pytest.approx([0.2, 0.5, 0])
    assert joined.covered_map[0, [0, 6, 12]].tolist() == [2, 1, 0]
    assert joined.doubt_map[0, [0, 6, 12]].tolist() == [0.5, 0.5, 0]


def test_parts_are_joined_one_by_one() -> None:
    """Two hours have hundreds of parts, and each holds two maps; the sum is that of all at once, to the bit."""
    rng = np.random.default_rng(0)
    series, maps = rng.random((40, 4, 3), np.float32), rng.random((40, 2, 9, 16), np.float32)
    held: list[weakref.ref[np.ndarray]] = []

    def parts() -> Iterator[Figures]:
        for row, pair in zip(series, maps, strict=True):
            own = pair.copy()
            assert sum(earlier() is not None for earlier in held) <= 2
            held.append(weakref.ref(own))
            yield Figures(*row, *own)
            del own

    joined = Figures.joined(parts())
    assert np.array_equal(joined.covered, np.concatenate(series[:, 0]))
    assert np.array_equal(joined.flicker, np.concatenate(series[:, 3]))
    assert np.array_equal(joined.covered_map, np.sum(list(maps[:, 0]), axis=0))
    assert np.array_equal(joined.doubt_map, np.sum(list(maps[:, 1]), axis=0))


def test_saving_and_loading_gives_the_same_figures(tmp_path: Path) -> None:
    figures = recorded((100, slice(0, 4), 1.0), (103, slice(2, 10), 0.5))
    figures.save(tmp_path / "figures.npz")
    for name, value in vars(Figures.load(tmp_path / "figures.npz")).items():
        assert np.array_equal(value, getattr(figures, name)), name


def test_a_summary_weighs_frames_by_what_was_replaced() -> None:
    figures = figures_of([0.3, 0.1, 0.0], [1.0, 0.2, 1.0], [0.0, 0.05, 0.0])
    figures.flicker[:] = 2, 6, 50
    summary = summarise(figures, ("static",))
    assert summary.frames == 3
    assert summary.modes == ("static",)
    assert summary.covered == pytest.approx(0.4 / 3)
    assert summary.confidence == pytest.approx(1 - 0.1 * 0.8 / 0.4)
    assert summary.never_seen == pytest.approx(0.05 / 0.4)
    assert summary.flicker == pytest.approx((0.3 * 2 + 0.1 * 6) / 0.4)
    assert summary.worth_checking == (1,)
    assert summary.removed_something


def test_a_summary_tells_how_to_ask_for_the_same_again() -> None:
    figures = figures_of([0.1], [1.0])
    summary = summarise(figures, ("flow", "static", "flow", "flow"), ("auto", None, "laplace", "auto"))
    assert summary.ways == ("--mode flow --completion auto", "--mode static", "--mode flow --completion laplace")
    assert summarise(figures, ("static", "registered")).completions == (None, None)


def test_a_summary_of_an_untouched_video() -> None:
    summary = summarise(figures_of([0.0] * 4, [1.0] * 4), ("static",))
    assert not summary.removed_something
    assert (summary.covered, summary.never_seen, summary.confidence, summary.flicker) == (0, 0, 1, 0)
    assert summary.worth_checking == ()


def test_frames_worth_checking_are_the_most_doubtful_ones_apart() -> None:
    """Of 100 frames, none within 10 of another; doubt is the replaced area times 1 - confidence."""
    covered, confidence = [0.5] * 100, [1.0] * 100
    for index, sure in (
        (40, 0.1),
        (41, 0.2),
        (49, 0.2),
        (50, 0.3),
        (5, 0.5),
        (70, 0.6),
        (90, 0.7),
        (99, 0.8),
        (20, 0.9),
    ):
        confidence[index] = sure
    covered[90] = 0.1  # less doubt than in frame 20
    assert summarise(figures_of(covered, confidence), ()).worth_checking == (5, 40, 50, 70, 99)
