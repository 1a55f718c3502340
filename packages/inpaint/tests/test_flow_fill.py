from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from maskreel.inpaint.flow.completer import BackgroundCompleter, FlowPair
from maskreel.inpaint.flow.completion import complete_flow
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.flow.fill import KNOWN, SYNTHESISED, FlowFillConfig, fill_by_flow
from maskreel.inpaint.painting.hole_fill import fill_image
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZE = (96, 128)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]
FAST = DISFlow("fast")


class Shift:
    """The true flow of a scene that moves by (dx, dy) from each frame to the next; knows order by a mark."""

    def __init__(self, dx: float, dy: float = 0, *, error: float = 0) -> None:
        self.flow = torch.tensor([[dx + error, dy], [-dx, -dy]], dtype=torch.float32)

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.flow[:, :, None, None].expand(2, 2, *first.shape[2:]).contiguous()


def texture(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.interp(blurred, (blurred.min(), blurred.max()), (20, 235)).astype(np.uint8)


def pan(count: int, dx: int) -> np.ndarray:
    """Frames of one texture whose content moves by -dx pixels a frame."""
    plane = texture(SIZE[0], SIZE[1] + dx * count)
    return np.stack([plane[:, t * dx : t * dx + SIZE[1]] for t in range(count)])


def disks(centres: list[tuple[float, float]], radius: float) -> np.ndarray:
    return np.stack([(X - x) ** 2 + (Y - y) ** 2 <= radius**2 for x, y in centres])


def cover(frames: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Something else stands in the holes."""
    return np.where(masks[..., None], np.array([250, 10, 200], np.uint8), frames)


def psnr(frames: np.ndarray, truth: np.ndarray, masks: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.square(frames[masks].astype(float) - truth[masks]).mean())


class TestMovingScene:
    truth = pan(8, 4)
    masks = disks([(64, 40 + 2 * t) for t in range(8)], 9)

    def test_true_flow_gives_the_truth(self):
        filled = fill_by_flow(cover(self.truth, self.masks), self.masks, estimator=Shift(-4))
        assert np.array_equal(filled.frames, self.truth)
        assert (filled.source[self.masks] >= 0).all()
        assert (filled.source[~self.masks] == KNOWN).all()
        assert (filled.confidence[~self.masks] == 1).all()
        # Pixels 9 px inside a hole that leaves them at 4 px a frame: seen at most 5 frames away.
        span = np.abs(filled.source - np.arange(8)[:, None, None])[self.masks]
        assert span.min() == 1
        assert span.max() <= 5
        assert filled.confidence[self.masks].min() > 0.85

    def test_found_flow_beats_painting_by_far(self):
        damaged = cover(self.truth, self.masks)
        filled = fill_by_flow(damaged, self.masks, estimator=FAST)
        painted = np.stack([fill_image(frame, mask) for frame, mask in zip(damaged, self.masks, strict=True)])
        assert psnr(filled.frames, self.truth, self.masks) > psnr(painted, self.truth, self.masks) + 12
        assert np.array_equal(filled.frames[~self.masks], damaged[~self.masks])

    def test_is_deterministic_and_leaves_its_input_alone(self):
        damaged = cover(self.truth, self.masks)
        before = damaged.copy(), self.masks.copy()
        one, other = (fill_by_flow(damaged, self.masks, estimator=FAST) for _ in range(2))
        assert np.array_equal(one.frames, other.frames)
        assert np.array_equal(one.source, other.source)
        assert np.array_equal(one.confidence, other.confidence)
        assert np.array_equal(damaged, before[0])
        assert np.array_equal(self.masks, before[1])

    def test_takes_the_nearest_moment(self):
        masks = np.zeros((7, *SIZE), np.bool_)
        masks[1:6, 40, 60] = True
        truth = pan(7, 0)
        truth[6] = 255 - truth[6]
        config = FlowFillConfig(match_exposure=False)
        filled = fill_by_flow(cover(truth, masks), masks, config, estimator=Shift(0))
        assert filled.source[1:6, 40, 60].tolist() == [0, 0, 0, 6, 6]
        assert np.array_equal(filled.frames[4, 40, 60], truth[6, 40, 60])

    def test_the_threshold_rejects_flow_that_does_not_return(self):
        damaged = cover(self.truth, self.masks)
        wrong = Shift(-4, error=2)
        accepted = fill_by_flow(damaged, self.masks, FlowFillConfig(threshold_px=2.1), estimator=wrong)
        rejected = fill_by_flow(damaged, self.masks, FlowFillConfig(threshold_px=1.9), estimator=wrong)
        assert (accepted.source[self.masks] >= 0).all()
        assert (rejected.source[self.masks] == SYNTHESISED).all()
        assert (rejected.confidence[self.masks] == 0).all()
        assert accepted.confidence[self.masks].max() < 0.6


class TestNeverSeen:
    truth = pan(6, 0)
    masks = disks([(64, 48)] * 6, 12)

    def test_is_painted_once_and_does_not_flicker(self):
        noise = np.random.default_rng(3).integers(-6, 7, self.truth.shape)
        frames = np.clip(self.truth.astype(int) + noise, 0, 255).astype(np.uint8)
        filled = fill_by_flow(cover(frames, self.masks), self.masks, estimator=Shift(0))
        assert (filled.source[self.masks] == SYNTHESISED).all()
        inside = filled.frames[:, self.masks[0]]
        assert (inside == inside[0]).all()
        painted = fill_image(frames[0], self.masks[0])
        assert np.array_equal(filled.frames[0], painted)

    def test_starts_at_the_largest_hole(self):
        masks = self.masks.copy()
        masks[3] = disks([(64, 48)], 15)[0]
        filled = fill_by_flow(cover(self.truth, masks), masks, estimator=Shift(0))
        core = self.masks[0]
        assert np.array_equal(filled.frames[0][core], filled.frames[3][core])
        rim = masks[3] & ~core
        assert (filled.source[3][rim] == 2).all()
        seen = np.where(rim[..., None], self.truth[3], cover(self.truth, masks)[3])
        assert np.array_equal(filled.frames[3][core], fill_image(seen, core)[core])

    def test_without_iterations_every_frame_is_painted(self):
        frames = cover(self.truth, self.masks)
        config, inpainter = FlowFillConfig(iterations=0), ClassicalInpainter("ns")
        filled = fill_by_flow(frames, self.masks, config, estimator=Shift(0), inpainter=inpainter)
        for frame, result, mask in zip(frames, filled.frames, self.masks, strict=True):
            assert np.array_equal(result, fill_image(frame, mask, "ns"))

    def test_goes_on_from_an_earlier_window(self):
        frames = cover(self.truth, self.masks)
        first = fill_by_flow(frames[:3], self.masks[:3], estimator=Shift(0))
        masks = self.masks[2:].copy()
        masks[0] = False
        painted = np.zeros_like(masks)
        painted[0] = first.synthesised[2]
        window = np.concatenate([first.frames[2:], frames[3:]])
        second = fill_by_flow(window, masks, estimator=Shift(0), synthesised=painted)
        whole = fill_by_flow(frames, self.masks, estimator=Shift(0))
        assert np.array_equal(np.concatenate([first.frames[:2], second.frames]), whole.frames)
        assert np.array_equal(np.concatenate([first.synthesised[:2], second.synthesised]), whole.synthesised)
        assert (second.confidence[second.synthesised] == 0).all()


class TestExposure:
    def test_copies_are_as_bright_as_their_new_frame(self):
        levels = np.linspace(1, 1.3, 8)[:, None, None, None]
        truth = np.rint(TestMovingScene.truth * 0.7 * levels).astype(np.uint8)
        masks = TestMovingScene.masks
        matched, plain = (
            fill_by_flow(cover(truth, masks), masks, FlowFillConfig(match_exposure=match), estimator=Shift(-4))
            for match in (True, False)
        )
        assert psnr(plain.frames, truth, masks) < 38
        assert psnr(matched.frames, truth, masks) > psnr(plain.frames, truth, masks) + 6


def as_found(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
    """Leaves the flow as it is."""
    yield from pairs


class Windowed:
    """A completer that looks `ahead` pairs ahead, and counts."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.runs: list[int] = []
        self.most_held = 0

    def __call__(self, pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        held: deque[FlowPair] = deque()
        self.runs.append(0)
        for pair in pairs:
            held.append(pair)
            self.runs[-1] += 1
            self.most_held = max(self.most_held, len(held))
            if len(held) > self.ahead:
                yield held.popleft()
        yield from held


class TestCompleter:
    truth = pan(9, 0)
    masks = disks([(64, 48)] * 9, 9)
    masks[[0, 4, 5, 8]] = False

    def test_gets_each_run_of_pairs_by_itself_and_may_look_ahead(self):
        windowed = Windowed(2)
        results = [
            fill_by_flow(cover(self.truth, self.masks), self.masks, estimator=Shift(0), completer=completer)
            for completer in (as_found, windowed, Windowed(99))
        ]
        assert windowed.runs == [4, 3]  # no walk passes between the frames 4 and 5, which have no holes
        assert windowed.most_held == 3
        for result in results:
            assert np.array_equal(result.frames, self.truth)

    def test_flows_are_found_one_by_one_as_they_are_asked_for(self):
        order: list[str] = []

        class Found(Shift):
            def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
                order.append("found")
                return super().__call__(first, second)

        def completer(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
            for pair in pairs:
                order.append("completed")
                yield pair

        fill_by_flow(self.truth, self.masks, estimator=Found(0), completer=completer)
        assert order == ["found", "completed"] * 7

    def test_knows_where_flow_is_not_to_be_trusted_and_decides_it(self):
        def repair(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
            for pair in pairs:
                assert pair.region[48, 64]
                assert not pair.region[0, 0]
                right = np.where(pair.region[..., None], np.float32(0), pair.forward)
                yield FlowPair(right, np.where(pair.region[..., None], np.float32(0), pair.backward), pair.region)

        wrong = Shift(-3, error=9)
        damaged = cover(self.truth, self.masks)
        config = FlowFillConfig(match_exposure=False)
        repaired = fill_by_flow(damaged, self.masks, config, estimator=wrong, completer=repair)
        assert np.array_equal(repaired.frames, self.truth)
        left = fill_by_flow(damaged, self.masks, config, estimator=wrong, completer=as_found)
        assert (left.source[self.masks] == SYNTHESISED).all()

    def test_must_return_every_pair_and_finite_flow(self):
        def lazy(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
            yield next(iter(pairs))

        def broken(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
            for pair in pairs:
                yield FlowPair(pair.forward, pair.backward + np.float32(np.nan), pair.region)

        with pytest.raises(ValueError, match="completer must return a pair for each of 4, got 1"):
            fill_by_flow(self.truth, self.masks, estimator=Shift(0), completer=lazy)
        with pytest.raises(ValueError, match="completer must return finite flow, got NaN or infinity"):
            fill_by_flow(self.truth, self.masks, estimator=Shift(0), completer=broken)


class TestInpainter:
    truth = pan(3, 0)
    masks = disks([(64, 48)] * 3, 9)

    def test_paints_the_key_frame_only_and_nothing_else_is_taken_from_it(self):
        calls = []

        def inpainter(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
            calls.append(mask)
            return np.full_like(image, 77)

        damaged = cover(self.truth, self.masks)
        filled = fill_by_flow(damaged, self.masks, estimator=Shift(0), inpainter=inpainter)
        assert len(calls) == 1
        assert np.array_equal(calls[0], self.masks[0])
        assert (filled.frames[self.masks] == 77).all()
        assert np.array_equal(filled.frames[~self.masks], damaged[~self.masks])

    def test_must_return_an_image_like_the_one_it_was_given(self):
        for wrong in (lambda image, mask: image[:5], lambda image, mask: image.astype(np.float32)):
            with pytest.raises(ValueError, match=r"inpainter must return uint8 \(96, 128, 3\), got"):
                fill_by_flow(self.truth, self.masks, estimator=Shift(0), inpainter=wrong)


def test_the_defaults_are_background_completion_and_telea():
    truth, masks = pan(5, 2), disks([(64, 40 + 3 * t) for t in range(5)], 12)

    def completer(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair in pairs:
            forward = complete_flow(pair.forward, pair.region)
            yield FlowPair(forward, complete_flow(pair.backward, pair.region), pair.region)

    parts = [
        {},
        {"completer": BackgroundCompleter(), "inpainter": ClassicalInpainter("telea")},
        {"completer": completer, "inpainter": fill_image},
    ]
    filled = [fill_by_flow(cover(truth, masks), masks, estimator=FAST, **part) for part in parts]
    for other in filled[1:]:
        assert np.array_equal(filled[0].frames, other.frames)
        assert np.array_equal(filled[0].source, other.source)
        assert np.array_equal(filled[0].confidence, other.confidence)


def test_results_stay_what_they_were():
    """Found with the version before completers and inpainters could be chosen."""
    frames = np.random.default_rng(11).integers(0, 256, (7, 40, 56, 3)).astype(np.uint8)
    y, x = np.mgrid[:40, :56]
    block = (abs(x - 44) < 5) & (abs(y - 30) < 4)
    masks = np.stack([((x - 20 - t) ** 2 + (y - 18) ** 2 <= 49) | block for t in range(7)])

    def estimator(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        del second
        return torch.tensor([[1.25, -0.5], [-1.25, 0.75]])[:, :, None, None].expand(2, 2, *first.shape[2:])

    config = FlowFillConfig(match_exposure=False)
    filled = fill_by_flow(frames, masks, config, estimator=estimator, completer=as_found)
    digest = hashlib.sha256(filled.frames.tobytes() + filled.source.tobytes()).hexdigest()
    assert digest[:16] == "f9e0b2911b37214f"


@pytest.mark.parametrize("rule", ["ours", "published"])
def test_a_frame_that_nothing_leads_to_looks_like_the_nearest(rule):
    truth = pan(4, 0)
    masks = disks([(64, 48)] * 4, 9)
    masks[2:] = True
    far = Shift(500)
    filled = fill_by_flow(cover(truth, masks), masks, FlowFillConfig(rule), estimator=far, completer=as_found)
    assert (filled.source[masks] == SYNTHESISED).all()
    for t in (2, 3):
        assert np.array_equal(filled.frames[t], fill_image(cover(truth, masks)[1], masks[1]))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("size", [(1, 2), (5, 40), (13, 9)])
def test_small_clips(count, size):
    frames = np.full((count, *size, 3), 60, np.uint8)
    masks = np.zeros((count, *size), np.bool_)
    masks[:, 0, 0] = True
    frames[masks] = 200
    filled = fill_by_flow(frames, masks)
    np.testing.assert_allclose(filled.frames, 60, atol=2)
    assert (filled.source[masks] == SYNTHESISED).all()


def test_a_frame_that_is_all_hole_is_taken_from_its_neighbours():
    truth = pan(3, 0)
    masks = np.zeros((3, *SIZE), np.bool_)
    masks[1] = True
    filled = fill_by_flow(cover(truth, masks), masks, estimator=Shift(0))
    assert np.array_equal(filled.frames, truth)


def test_nothing_to_fill():
    truth = pan(3, 2)
    filled = fill_by_flow(truth, np.zeros((3, *SIZE), np.bool_))
    assert np.array_equal(filled.frames, truth)
    assert filled.frames is not truth
    assert (filled.source == KNOWN).all()
    assert (filled.confidence == 1).all()


def test_flow_is_found_only_beside_holes():
    class Counting(Shift):
        calls = 0

        def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return super().__call__(first, second)

    truth, estimator = pan(8, 0), Counting(0)
    masks = np.zeros((8, *SIZE), np.bool_)
    masks[3, 40:50, 40:50] = True
    assert np.array_equal(fill_by_flow(cover(truth, masks), masks, estimator=estimator).frames, truth)
    assert estimator.calls == 2


def test_refuses_bad_input():
    frames, masks = pan(2, 0), np.zeros((2, *SIZE), np.bool_)
    with pytest.raises(ValueError, match=r"frames must be uint8 \(T, H, W, 3\) and not empty, got float32"):
        fill_by_flow(frames.astype(np.float32), masks)
    with pytest.raises(ValueError, match=r"masks must be bool \(2, 96, 128\), got bool \(1, 96, 128\)"):
        fill_by_flow(frames, masks[:1])
    with pytest.raises(ValueError, match=r"synthesised must be bool \(2, 96, 128\), got uint8"):
        fill_by_flow(frames, masks, synthesised=masks.astype(np.uint8))
    with pytest.raises(ValueError, match="masks cover every pixel of every frame"):
        fill_by_flow(frames, ~masks)


def test_refuses_a_broken_estimator():
    frames, masks = pan(2, 0), disks([(50, 50)] * 2, 5)
    with pytest.raises(ValueError, match=r"estimator must return float32 \(2, 2, 96, 128\), got"):
        fill_by_flow(frames, masks, estimator=lambda first, second: FAST(first, second)[:1])
    with pytest.raises(ValueError, match="estimator must return finite flow"):
        fill_by_flow(frames, masks, estimator=lambda first, second: FAST(first, second) / 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("threshold_px", 0, "threshold_px must be positive, got 0"),
        ("flow_dilation", -1, "flow_dilation must not be negative, got -1"),
        ("closing", -2, "closing must not be negative, got -2"),
        ("iterations", -1, "iterations must not be negative, got -1"),
        ("rule", "theirs", "rule must be one of ours, published, got 'theirs'"),
    ],
)
def test_config_refuses(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(FlowFillConfig(), **{field: value})
