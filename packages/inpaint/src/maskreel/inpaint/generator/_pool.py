"""Rendered pictures on disk: the world's views and made-up pictures, each rendered once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from maskreel.common.world import LectureTake

__all__ = ["KINDS", "RENDER", "Kind", "StoredImage", "kind_of", "rendered_images"]

Kind = Literal["lecture", "actors", "table", "texture"]
KINDS: tuple[Kind, ...] = ("lecture", "actors", "table", "texture")
_SHARES = {"lecture": 0.18, "actors": 0.2, "table": 0.08, "texture": 0.54}
_VIEWS = 4  # of one lecture: its room takes longest to paint
_LECTURE_SIZES = ((288, 512), (256, 384))
_SIZE = 256, 384
_TEXTURE = 256, 256


@dataclass(frozen=True)
class StoredImage:
    """A picture of one kind, read when it is asked for."""

    path: Path
    kind: str
    index: int = 0
    """In the file, which holds one picture or several."""

    def __call__(self) -> np.ndarray:
        """uint8 (H, W, 3), RGB, mapped from disk."""
        stored = open_npy(self.path)
        return stored if stored.ndim == 3 else stored[self.index]


def rendered_images(
    folder: str | os.PathLike[str],
    count: int,
    *,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> list[StoredImage]:
    """Pictures of every kind: lectures, people at places, things on a table, and more than half textures.

    Args:
        folder: Keeps them; a later call renders only what is missing, and may ask for more.
        count: How many.
        seed: Other seeds give other pictures; the same one gives the same bytes.
        progress: Called with 1 after every picture.

    Raises:
        ValueError: `count` is less than 1 or `seed` negative.
    """
    if count < 1 or seed < 0:
        raise ValueError(f"count must be 1 or more and seed 0 or more, got {count} and {seed}")
    images = []
    for number in range(count):
        kind = kind_of(number)
        path = Path(folder) / f"{kind}_{seed}_{number:06}.npy"
        if not path.is_file():
            with atomic_path(path) as scratch, scratch.open("wb") as stream:
                np.save(stream, np.ascontiguousarray(RENDER[kind](seed, number)))
        images.append(StoredImage(path, kind))
        if progress is not None:
            progress(1)
    return images


def kind_of(number: int) -> Kind:
    """In any stretch of numbers the shares are nearly right."""
    place = number * 0.6180339887498949 % 1
    for kind in KINDS:
        place -= _SHARES[kind]
        if place < 0:
            return kind
    return KINDS[-1]


def _lecture(seed: int, number: int) -> np.ndarray:
    take = _take(seed, number // (_VIEWS * 6))
    plate = take.render(int(_rng(seed, number).integers(take.frame_count))).plate
    return _noisy(_rng(seed, number, 1), plate)


@lru_cache(maxsize=1)
def _take(seed: int, number: int) -> LectureTake:
    from maskreel.common.world import LectureScene

    rng = _rng(seed, number, 2)
    scene = LectureScene(
        size=_LECTURE_SIZES[int(rng.integers(2))],
        board="green" if rng.random() < 0.5 else "white",
        camera="handheld",
    )
    return scene.open(int(rng.integers(2**31)))


def _actors(seed: int, number: int) -> np.ndarray:
    from maskreel.common.world import ActorsScene

    rng = _rng(seed, number)
    clip = ActorsScene(size=_SIZE, frames=1).render(int(rng.integers(2**31)))
    picture = clip.plate if rng.random() < 0.7 else clip.clip.frames
    return _noisy(rng, picture[0].permute(1, 2, 0).numpy())


def _table(seed: int, number: int) -> np.ndarray:
    from maskreel.common.world import TableScene

    rng = _rng(seed, number)
    clip = TableScene(size=_SIZE, frames=1, entry_seconds=(-2.6, -0.5)).render(int(rng.integers(2**31)))
    return clip.clip.frames[0].permute(1, 2, 0).numpy()


def _texture(seed: int, number: int) -> np.ndarray:
    from maskreel.inpaint.generator._pictures import made_picture

    return made_picture(_rng(seed, number), _TEXTURE)


def _noisy(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    noise = rng.standard_normal(picture.shape) * rng.uniform(0, 4)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


RENDER = {"lecture": _lecture, "actors": _actors, "table": _table, "texture": _texture}
"""Functions of a seed and a number that make uint8 (H, W, 3)."""
