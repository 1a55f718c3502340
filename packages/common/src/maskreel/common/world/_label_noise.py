"""Faults of masks that a network proposed, for labels that are exact otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CLASSES = 49
_FLICKER_FRAMES = (2, 5)
"""Frames for which an object that flickers is gone, at least and at most."""
_OWN_STREAM = 0x6E6F697365
"""Keeps the random numbers of the noise apart from those of a clip with the same seed."""


@dataclass(frozen=True)
class LabelNoise:
    """How often label maps are wrong. The masks of the vfp data set are most likely proposals of a Mask R-CNN.

    Its true rates are not known. All are probabilities from 0 to 1.
    """

    drop: float = 0.0
    """Probability that an object is missing in a frame, for every object and frame."""
    flicker: float = 0.0
    """Probability that an object is missing for 2 to 5 frames in a row once in a clip, for every object."""
    merge: float = 0.0
    """Probability that of two objects that touch the smaller takes the class of the larger, for every such pair and
    frame."""
    flip: float = 0.0
    """Probability that an object has a wrong colour, material or shape, of a kind not in the clip, for every object and
    frame."""

    def __post_init__(self) -> None:
        for name, rate in vars(self).items():
            if not 0 <= rate <= 1:
                raise ValueError(f"{name} must be a probability from 0 to 1, got {rate}")

    def apply(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Make the noise of a seed.

        Every kind of noise has random numbers of its own: changing one rate leaves the others' faults where they are.

        Args:
            labels: uint8 (T, H, W), class ids 0 to 48 of the vfp data set; not changed.
            seed: 0 or more.

        Returns:
            A new array of the same shape; an object that is missing becomes background.

        Raises:
            TypeError: `labels` is not uint8.
            ValueError: `labels` has another shape or ids above 48.
        """
        _check(labels)
        generators = [np.random.default_rng(part) for part in np.random.SeedSequence((seed, _OWN_STREAM)).spawn(4)]
        names = np.tile(np.arange(_CLASSES, dtype=np.uint8), (len(labels), 1))  # (T, 49): what each id is called
        _flip(names, self.flip, labels, generators[0])
        _merge(names, self.merge, labels, generators[1])
        names[generators[2].random(names.shape) < self.drop] = 0
        _flicker(names, self.flicker, generators[3])
        names[:, 0] = 0
        return names[np.arange(len(labels))[:, None, None], labels]


def _flip(names: np.ndarray, rate: float, labels: np.ndarray, random: np.random.Generator) -> None:
    chosen, choice = random.random(names.shape) < rate, random.random(names.shape)
    present = set(np.flatnonzero(np.bincount(labels.ravel(), minlength=_CLASSES)).tolist())
    for frame, number in zip(*chosen.nonzero(), strict=True):
        free = [other for other in _neighbours(int(number)) if other not in present]
        if free:
            names[frame, number] = free[int(choice[frame, number] * len(free))]


def _neighbours(number: int) -> list[int]:
    """The class ids that differ in shape, material or colour alone."""
    if number == 0:
        return []
    shape, rest = divmod(number - 1, 16)
    material, colour = divmod(rest, 8)
    others = [(other, material, colour) for other in range(3) if other != shape]
    others += [(shape, 1 - material, colour)]
    others += [(shape, material, other) for other in range(8) if other != colour]
    return [shape * 16 + material * 8 + colour + 1 for shape, material, colour in others]


def _merge(names: np.ndarray, rate: float, labels: np.ndarray, random: np.random.Generator) -> None:
    chosen = random.random((len(names), _CLASSES, _CLASSES)) < rate
    if not chosen.any():
        return
    for frame, (label, name) in enumerate(zip(labels, names, strict=True)):
        areas = np.bincount(label.ravel(), minlength=_CLASSES)
        for first, second in _touching(label):
            if chosen[frame, first, second]:
                large, small = (first, second) if areas[first] >= areas[second] else (second, first)
                name[small] = name[large]


def _touching(label: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of objects, smaller id first, with pixels side by side or one above the other."""
    pairs: set[tuple[int, int]] = set()
    for one, other in ((label[:, 1:], label[:, :-1]), (label[1:], label[:-1])):
        edge = (one != other) & (one > 0) & (other > 0)
        pairs.update(zip(one[edge].tolist(), other[edge].tolist(), strict=True))
    return sorted({(min(pair), max(pair)) for pair in pairs})


def _flicker(names: np.ndarray, rate: float, random: np.random.Generator) -> None:
    low, high = _FLICKER_FRAMES
    chosen = random.random(_CLASSES) < rate
    lengths = random.integers(low, high, size=_CLASSES, endpoint=True)
    starts = (random.random(_CLASSES) * np.maximum(1, len(names) - lengths + 1)).astype(int)
    for number in chosen.nonzero()[0]:
        names[starts[number] : starts[number] + lengths[number], number] = 0


def _check(labels: np.ndarray) -> None:
    if labels.dtype != np.uint8:
        raise TypeError(f"labels must be uint8, got {labels.dtype}")
    if labels.ndim != 3:
        raise ValueError(f"labels must have shape (T, H, W), got {labels.shape}")
    if labels.size and labels.max() >= _CLASSES:
        raise ValueError(f"labels must hold class ids 0 to {_CLASSES - 1}, got {labels.max()}")
