"""What crosses chunks: a video filled in pieces is the video filled at once, and both are a search over all frames."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
import torch

from maskreel.common.video import Clip, write
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running.chunks import Chunk, plan_chunks
from maskreel.inpaint.running.mask_stage import MaskStage, load_masks
from maskreel.inpaint.running.temporal_mode import TemporalMode
from maskreel.inpaint.scene.memories import SparseMemory, hand_on
from maskreel.inpaint.scene.survey import Shot, Survey
from maskreel.inpaint.scene.temporal_fill import Memory, Reveal
from maskreel.inpaint.segmenters.refinement import MaskRefinement

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, FRAMES = 6, 40
TOLERANCE = 10.0


def memory_of(levels: list[int], times: list[int]) -> Memory:
    colour = np.repeat(np.array([levels], np.float32), 3, axis=0)
    return Memory(colour, np.ones(len(levels), np.float32), np.array(times, np.float32))


def test_a_memory_is_found_at_its_places_and_blank_elsewhere() -> None:
    sparse = SparseMemory(np.array([3, 7, 20]), memory_of([30, 70, 200], [1, 2, 3]))
    found = sparse.at(np.array([0, 3, 4, 7, 20, 21]))
    assert found.count.tolist() == [0, 1, 0, 1, 1, 0]
    assert found.colour[0].tolist() == [0, 30, 0, 70, 200, 0]
    assert found.time.tolist() == [0, 1, 0, 2, 3, 0]
    assert not SparseMemory.blank().at(np.array([0, 5])).count.any()


def test_a_memory_goes_to_arrays_and_back() -> None:
    sparse = SparseMemory(np.array([3, 400_000]), memory_of([30, 70], [1, 200_000]))
    arrays = sparse.to_arrays("tail")
    assert sum(array.nbytes for array in arrays.values()) == 2 * (4 + 3 + 1 + 4)
    again = SparseMemory.from_arrays(arrays, "tail")
    assert again.places.tolist() == [3, 400_000]
    for name in ("colour", "count", "time"):
        assert np.array_equal(getattr(again.memory, name), getattr(sparse.memory, name))


def test_colours_are_rounded_to_the_nearest_level() -> None:
    memory = Memory(np.full((3, 2), [[10.4, 10.6]], np.float32), np.ones(2, np.float32), np.zeros(2, np.float32))
    assert SparseMemory(np.arange(2), memory).to_arrays("x")["x_colour"].tolist() == [[10, 11]] * 3


def test_handing_on_is_a_search_through_all_chunks_before() -> None:
    """Each chunk tells the time at which it last saw the places that the next chunk begins with covered."""
    rng = np.random.default_rng(0)
    places = 200
    known = rng.random((8, 5, places)) < rng.random(places) * 0.6  # 8 chunks of 5 frames, places covered more or less
    told = []
    for k in range(7):
        needed = np.flatnonzero(~known[k + 1, 0])
        seen = known[k][:, needed]
        last = 5 * k + 4 - seen[::-1].argmax(axis=0)
        told.append(SparseMemory(needed, Memory(np.zeros((3, len(needed)), np.float32), *seen_last(seen, last))))
    handed = list(hand_on(told))
    assert len(handed) == 8
    assert not handed[0].at(np.arange(places)).count.any()
    flat = known.reshape(40, places)
    for k in range(1, 8):
        covered = np.flatnonzero(~known[k, 0])
        found = handed[k].at(covered)
        for place, count, time in zip(covered, found.count, found.time, strict=True):
            earlier = np.flatnonzero(flat[: 5 * k, place])
            assert (count > 0) == (len(earlier) > 0)
            if len(earlier):
                assert time == earlier[-1]


def seen_last(seen: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(seen.any(axis=0), np.float32), last.astype(np.float32)


def test_handing_on_leaves_what_was_told_unchanged() -> None:
    told = [
        SparseMemory(np.array([1, 2]), memory_of([10, 20], [0, 1])),
        SparseMemory(np.array([1, 2]), Memory.blank(2)),
    ]
    assert list(hand_on(told))[2].at(np.array([1, 2])).colour[0].tolist() == [10, 20]
    assert not told[1].memory.count.any()


def test_handing_on_holds_one_memory_at_a_time() -> None:
    """A film has thousands of chunks: each is read when its turn comes, and let go."""
    parts = [SparseMemory(np.array([k]), memory_of([k], [k])) for k in range(5)]
    handed = hand_on(parts.pop(0) for _ in range(5))
    left = [len(parts) for _ in handed]
    assert left == [5, 4, 3, 2, 1, 0]


class Told:
    """A segmenter that has been told the answer."""

    def __init__(self, masks: np.ndarray) -> None:
        self.masks = masks

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        return torch.from_numpy(self.masks[start : start + len(clip)])


def stripes(rng: np.random.Generator, width: int) -> np.ndarray:
    """bool (T, W): columns are now covered, now uncovered for three frames or more; the last one stays covered."""
    covered = np.ones((FRAMES, width), bool)
    for x in range(width - 1):
        t = int(rng.integers(0, 12))
        while t < FRAMES:
            shown = int(rng.integers(3, 9))
            covered[t : t + shown, x] = False
            t += shown + int(rng.integers(1, 14))
        if not covered[-3:, x].all():  # a run that the end of the video cuts short would be no look
            covered[-3:, x] = False
    return covered


def looks(rng: np.random.Generator, covered: np.ndarray) -> np.ndarray:
    """uint8 (T, H, W, 3): each place has one look per uncovered run, now a new one, now the old one."""
    width = covered.shape[1]
    frames = np.empty((FRAMES, HEIGHT, width, 3), np.uint8)
    for x in range(width):
        look = rng.integers(0, 256, (HEIGHT, 3))
        for t in range(FRAMES):
            if t and covered[t, x] and not covered[t - 1, x] and rng.random() < 0.5:
                look = rng.integers(0, 256, (HEIGHT, 3))
            frames[t, :, x] = look
    frames[np.broadcast_to(covered[:, None], frames.shape[:3])] = 255
    return frames


def searched(frames: np.ndarray, covered: np.ndarray, reveal: Reveal) -> tuple[np.ndarray, np.ndarray]:
    """The fill by its definition: the last and the next uncovered frame of each column, searched for one by one."""
    filled, confidence = frames.astype(float), np.ones(frames.shape[:3])
    for t, x in np.argwhere(covered):
        shown = np.flatnonzero(~covered[:, x])
        before, after = shown[shown < t], shown[shown > t]
        for y in range(HEIGHT):
            past = frames[before[-1], y, x].astype(float) if len(before) else None
            future = frames[after[0], y, x].astype(float) if len(after) else None
            if past is None or future is None:
                seen = past if future is None else future
                filled[t, y, x], confidence[t, y, x] = (np.nan, 0) if seen is None else (seen, 0.7)
                continue
            since, until = t - before[-1], after[0] - t
            changed = np.abs(past - future).max() > TOLERANCE
            fade = since / (since + until)
            weight = {"past": 0, "future": 1, "nearest": until < since, "auto": 1 if changed else fade}[reveal]
            filled[t, y, x] = past + weight * (future - past)
            confidence[t, y, x] = 0.4 if changed else 1
    return filled, confidence


def fill_video(
    folder: Path,
    frames: np.ndarray,
    covered: np.ndarray,
    shot: Shot,
    chunk: int,
    reveal: Reveal,
    patch: pytest.MonkeyPatch,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks, memories and fill of a whole video in chunks: uint8 (T, H, W, 3) and confidence float32 (T, H, W)."""
    patch.setattr(chunks_module, "frames_per_chunk", lambda _: chunk)
    size = (frames.shape[1], frames.shape[2])
    chunks = plan_chunks(Survey(size, (shot,), ()))
    folder.mkdir()
    masks = np.broadcast_to(covered[:, None], frames.shape[:3]).copy()
    stage = MaskStage(folder, folder.parent / "video.mkv", size, Told(masks), NO_GROWTH, 1, 0.0, TOLERANCE)
    stage.run(chunks, lambda _: None)
    mode = TemporalMode(chunks, size, folder, tolerance=TOLERANCE, reveal=reveal, inpainter=ClassicalInpainter())
    parts = [filled_chunk(mode, c, frames, load_masks(folder, c, size).numpy()) for c in chunks]
    images, confidence = zip(*(pair for part in parts for pair in part), strict=True)
    return np.stack(images), np.stack(confidence)


