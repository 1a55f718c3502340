"""The published propagation against a slow loop over pixels that carries colours and moments, as the paper tells it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.inpaint.flow.fill import KNOWN, SYNTHESISED, FlowFill, FlowFillConfig, fill_by_flow
from maskreel.inpaint.flow.propagation import Hole, Pointers
from maskreel.inpaint.flow.published_propagation import SteppedHoles, Steps, find_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from maskreel.inpaint.flow.completer import FlowPair

SIZE = (7, 9)


def as_found(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
    """Leaves the flow as it is."""
    yield from pairs


@dataclass
class Scene:
    """Frames whose flow is known."""

    frames: np.ndarray
    masks: np.ndarray
    forward: np.ndarray
    """float32 (T - 1, H, W, 2): from frame t to t + 1."""
    backward: np.ndarray
    """float32 (T - 1, H, W, 2): from frame t + 1 to t."""

    def estimator(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        del second
        shown = first[0].permute(1, 2, 0).numpy()
        t = next(k for k, frame in enumerate(self.frames) if np.array_equal(frame, shown))
        return torch.from_numpy(np.stack([self.forward[t], self.backward[t]])).permute(0, 3, 1, 2)

    def filled(self, *, threshold: float = 1.5, iterations: int = 99) -> FlowFill:
        config = FlowFillConfig("published", threshold_px=threshold, iterations=iterations, match_exposure=False)
        return fill_by_flow(
            self.frames, self.masks, config, estimator=self.estimator, completer=as_found, inpainter=paint_odd
        )


def paint_odd(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paints what depends on everything known and on the place, so that no mistake goes unseen."""
    result = image.copy()
    known = int(image[~mask].sum(dtype=np.int64))
    y, x = np.nonzero(mask)
    result[mask] = np.stack([known + 7 * x, known // 3 + 5 * y, 11 * x + 13 * y], -1) % 256
    return result


class SlowLoop:
    """Pixel by pixel: colours, the moment they are from, and for the tests where they were seen at first."""

    def __init__(self, scene: Scene, threshold: float) -> None:
        self.scene = scene
        self.threshold = threshold
        self.count, self.height, self.width = scene.masks.shape
        self.colour: list[dict] = [
            {(y, x): tuple(frame[y, x].tolist()) for y, x in np.argwhere(~mask).tolist()}
            for frame, mask in zip(scene.frames, scene.masks, strict=True)
        ]
        self.origin: list[dict] = [dict.fromkeys(frame, KNOWN) for frame in self.colour]

    def run(self, limit: int) -> None:
        self.propagate()
        while limit and (keys := self.key_frames()):
            for t in keys:
                self.paint(t)
            self.propagate()
            limit -= 1
        for t in range(self.count):
            if self.has_hole(t):
                self.paint(t)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        places = [(y, x) for y in range(self.height) for x in range(self.width)]
        colours = [[frame[place] for place in places] for frame in self.colour]
        origins = [[frame[place] for place in places] for frame in self.origin]
        shape = self.scene.masks.shape
        return np.array(colours, np.uint8).reshape(*shape, 3), np.array(origins, np.int32).reshape(shape)

    def has_hole(self, t: int) -> bool:
        return len(self.colour[t]) < self.height * self.width

    def propagate(self) -> None:
        past = self.one_way(range(self.count), -1)
        future = self.one_way(range(self.count - 1, -1, -1), 1)
        for t in range(self.count):
            for place in (past[t].keys() | future[t].keys()) - self.colour[t].keys():
                one, other = past[t].get(place), future[t].get(place)
                if one is None or (other is not None and other[1] - t < t - one[1]):
                    one = other
                assert one is not None
                self.colour[t][place], self.origin[t][place] = one[0], one[2]

    def one_way(self, order: range, step: int) -> list[dict]:
        """Per frame: place -> (colour, moment, origin)."""
        carried: list[dict] = [{} for _ in range(self.count)]
        for t in order:
            own = self.colour[t]
            origin = self.origin[t]
            carried[t] = {p: (own[p], t, t if origin[p] == KNOWN else origin[p]) for p in own}
            if t == order[0]:
                continue
            for y in range(self.height):
                for x in range(self.width):
                    if (y, x) in own:
                        continue
                    target = self.step_from(t, step, y, x)
                    if target in carried[t + step]:
                        carried[t][y, x] = carried[t + step][target]
        return carried

    def step_from(self, t: int, step: int, y: int, x: int) -> tuple[int, int] | None:
        there = self.scene.backward[t - 1] if step < 0 else self.scene.forward[t]
        back = self.scene.forward[t - 1] if step < 0 else self.scene.backward[t]
        u, v = map(float, there[y, x])
        if not (0 <= x + u <= self.width - 1 and 0 <= y + v <= self.height - 1):
            return None
        back_u, back_v = self.between(back, y + v, x + u)
        if not math.hypot(u + back_u, v + back_v) < self.threshold:
            return None
        new_x, new_y = x + (u - back_u) / 2, y + (v - back_v) / 2
        if not (0 <= new_x <= self.width - 1 and 0 <= new_y <= self.height - 1):
            return None
        return round(new_y), round(new_x)

    def between(self, field: np.ndarray, y: float, x: float) -> tuple[float, float]:
        total_u = total_v = 0.0
        top, left = math.floor(y), math.floor(x)
        for row in range(top, min(top + 2, self.height)):
            for column in range(left, min(left + 2, self.width)):
                weight = (1 - abs(row - y)) * (1 - abs(column - x))
                total_u += weight * float(field[row, column, 0])
                total_v += weight * float(field[row, column, 1])
        return total_u, total_v

    def key_frames(self) -> list[int]:
        holes = [self.has_hole(t) for t in range(self.count)]
        before, after = [False, *holes[:-1]], [*holes[1:], False]
        return [t for t in range(self.count) if holes[t] and not (before[t] and after[t])]

    def paint(self, t: int) -> None:
        nearest = min((k for k in range(self.count) if self.colour[k]), key=lambda k: (abs(k - t), k))
        image = np.zeros((self.height, self.width, 3), np.uint8)
        mask = np.ones((self.height, self.width), np.bool_)
        for place, colour in self.colour[nearest].items():
            image[place], mask[place] = colour, False
        image = paint_odd(image, mask) if mask.any() else image
        for y in range(self.height):
            for x in range(self.width):
                if (y, x) not in self.colour[t]:
                    self.colour[t][y, x] = tuple(image[y, x].tolist())
                    self.origin[t][y, x] = SYNTHESISED


def random_scene(seed: int, masks: np.ndarray, *, noise: float = 0.5, grid: float | None = None) -> Scene:
    """A wandering motion, and flow that agrees with it here and there only. `grid` rounds flow, so that many positions
    lie half-way between two pixels."""
    rng = np.random.default_rng(seed)
    count = len(masks)
    frames = rng.integers(0, 256, (count, *SIZE, 3)).astype(np.uint8)
    motion = rng.normal(0, 1.2, (count - 1, 1, 1, 2))
    forward = motion + noise * rng.standard_normal((count - 1, *SIZE, 2))
    backward = -motion + noise * rng.standard_normal((count - 1, *SIZE, 2))
    if grid:
        forward, backward = np.round(forward / grid) * grid, np.round(backward / grid) * grid
    return Scene(frames, masks, forward.astype(np.float32), backward.astype(np.float32))


def boxes(*holes: tuple[int, int, int, int] | None) -> np.ndarray:
    """One box y0, y1, x0, x1 per frame, or none."""
    masks = np.zeros((len(holes), *SIZE), np.bool_)
    for mask, box in zip(masks, holes, strict=True):
        if box:
            mask[box[0] : box[1], box[2] : box[3]] = True
    return masks


EVERYTHING = (0, SIZE[0], 0, SIZE[1])
HOLES = {
    "inside": boxes(None, (2, 5, 2, 6), (2, 5, 3, 7), (1, 4, 3, 6), None, (2, 4, 2, 5)),
    "at every border": boxes((0, 3, 0, 4), (4, 7, 0, 3), (0, 7, 6, 9), (4, 7, 5, 9), (0, 2, 4, 9)),
    "always the same": boxes(*[(2, 6, 3, 8)] * 6),
    "a frame without anything": boxes((1, 3, 1, 3), (2, 5, 2, 6), EVERYTHING, (2, 5, 2, 6), None),
    "nothing at both ends": boxes(EVERYTHING, EVERYTHING, (1, 6, 1, 8), EVERYTHING),
    "two frames": boxes((1, 4, 1, 4), (1, 4, 2, 5)),
    "one frame": boxes((1, 4, 1, 4)),
}


class TestAgainstTheSlowLoop:
    @pytest.mark.parametrize("holes", HOLES)
    @pytest.mark.parametrize(("noise", "grid"), [(0.0, None), (0.5, None), (0.5, 0.25), (1.5, None)])
    @pytest.mark.parametrize("iterations", [99, 1])
    def test_agrees_bit_for_bit(self, holes, noise, grid, iterations):
        for seed in range(2):
            scene = random_scene(seed, HOLES[holes], noise=noise, grid=grid)
            slow = SlowLoop(scene, threshold=1.5)
            slow.run(iterations)
            frames, origin = slow.result()
            filled = scene.filled(iterations=iterations)
            assert np.array_equal(filled.frames, frames)
            assert np.array_equal(filled.source, origin)

    def test_agrees_on_scattered_holes(self):
        masks = np.random.default_rng(5).random((6, *SIZE)) < 0.45
        scene = random_scene(6, masks, noise=0.8)
        slow = SlowLoop(scene, threshold=1.5)
        slow.run(99)
        filled = scene.filled()
        assert np.array_equal(filled.frames, slow.result()[0])
        # Nothing above would be shown if all had been painted or all had been copied.
        assert 0.1 < np.mean(filled.source[masks] == SYNTHESISED) < 0.9


def still(count: int, masks: np.ndarray, seed: int = 0) -> Scene:
    scene = random_scene(seed, masks, noise=0)
    return Scene(scene.frames, masks, np.zeros_like(scene.forward), np.zeros_like(scene.backward))


class TestRule:
    def test_the_nearer_moment_wins_then_the_past(self):
        scene = still(7, boxes(None, *[(3, 4, 4, 5)] * 5, None))
        assert scene.filled().source[1:6, 3, 4].tolist() == [0, 0, 0, 6, 6]

    def test_the_last_frame_is_filled_like_the_others(self):
        scene = still(3, boxes(None, (3, 4, 4, 5), (3, 4, 4, 5)))
        filled = scene.filled()
        assert filled.source[:, 3, 4].tolist() == [KNOWN, 0, 0]
        assert np.array_equal(filled.frames[2, 3, 4], scene.frames[0, 3, 4])

    def test_the_last_row_and_column_can_be_reached(self):
        scene = still(3, boxes(None, EVERYTHING, None))
        assert (scene.filled().source[1] == 0).all()

    def test_first_and_last_frame_of_every_run_are_painted_and_carried_on(self):
        hole = (2, 5, 3, 7)
        scene = still(9, boxes(hole, hole, hole, None, hole, hole, hole, hole, hole))
        scene.forward[2:4] = 99  # the frame between shows nothing to either side
        scene.backward[2:4] = 99
        filled = scene.filled()
        inside = filled.frames[:, 2:5, 3:7]
        expected = [paint_odd(f, m)[2:5, 3:7] for f, m in zip(scene.frames, scene.masks, strict=True)]
        nearest = [0, 0, 2, None, 4, 4, 4, 8, 8]
        for t, key in enumerate(nearest):
            if key is not None:
                assert np.array_equal(inside[t], expected[key]), t
        assert (filled.source[scene.masks] == SYNTHESISED).all()

    def test_what_was_painted_counts_as_seen_where_ours_prefers_what_was_seen(self):
        masks = boxes(None, *[(3, 4, 4, 5)] * 2, None, None)
        scene = still(5, masks)
        painted = np.zeros_like(masks)
        painted[0] = True
        for rule, sources in (("published", [SYNTHESISED, 3]), ("ours", [3, 3])):
            config = replace(FlowFillConfig(), rule=rule, match_exposure=False)
            filled = fill_by_flow(
                scene.frames, masks, config, estimator=scene.estimator, completer=as_found, synthesised=painted
            )
            assert filled.source[1:3, 3, 4].tolist() == sources

    def test_errors_add_up_and_lower_the_confidence(self):
        scene = still(4, boxes(None, *[(3, 4, 4, 5)] * 3))
        scene.forward[..., 0] = 0.3
        confidence = scene.filled(threshold=3).confidence[1:, 3, 4]
        np.testing.assert_allclose(confidence, [1 / 1.1, 1 / 1.2 / (31 / 30), 1 / 1.3 / (32 / 30)], rtol=1e-5)


class TestSteps:
    hole = Hole(np.array([2 * SIZE[1] + 3]), SIZE)
    around = Hole(np.array([5, 2 * SIZE[1] + 5]), SIZE)

    def steps(self, ahead: tuple[float, float], back: tuple[float, float], threshold: float = 3) -> Steps:
        fields = (np.broadcast_to(np.array(v, np.float32), (*SIZE, 2)).copy() for v in (ahead, back))
        return find_steps(self.hole, self.around, *fields, threshold_px=threshold)

    def test_leads_to_the_nearest_pixel_of_the_mean_of_both_flows(self):
        steps = self.steps((2.2, 0), (-1.2, 0.6))
        assert steps.target.tolist() == [2 * SIZE[1] + 5]  # 3 + (2.2 + 1.2) / 2 = 4.7, 2 - 0.6 / 2 = 1.7
        assert steps.row.tolist() == [1]
        np.testing.assert_allclose(steps.error, np.hypot(1, 0.6))

    def test_outside_the_hole_there_is_no_row(self):
        steps = self.steps((-2, 1), (2, -1))
        assert steps.target.tolist() == [3 * SIZE[1] + 1]
        assert steps.row.tolist() == [-1]

    @pytest.mark.parametrize(
        ("ahead", "back", "threshold", "valid"),
        [
            ((2, 0), (1, 0), 3, False),  # the threshold is exclusive
            ((2, 0), (1, 0), 3.01, True),
            ((5, 4), (-5, -4), 3, True),  # the last pixel
            ((5.1, 4), (-5.1, -4), 3, False),
            ((-3, -2), (3, 2), 3, True),  # the first pixel
            ((-3, -2.1), (3, 2.1), 3, False),
            ((4.5, 0), (-6, 0), 3, False),  # there it arrives inside, by the mean outside
            ((5.5, 0), (-3, 0), 3, False),  # by the mean inside, there outside
        ],
    )
    def test_validity(self, ahead, back, threshold, valid):
        assert (self.steps(ahead, back, threshold).target[0] >= 0) is np.bool_(valid)

    def test_a_link_that_leads_nowhere_reaches_nothing(self):
        holes = [self.hole, Hole(np.zeros(0, np.int64), SIZE)]
        scene = SteppedHoles(holes, [Steps.none(1), Steps.none(0)], [Steps.none(1), Steps.none(0)])
        start = [Pointers.unreached(1), Pointers.unreached(0)]
        usable = np.ones((2, *SIZE), np.bool_)
        assert not scene.propagate(start, usable, None)[0].reached.any()
