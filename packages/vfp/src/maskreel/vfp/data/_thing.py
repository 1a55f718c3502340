"""One class in the label maps of a clip, taken for one moving thing."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

_VISIBLE_PIXELS = 12
_EDGE = 1 / 8
"""A thing this near to the edge, as a share of the height, may have come in since the last frame."""
_BESIDE = 3
"""Pixels between things of which one may come from behind the other."""
_HIDDEN = 0.25
"""A thing with this share of its place under others may be hidden."""
_ALIKE = 0.6
"""From this IoU on, two masks laid over each other may be one thing under two names."""
_FARTHEST = 1 / 6
"""Way of a thing from one frame to the next, as a share of the height."""
_TWIN = 0.25
"""A second region with this share of the first one's pixels is a second thing."""


class Thing:
    """Where a class is in uint8 (T, H, W) label maps. It counts as there in frames with 12 pixels or more."""

    def __init__(self, labels: np.ndarray, label: int) -> None:
        self.label = label
        self.count, self.height = labels.shape[:2]
        self._labels = labels
        areas = (labels == label).sum((1, 2))
        self.frames: list[int] = np.flatnonzero(areas >= _VISIBLE_PIXELS).tolist()

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """First and last frame of every stretch of frames that it is there."""
        starts = [t for t in self.frames if t - 1 not in self.frames]
        ends = [t for t in self.frames if t + 1 not in self.frames]
        return list(zip(starts, ends, strict=True))

    def pixels(self, frame: int) -> np.ndarray:
        """int64 (N, 2), row and column of its pixels."""
        return np.argwhere(self._labels[frame] == self.label)

    def middle(self, frame: int) -> np.ndarray:
        return self.pixels(frame).mean(0)

    def is_clear(self, frame: int) -> bool:
        """Whether it is well inside the picture and nothing is beside it."""
        return self.edge(frame) >= _EDGE * self.height and not self._others(frame, self.pixels(frame), _BESIDE).any()

    def edge(self, frame: int) -> int:
        """Pixels between it and the edge of the picture."""
        pixels = self.pixels(frame)
        return min(int(pixels.min()), int((np.array(self._labels.shape[1:]) - 1 - pixels).min()))

    def was_free(self, frame: int) -> bool:
        """Whether nothing was at its place in the frame before, from behind which it could have come."""
        return not self._others(frame - 1, self.pixels(frame), _BESIDE).any()

    def stays_free(self, frame: int) -> bool:
        """Whether nothing comes to its place or to where it goes in the next frame, behind which it could hide."""
        ahead = self.pixels(frame)
        if frame - 1 in self.frames:
            ahead = ahead + np.rint(self.middle(frame) - self.middle(frame - 1)).astype(int)
        return not any(self._others(frame + 1, place, _BESIDE).any() for place in (self.pixels(frame), ahead))

    def is_missing(self, frame: int, before: int, after: int) -> bool:
        """Whether at the place between those `before` and `after` there is nothing that hides it."""
        way = (self.middle(after) - self.middle(before)) * (frame - before) / (after - before)
        place = self.pixels(before) + np.rint(way).astype(int)
        return float(self._others(frame, place, 0).mean()) < _HIDDEN

    def is_twice(self, frame: int) -> bool:
        """Whether it is in two large regions with nothing between them."""
        labels = self._around(frame)
        mask = (labels == self.label).astype(np.uint8)
        _, _, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
        order = np.argsort(-stats[1:, cv2.CC_STAT_AREA])[:2] + 1
        if len(order) < 2:
            return False
        large, small = stats[order, cv2.CC_STAT_AREA]
        if small < max(_VISIBLE_PIXELS, _TWIN * large):
            return False
        steps = np.linspace(middles[order[0]], middles[order[1]], 64)
        between = labels[tuple(np.rint(steps[:, ::-1]).astype(int).T)]
        return not ((between != 0) & (between != self.label)).any()

    def _around(self, frame: int) -> np.ndarray:
        """The part of a label map that holds all of it."""
        mask = (self._labels[frame] == self.label).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        return self._labels[frame, y : y + height, x : x + width]

    def _others(self, frame: int, place: np.ndarray, margin: int) -> np.ndarray:
        """bool, where pixels around `place`, a (N, 2) list, belong to other things in a frame."""
        size = self._labels.shape[1:]
        mask = np.zeros(size, np.uint8)
        inside = place[((place >= 0) & (place < size)).all(1)]
        mask[tuple(inside.T)] = 1
        if margin:
            mask = cv2.dilate(mask, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
        there = self._labels[frame][mask.astype(bool)]
        return (there != 0) & (there != self.label) if there.size else np.zeros(1, bool)


def may_be_the_same(one: Thing, first: int, other: Thing, second: int) -> bool:
    """Whether two things in neighbouring frames are near enough and of like shape to be one."""
    way = np.linalg.norm(one.middle(first) - other.middle(second))
    return bool(way <= _FARTHEST * one.height) and _overlap(one.pixels(first), other.pixels(second)) >= _ALIKE


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two lists of pixels whose middles are laid over each other."""
    sets = [
        {tuple(pixel) for pixel in np.rint(pixels - pixels.mean(0)).astype(int).tolist()} for pixels in (one, other)
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])
