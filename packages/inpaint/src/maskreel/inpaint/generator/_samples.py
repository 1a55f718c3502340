"""What the network sees and should answer: a crop, a hole, and a first guess of what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.inpaint.generator._holes import random_hole
from maskreel.inpaint.generator._patterns import fractal
from maskreel.inpaint.painting.harmonic import harmonic_fill

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["HoleSamples", "first_guess", "network_input"]

_FINE_SHARE = 0.3
_SWEEPS = 30
_PERSON, _LARGE_PERSON = (0.3, 0.85), (0.6, 1.6)


class HoleSamples(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Crops of pictures with random holes; map-style, for `maskreel.common.training.train`.

    A sample is {"input": float32 (5, S, S), "truth": float32 (3, S, S) in [0, 1]}; see `network_input`. In most samples
    the guess is a harmonic fill. In the others it is nearly the truth, but at half the sharpness: so the network
    learns to refine what it has painted at half the size.

    Args:
        images: Each gives uint8 (H, W, 3), RGB, when called.
        side: Of the crops in pixels; a multiple of 8.
    """

    def __init__(self, images: Sequence[Callable[[], np.ndarray]], *, side: int = 96) -> None:
        self.images, self.side = images, side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.sample(index, np.random.default_rng(torch.randint(2**31, (4,)).tolist()))

    def sample(self, index: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """A sample of picture number `index`, as `rng` draws it."""
        truth = varied_crop(rng, self.images[index](), self.side)
        fine = rng.random() < _FINE_SHARE
        hole = random_hole(rng, self.side, _LARGE_PERSON if fine else _PERSON)
        guess = _half_sharp(rng, truth, hole) if fine else first_guess(truth, hole)
        return {"input": network_input(guess, hole, refine=fine), "truth": _planes(truth)}


def first_guess(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The smoothest fill: harmonic, uint8 (H, W, 3). Of classical fills it has the least squared error, and no streaks.

    Args:
        picture: uint8 (H, W, 3); what stands in the hole is of no influence.
        hole: bool (H, W), not everything.
    """
    filled = harmonic_fill(picture.astype(np.float32), hole, sweeps=_SWEEPS)
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def network_input(guess: np.ndarray, hole: np.ndarray, *, refine: bool) -> torch.Tensor:
    """float32 (5, H, W): the picture with a guess in its hole in [0, 1], the hole, and whether the guess is to be
    refined (1) or is a mere prolongation of what is around (0).

    Args:
        guess: uint8 (H, W, 3).
        hole: bool (H, W).
        refine: Whether the guess stands for what the network painted at half the size.
    """
    planes = np.stack([hole, np.full_like(hole, refine)]).astype(np.float32)
    return torch.cat([_planes(guess), torch.from_numpy(planes)])


def varied_crop(rng: np.random.Generator, image: np.ndarray, side: int) -> np.ndarray:
    """A square part at a random size and place, flipped and turned by chance, uint8 (side, side, 3)."""
    smallest = min(image.shape[:2])
    extent = min(smallest, max(side, round(smallest * rng.uniform(0.45, 1))))
    y, x = (int(rng.integers(length - extent + 1)) for length in image.shape[:2])
    crop = np.asarray(image[y : y + extent, x : x + extent])
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.15:
        crop = np.rot90(crop, int(rng.integers(4)))
    if rng.random() < 0.3:
        crop = crop[..., rng.permutation(3)]
    crop = np.ascontiguousarray(crop)
    if extent == side:
        return crop
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if extent > side else cv2.INTER_LINEAR)


def _half_sharp(rng: np.random.Generator, truth: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The truth through half its size, a little more blurred here and there, its colours a little off in the hole."""
    side = truth.shape[0]
    small = cv2.resize(truth, (side // 2, side // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.8)) if rng.random() < 0.7 else small
    large = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    off = (fractal(rng, (side // 8, side // 8), 1.5) - 0.5) * rng.uniform(0, 40)
    large += cv2.resize(off, (side, side))[..., None] * rng.uniform(0.5, 1.0, 3).astype(np.float32)
    return np.where(hole[..., None], np.clip(np.rint(large), 0, 255).astype(np.uint8), truth)


def _planes(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
