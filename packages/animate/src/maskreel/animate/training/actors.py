"""Pairs of frames of rendered people, with their true masks."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from maskreel.animate.training.jitter import jittered
from maskreel.common.array_file import read_npz
from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

__all__ = ["ActorPairs", "render_actors"]

_FRAMES = 8
_FPS = Fraction(4)


def render_actors(
    folder: Path,
    clips: int,
    *,
    size: int,
    seed: int,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
) -> list[Path]:
    """One .npz for each clip of one person, eight frames in two seconds; what is there already stays.

    Each holds `frames`, uint8 (8, size, size, 3), `masks`, the person in them, packed bits of bool (8, size, size),
    and `plate`, uint8 (size, size, 3), the empty scene.

    Raises:
        ValueError: `clips` or `workers` is less than 1.
    """
    if clips < 1 or workers < 1:
        raise ValueError(f"clips and workers must be 1 or more, got {clips} and {workers}")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{size}_{seed}_{number:06}.npz" for number in range(clips)]
    missing = [(path, number) for number, path in enumerate(paths) if not path.is_file()]
    told = progress or (lambda _: None)
    told(clips - len(missing))
    render = partial(_render, size=size, seed=seed)
    if workers == 1:
        for job in missing:
            render(job)
            told(1)
        return paths
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for _ in pool.map(render, missing, chunksize=8):
            told(1)
    return paths


def _render(job: tuple[Path, int], *, size: int, seed: int) -> None:
    from maskreel.common.world import ActorsScene

    path, number = job
    scene = ActorsScene(size=(size, size), frames=_FRAMES, fps=_FPS)
    made = scene.render(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
    frames = np.ascontiguousarray(torch.as_tensor(made.clip.frames).permute(0, 2, 3, 1).numpy())
    plate = made.plate[0].permute(1, 2, 0).numpy()
    masks = np.packbits(made.visible.any(dim=1).numpy())
    with atomic_path(path) as scratch, scratch.open("wb") as stream:
        np.savez(stream, frames=frames, masks=masks, plate=plate)


class ActorPairs:
    """Two frames of one clip with their masks, as `AnimationTask` takes them; drawn by torch's global generator.

    Args:
        paths: what `render_actors` gave.
        factor: how many times smaller masks are.
        jitter: change colours (0.1, as published) and mirror in time and space; False gives the same first and last
            frame each time.
    """

    def __init__(self, paths: list[Path], *, factor: int, jitter: bool = True) -> None:
        if not paths:
            raise ValueError("paths must be one or more, got none")
        self._paths, self._factor, self._jitter = paths, factor, jitter

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        stored = read_npz(self._paths[index])
        frames, packed = torch.from_numpy(stored["frames"]), stored["masks"]
        shape = frames.shape[:3]
        masks = torch.from_numpy(np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape)).float()
        first, second = self._chosen(len(frames))
        pictures = frames[[first, second]].permute(0, 3, 1, 2).float() / 255
        small = F.avg_pool2d(masks[[first, second]][:, None], self._factor)
        if not self._jitter:
            source, target, driving = pictures[0], pictures[1], pictures[1]
        else:
            if torch.rand(()) < 0.5:
                pictures, small = pictures.flip(-1), small.flip(-1)
            source, target = jittered(pictures)
            (driving,) = jittered(pictures[1:])
        return {
            "source": source,
            "driving": driving,
            "target": target,
            "source_mask": small[0],
            "driving_mask": small[1],
        }

    def _chosen(self, count: int) -> tuple[int, int]:
        if not self._jitter:
            return 0, count - 1
        first, second = torch.randperm(count)[:2].tolist()
        return first, second
