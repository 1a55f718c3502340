"""Many clips stored, by this process or by several."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

from maskreel.animate.data._check import ClipFault
from maskreel.animate.data._clip_files import ClipFiles
from maskreel.animate.data._clip_path import ClipPath
from maskreel.animate.data._store_clip import store_clip
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from maskreel.animate.data._clip_files import Layout

Job = list[tuple[ClipPath, ClipFiles]]
"""Clips that share a file, so that they must be stored one after the other."""


def store_all(
    files: Mapping[ClipPath, ClipFiles], layout: Layout, *, workers: int, progress: Callable[[int], object]
) -> Iterator[ClipFault]:
    """Store the clips that are not there yet, and give what is wrong with those that cannot be stored.

    Args:
        files: Where each clip goes.
        layout: How.
        workers: Processes; 0: this one.
        progress: Told the number of frames stored since the last call.
    """
    shared: dict[Path, Job] = defaultdict(list)
    for clip, its_files in files.items():
        if not its_files.are_there:
            shared[its_files.frames].append((clip, its_files))
    jobs = list(shared.values())
    done = _done_by_workers(jobs, layout, workers, progress) if workers and jobs else _done(jobs, layout, progress)
    for job, messages in zip(jobs, done, strict=True):
        yield from (ClipFault(clip, message) for (clip, _), message in zip(job, messages, strict=True) if message)


def _done(jobs: Iterable[Job], layout: Layout, progress: Callable[[int], object]) -> Iterator[list[str]]:
    """What is wrong with each clip of each job; "" if nothing is."""
    for job in jobs:
        yield [_try_to_store(clip, files, layout, progress) for clip, files in job]


def _try_to_store(clip: ClipPath, files: ClipFiles, layout: Layout, progress: Callable[[int], object]) -> str:
    try:
        if not files.are_there:  # clips of a job may be parts of one video
            store_clip(clip, files, layout, progress)
    except InputError as error:
        files.remove_parts()
        return str(error)
    return ""


def _done_by_workers(
    jobs: Sequence[Job], layout: Layout, workers: int, progress: Callable[[int], object]
) -> Iterator[list[str]]:
    from torch.utils.data import DataLoader  # its workers end when this process is killed; those of a pool do not

    loader: DataLoader[tuple[list[str], int]] = DataLoader(
        _Outcomes(jobs, layout),  # pyright: ignore[reportArgumentType] (torch asks for its class, but needs only this)
        batch_size=None,
        num_workers=min(workers, len(jobs)),
        generator=torch.Generator(),  # else it draws from the global one
    )
    for messages, frames in loader:
        progress(frames)
        yield messages


class _Outcomes:
    """A data set whose samples come of doing the jobs: what is wrong, and how many frames were stored."""

    def __init__(self, jobs: Sequence[Job], layout: Layout) -> None:
        self._jobs, self._layout = jobs, layout

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, index: int) -> tuple[list[str], int]:
        stored: list[int] = []
        (messages,) = _done([self._jobs[index]], self._layout, stored.append)
        return messages, sum(stored)
