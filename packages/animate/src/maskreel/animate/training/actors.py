"""Pairs of frames of rendered people, with their true masks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from maskreel.animate.data import jittered
from maskreel.common.array_file import read_npz, write_npz
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from torch import Tensor

    from maskreel.common.world import ActorsClip, ActorsScene

__all__ = ["ActorPairs", "render_actors"]

_FRAMES = 8
_FPS = Fraction(4)
_ALONE = 0.25
"""Share of samples in which nobody else is the driver."""
_MOVED = 0.5
"""Share of samples whose source is from another motion, as a picture to be animated is."""


def render_actors(
    folder: Path,
    clips: int,
    *,
    size: int,
    seed: int,
    workers: int = 1,
    place: tuple[int, int] = (0, 1),
    progress: Callable[[int], object] | None = None,
) -> list[Path]:
    """One .npz for each clip of one person, eight frames in two seconds; what is there already stays.

    Each holds `frames`, uint8 (8, size, size, 3), `masks`, the person in them, packed bits of bool (8, size, size),
    and `plate`, uint8 (size, size, 3), the empty scene; as `twin_frames` and `twin_masks` the same of another
    person elsewhere, who does the very same at the same moments; and as `moved_frames` and `moved_masks` of the first
    person in the same scene, who does something else. All are filmed from the same distance, so that who is taller
    looks taller.

    Several processes may do this at once: each begins elsewhere and leaves out what another has made or is making.

    Args:
        folder: where they are.
        clips: how many.
        size: height and width in pixels.
        seed: of all of them.
        workers: processes that render; with 1, this one.
        place: number of this process and how many there are.
        progress: told of clips that are there.

    Raises:
        ValueError: `clips` or `workers` is less than 1.
    """
    if clips < 1 or workers < 1:
        raise ValueError(f"clips and workers must be 1 or more, got {clips} and {workers}")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{size}_{seed}_{number:06}.npz" for number in range(clips)]
    rank, processes = place
    first = rank * clips // processes
    order = [*range(first, clips), *range(first)]
    missing = [number for number in order if not paths[number].is_file()]
    told = progress or (lambda _: None)
    told(clips - len(missing))
    renders = _Renders([(paths[number], number) for number in missing], size, seed)
    for _ in (renders[index] for index in range(len(missing))) if workers == 1 else _by_workers(renders, workers):
        told(1)
    return paths


@dataclass(frozen=True)
class _Renders:
    """A data set whose samples come of rendering: 1 for each clip that is there then."""

    jobs: Sequence[tuple[Path, int]]
    size: int
    seed: int

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, index: int) -> int:
        path, number = self.jobs[index]
        with locked(path.parent, name=f".{path.stem}.lock", wait=True):
            if not path.is_file():
                _render(path, number, size=self.size, seed=self.seed)
        return 1


def _by_workers(renders: _Renders, workers: int) -> Iterable[int]:
    from torch.utils.data import DataLoader  # its workers end when this process is killed; those of a pool do not

    return DataLoader(
        renders,  # pyright: ignore[reportArgumentType] (torch asks for its class, but needs only this)
        batch_size=None,
        num_workers=min(workers, len(renders)),
        multiprocessing_context="spawn" if len(renders) else None,
        generator=torch.Generator(),  # else it draws from the global one
    )


def _render(path: Path, number: int, *, size: int, seed: int) -> None:
    from maskreel.common.world import ActorsScene

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    person_height = np.random.default_rng([own, 2]).uniform(0.7, 0.84)
    scene = ActorsScene(size=(size, size), frames=_FRAMES, fps=_FPS, person_height=person_height)
    write_npz(path, _filmed(scene, own))


def _filmed(scene: ActorsScene, seed: int) -> dict[str, Any]:
    """What `scene.render(seed)` shows, its twin, and the same person in another motion."""
    person, pose, place, other, elsewhere, other_pose = np.random.SeedSequence([seed, 1]).generate_state(6).tolist()
    made, twin = scene.compose(person, pose, place), scene.compose(other, pose, elsewhere)
    moved = scene.compose(person, other_pose, place)
    return {
        "frames": _frames(made),
        "masks": _packed(made),
        "plate": made.plate[0].permute(1, 2, 0).numpy(),
        "twin_frames": _frames(twin),
        "twin_masks": _packed(twin),
        "moved_frames": _frames(moved),
        "moved_masks": _packed(moved),
    }


def _frames(clip: ActorsClip) -> np.ndarray:
    return np.ascontiguousarray(torch.as_tensor(clip.clip.frames).permute(0, 2, 3, 1).numpy())


def _packed(clip: ActorsClip) -> np.ndarray:
    return np.packbits(clip.visible.any(dim=1).numpy())


class ActorPairs:
    """Two frames of one clip with their masks, as `AnimationTask` takes them; drawn by torch's global generator.

    Args:
        paths: what `render_actors` gave.
        factor: how many times smaller masks are.
        jitter: change colours (0.1, as published) and mirror in time and space; False gives the same first and last
            frame each time.
        twins: also give `twin`, a frame of somebody else in the pose of the driving frame, with jitter of its own, and
            `twin_mask`; with jitter one in four shows the person itself, since drivers may be. And with jitter every
            other source is from another motion of the person, since pictures to be animated are.
    """

    def __init__(self, paths: list[Path], *, factor: int, jitter: bool = True, twins: bool = False) -> None:
        if not paths:
            raise ValueError("paths must be one or more, got none")
        self._paths, self._factor, self._jitter, self._twins = paths, factor, jitter, twins

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Floats in [0, 1]: `source`, `driving`, `target`, `twin` (3, S, S), and their masks (1, s, s).

        Raises:
            InputError: The file is damaged, or twins are wanted and it is of a time when none were rendered.
        """
        stored = read_npz(self._paths[index])
        if self._twins and not {"twin_frames", "moved_frames"} <= stored.keys():
            raise InputError(
                f"{self._paths[index]} shows no second person in the same motion or no second motion, as files of an "
                "earlier version do not; remove its folder, or take another --cache"
            )
        first, second = self._chosen(len(stored["frames"]))
        source = self._still(stored, "moved_" if self._twins and self._draw(_MOVED) else "", first)
        target = self._still(stored, "", second)
        twin = self._still(stored, "" if self._draw(_ALONE) else "twin_", second) if self._twins else target
        shown = [source, target, twin]
        if self._draw(0.5):
            shown = [(picture.flip(-1), mask.flip(-1)) for picture, mask in shown]
        (source, source_mask), (target, driving_mask), (twin, twin_mask) = shown
        driving = target
        if self._jitter:
            source, target = jittered(torch.stack([source, target]))
            (driving,) = jittered(driving[None])
        pair = {
            "source": source,
            "driving": driving,
            "target": target,
            "source_mask": source_mask,
            "driving_mask": driving_mask,
        }
        if not self._twins:
            return pair
        return pair | {"twin": jittered(twin[None])[0] if self._jitter else twin, "twin_mask": twin_mask}

    def _chosen(self, count: int) -> tuple[int, int]:
        if not self._jitter:
            return 0, count - 1
        first, second = torch.randperm(count)[:2].tolist()
        return first, second

    def _draw(self, share: float) -> bool:
        return self._jitter and bool(torch.rand(()) < share)

    def _still(self, stored: dict[str, np.ndarray], whose: str, number: int) -> tuple[Tensor, Tensor]:
        """Picture and mask, float (3, S, S) and (1, s, s)."""
        frames = stored[f"{whose}frames"]
        masks = np.unpackbits(stored[f"{whose}masks"], count=int(np.prod(frames.shape[:3]))).reshape(frames.shape[:3])
        mask = F.avg_pool2d(torch.from_numpy(masks[number])[None].float(), self._factor)
        return torch.from_numpy(frames[number]).permute(2, 0, 1).float() / 255, mask