def filled_chunk(mode: TemporalMode, chunk: Chunk, frames: np.ndarray, masks: np.ndarray) -> list:
    assert mode.window(chunk) == (chunk.start, chunk.stop)
    return list(mode.fill(chunk, frames[chunk.start : chunk.stop], masks))


NO_GROWTH = MaskRefinement(dilation=0, shadow_margin=0, temporal_union=0)


def still_shot(frames: int) -> Shot:
    return Shot(0, frames, "static", np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), 0.0, 1.0)


@pytest.mark.parametrize("reveal", get_args(Reveal))
def test_chunks_of_any_length_give_what_a_search_over_the_whole_video_gives(
    reveal: Reveal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(sorted(get_args(Reveal)).index(reveal))
    covered = stripes(rng, 24)
    frames = looks(rng, covered)
    write(tmp_path / "video.mkv", Clip.from_numpy(frames, Fraction(25)), codec="ffv1")
    truth, truth_confidence = searched(frames, covered, reveal)
    hidden = np.isnan(truth)
    assert hidden[:, :, -1].all()
    assert {0.4, 0.7, 1.0} < set(truth_confidence.ravel())
    painted = None
    for length in (3, 5, 8, FRAMES):
        shot = still_shot(FRAMES)
        images, confidence = fill_video(tmp_path / f"{length}", frames, covered, shot, length, reveal, monkeypatch)
        assert np.abs(images - truth)[~hidden].max() <= 1
        assert confidence == pytest.approx(truth_confidence)
        painted = images[hidden] if painted is None else painted
        assert np.array_equal(images[hidden], painted)


def test_chunks_of_a_moving_camera_give_back_the_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole-pixel motion, so that laying is exact: every place that any frame shows must come back as it is."""
    rng = np.random.default_rng(5)
    world, width = rng.integers(0, 256, (40, 80, 3)).astype(np.uint8), 48
    xs, ys = (np.rint(a * np.sin(np.arange(FRAMES) / b)).astype(int) for a, b in ((9, 6), (4, 4)))
    frames = np.stack([world[8 + y : 32 + y, 16 + x : 16 + width + x] for x, y in zip(xs, ys, strict=True)])
    covered = np.repeat(stripes(rng, width // 8), 8, axis=1)
    frames[np.broadcast_to(covered[:, None], frames.shape[:3])] = 255
    matrices = np.stack([np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]) for x, y in zip(xs, ys, strict=True)])
    shot = Shot(0, FRAMES, "registered", matrices, 9.0, 1.0)
    write(tmp_path / "video.mkv", Clip.from_numpy(frames, Fraction(25)), codec="ffv1")
    results = []
    for length in (4, 9, FRAMES):
        images, confidence = fill_video(tmp_path / f"{length}", frames, covered, shot, length, "auto", monkeypatch)
        results.append((images, confidence))
        holes = np.broadcast_to(covered[:, None], confidence.shape) & (confidence > 0)
        assert holes.sum() > 0.7 * covered.sum() * 24
        truth = np.stack([world[8 + y : 32 + y, 16 + x : 16 + width + x] for x, y in zip(xs, ys, strict=True)])
        assert np.array_equal(images[holes], truth[holes])
    for images, confidence in results[:-1]:
        assert np.array_equal(images, results[-1][0])
        assert np.array_equal(confidence, results[-1][1])
