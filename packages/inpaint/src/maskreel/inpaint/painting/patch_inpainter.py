"""Painting with patches from elsewhere in the picture: edges go on and textures stay sharp."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inpaint.painting.box import box_around
from maskreel.inpaint.painting.hole_crop import paint_around_hole
from maskreel.inpaint.painting.hole_fill import halved

if TYPE_CHECKING:
    from maskreel.inpaint.painting.image_inpainter import ImageInpainter

__all__ = ["PatchInpainter"]

_RADIUS = 3
_SIDE = 2 * _RADIUS + 1
_FEATURES = 24  # of the 147 numbers of a patch, as the principal components that tell patches apart
_SAMPLE = 4000  # patches that these are found from
_SHALLOW = 2.5  # pixels of depth of the coarsest hole, where all that is around it is seen at once
_ROUNDS = (12, 8, 6, 3)  # from the coarsest size on
_MOST_PAIRS = 10**8  # of patches that are all compared; with more, only those near what coarser sizes have found are
_HELD = 0.3  # share of the first painting that comes back after each round at coarse sizes
_FALL = 1.3  # by which patches count less with each pixel deeper in the hole (Wexler et al., equation 6)

_NEAR = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
_NEIGHBOURS = [(dy * step, dx * step) for step in (2, 7) for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))]


class PatchInpainter:
    """Paints so that every patch of the hole looks like one of the known picture; an `ImageInpainter`. Deterministic.

    "Space-Time Completion of Video" (Wexler, Shechtman and Irani, TPAMI 2007) for one image: from coarse to fine, each
    patch around the hole finds the known one that is most like it, and each pixel becomes the mean of what the patches
    over it say. Another painter says roughly what is where, which patches alone know little of: at coarse sizes some of
    what it painted comes back after each round but the last. (Without that, large holes are filled by whatever one of
    their sides shows; with more, what repeats is less well carried on.)

    Args:
        first: What gives the coarse picture to begin with.
        max_side: The most pixels at a side of the picture around the hole; what is larger is painted smaller.
    """

    def __init__(self, first: ImageInpainter, *, max_side: int = 1024) -> None:
        self.first, self._max_side = first, max_side

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of uint8 (H, W, 3) RGB where bool (H, W) is True; see `ImageInpainter`."""
        return paint_around_hole(image, mask, self._paint, max_side=self._max_side)

    def __repr__(self) -> str:
        return f"PatchInpainter({self.first!r}, max_side={self._max_side})"

    def _paint(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        if not hole.any():
            return picture
        first = self.first(picture, hole)
        guess, sources = first, None
        for step, (known, where) in enumerate(reversed(_pyramid(picture, hole))):
            rough = _resized(first, where.shape, cv2.INTER_AREA)
            begun = _resized(guess, where.shape, cv2.INTER_LINEAR) if step else rough
            level = _Level(np.where(where[..., None], begun, known).astype(np.float32), where)
            full = where.shape == hole.shape
            rounds = _ROUNDS[min(step, len(_ROUNDS) - 1)]
            sources = level.improve(rounds, sources, held=None if full else rough.astype(np.float32))
            guess = level.picture
        return np.clip(np.rint(guess), 0, 255).astype(np.uint8)


def _pyramid(picture: np.ndarray, hole: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Picture and hole at half the size each time, until the hole is shallow."""
    sizes = [(picture, hole)]
    while _depth(sizes[-1][1]).max() > _SHALLOW and min(sizes[-1][1].shape) >= 4 * _SIDE:
        smaller = halved(*sizes[-1])
        if smaller[1].all():
            break
        sizes.append(smaller)
    return sizes


def _depth(hole: np.ndarray) -> np.ndarray:
    """float32 (h, w): pixels from what is known."""
    return cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 5)


def _resized(picture: np.ndarray, size: tuple[int, ...], interpolation: int) -> np.ndarray:
    return cv2.resize(picture, size[::-1], interpolation=interpolation)


def _finer(sources: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Places of sources at twice the size."""
    y, x = np.indices(size)
    return 2 * sources[y // 2, x // 2] + np.stack([y % 2, x % 2], axis=-1)


@dataclass
class _Level:
    """The picture at one size. Places are rows of (y, x); a patch is named by the place of its centre."""

    picture: np.ndarray
    """float32 (h, w, 3)."""
    hole: np.ndarray
    """bool (h, w)."""

    @cached_property
    def usable(self) -> np.ndarray:
        """bool (h, w): whether the patch there is wholly known, and wholly inside the picture."""
        unknown = cv2.copyMakeBorder(self.hole.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(1,))
        return ~_grown(unknown.view(np.bool_))[1:-1, 1:-1]

    @cached_property
    def known(self) -> np.ndarray:
        """int (n, 2): places of all usable patches."""
        return np.argwhere(self.usable)

    @cached_property
    def wanted(self) -> np.ndarray:
        """int (n, 2): places of all patches that touch the hole."""
        return np.argwhere(_grown(self.hole))

    @cached_property
    def _weight(self) -> np.ndarray:
        """float32 (n,): of wanted patches, by their depth."""
        y, x = self.wanted.T
        return _FALL ** -_depth(self.hole)[y, x]

    @cached_property
    def _components(self) -> list[np.ndarray]:
        """Principal components of known patches, float32 (7, 7, 3) each."""
        chosen = np.random.default_rng(0).permutation(len(self.known))[:_SAMPLE]
        patches = np.lib.stride_tricks.sliding_window_view(self.picture, (_SIDE, _SIDE), axis=(0, 1))
        y, x = (self.known[chosen] - _RADIUS).T
        rows = patches[y, x].reshape(len(chosen), -1)
        rows = rows - rows.mean(axis=0)
        _, vectors = np.linalg.eigh(rows.T @ rows)
        best = vectors.T[::-1][:_FEATURES].reshape(-1, 3, _SIDE, _SIDE)
        return list(np.ascontiguousarray(best.transpose(0, 2, 3, 1)))

    @cached_property
    def _features(self) -> np.ndarray:
        """float32 (h, w, 24), of the patches of the first picture."""
        return self._projected(self.picture)

    def _projected(self, picture: np.ndarray) -> np.ndarray:
        planes = cv2.split(picture)
        return np.dstack(
            [
                sum(
                    cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
                    for plane, kernel in zip(planes, cv2.split(component), strict=True)
                )
                for component in self._components
            ]
        )

    def _features_now(self) -> np.ndarray:
        """Of the patches of the picture as it is; only those around the hole have changed."""
        seen, changed = box_around(self.hole, 2 * _RADIUS), box_around(self.hole, _RADIUS)
        inner = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(seen, changed, strict=True))
        self._features[changed] = self._projected(self.picture[seen])[inner]
        return self._features

    def improve(self, rounds: int, sources: np.ndarray | None, *, held: np.ndarray | None) -> np.ndarray | None:
        """In each round every patch finds what it looks like, and every pixel is voted on.

        Args:
            rounds: how many.
            sources: int (h', w', 2), what this gave at half the size; None: nothing.
            held: float32 (h, w, 3), a picture of which some comes back after each round but the last; None: nothing.

        Returns:
            int (h, w, 2): for wanted patches, the places of usable ones; None if there is none that can be used.
        """
        if not len(self.known):
            return None
        sources = None if sources is None else _finer(sources, self.hole.shape)
        for left in reversed(range(rounds)):
            features = self._features_now()
            found = self.matched(features, sources)
            self._vote(features, found)
            if held is not None and left:
                mixed = (1 - _HELD) * self.picture + _HELD * held
                self.picture = np.where(self.hole[..., None], mixed, self.picture)
            sources = np.zeros((*self.hole.shape, 2), np.int64)
            sources[tuple(self.wanted.T)] = found
        return sources

    def matched(self, features: np.ndarray, sources: np.ndarray | None) -> np.ndarray:
        """int (n, 2): for each wanted patch the place of a usable one that looks most like it."""
        if sources is None or len(self.known) * len(self.wanted) <= _MOST_PAIRS:
            return self._of_all(features, self.wanted)
        found, lost = self._of_near(features, sources)
        found[lost] = self._of_all(features, self.wanted[lost])
        return found

    def _of_all(self, features: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """int (n, 2): the most similar of all usable patches, or of as many, evenly spaced, as can be compared."""
        stride = -(-len(self.known) * len(wanted) // _MOST_PAIRS) or 1
        known = self.known[::stride]
        theirs, ours = features[tuple(known.T)], features[tuple(wanted.T)]
        # |a - b|**2 - |b|**2 = (a, |a|**2) . (-2 b, 1), so that one product of matrices compares all with all.
        theirs = np.column_stack([theirs, np.square(theirs).sum(axis=1)])
        ours = np.column_stack([-2 * ours, np.ones(len(ours), np.float32)])
        rows = max(1, 2**22 // len(known))  # 16 MiB at a time, which caches hold
        parts = [ours[start : start + rows] for start in range(0, len(ours), rows)]
        best = [np.argmin(part @ theirs.T, axis=1) for part in parts]
        return known[np.concatenate(best)] if best else wanted

    def _of_near(self, features: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The most similar of those near what was found before, for the patch itself and for its neighbours (Barnes et
        al., "PatchMatch", SIGGRAPH 2009): int (n, 2), and bool (n,), where none of these can be used."""
        wanted, limit = self.wanted, np.array(self.hole.shape) - 1
        ours, start = features[tuple(wanted.T)], sources[tuple(wanted.T)]
        tried = [start + step for step in _NEAR]
        has = np.zeros(self.hole.shape, bool)
        has[tuple(wanted.T)] = True
        for step in _NEIGHBOURS:
            beside = np.clip(wanted + step, 0, limit)
            shifted = wanted + sources[tuple(beside.T)] - beside
            tried.append(np.where(has[tuple(beside.T)][:, None], shifted, start))
        best, least = start.copy(), np.full(len(wanted), np.inf, np.float32)
        for places in tried:
            places = np.clip(places, 0, limit)
            distance = np.square(features[tuple(places.T)] - ours).sum(axis=1)
            distance[~self.usable[tuple(places.T)]] = np.inf
            nearer = distance < least
            best[nearer], least[nearer] = places[nearer], distance[nearer]
        return best, np.isinf(least)

    def _vote(self, features: np.ndarray, found: np.ndarray) -> None:
        """Every pixel of the hole becomes the weighted mean of what the patches over it say."""
        distance = np.square(features[tuple(found.T)] - features[tuple(self.wanted.T)]).sum(axis=1)
        spread = 2 * np.percentile(distance, 75) + 1e-3
        weight = (np.exp(-distance / spread) * self._weight + 1e-12)[:, None].astype(np.float32)
        height, width = self.hole.shape
        total = np.zeros((height + 2 * _RADIUS, width + 2 * _RADIUS, 4), np.float32)
        colours = np.dstack([self.picture, np.ones_like(self.hole, np.float32)])
        for step in np.ndindex(_SIDE, _SIDE):
            total[tuple((self.wanted + step).T)] += weight * colours[tuple((found + step - _RADIUS).T)]
        inner = total[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
        mean = inner[..., :3] / np.maximum(inner[..., 3:], 1e-30)
        self.picture = np.where(self.hole[..., None], mean, self.picture)


def _grown(area: np.ndarray) -> np.ndarray:
    return cv2.dilate(area.view(np.uint8), np.ones((_SIDE, _SIDE), np.uint8)).view(np.bool_)
