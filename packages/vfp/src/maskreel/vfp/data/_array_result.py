"""All masks in one array, written to disk one by one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.vfp.data._new_array import new_array
from maskreel.vfp.data._progress_file import ProgressFile
from maskreel.vfp.timeline import SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from maskreel.vfp.data._observed_clip import ObservedClip
    from maskreel.vfp.forecaster import Forecast


class ArrayResult:
    """The masks of all clips as (N, 160, 240), written to disk one by one."""

    def __init__(self, path: Path, count: int, job: Mapping[str, Any]) -> None:
        self.record = path.with_suffix(".json")
        self._path, self._scratch = path, path.with_name(f".{path.name}.part.npy")
        self._progress = ProgressFile(path.with_name(f".{path.name}.part.json"), job)
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (count, *SIZE)
        self.done = self._progress.done() if _holds(self._scratch, shape) else 0
        self._masks = np.load(self._scratch, mmap_mode="r+") if self.done else new_array(self._scratch, np.uint8, shape)

    def add(self, clip: ObservedClip, forecast: Forecast) -> None:
        self._masks[self.done] = forecast.labels.cpu().numpy()
        self.done += 1
        self._progress.tell(self.done)

    def finish(self) -> None:
        assert self.done == len(self._masks), "one mask for every clip"
        self._masks.flush()
        if self._path.suffix.lower() == ".pt":
            with atomic_path(self._path) as scratch:
                torch.save(torch.from_numpy(self._masks), scratch)
            self._scratch.unlink()
        else:
            self._scratch.replace(self._path)
        self._progress.remove()


def _holds(path: Path, shape: tuple[int, ...]) -> bool:
    with suppress(InputError):
        return open_npy(path).shape == shape
    return False
