"""Driving masks as they come, into a template."""

from __future__ import annotations

import json
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.lib import format as npy
from torch import Tensor

from maskreel.animate.motion._moments import require_masks
from maskreel.animate.motion._template import PART, VERSION, part_name
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction
    from types import TracebackType

    from maskreel.animate.framing import Framing

__all__ = ["MotionWriter", "save_motion"]


class MotionWriter:
    """Writes driving masks as a template, in bounded memory; use it in a `with` block.

    The file appears when the block ends well.

    Args:
        path: ends in .npz.
        fps: of the driving video; the average where its rate varies.
        framing: the square of the driving frames that the masks are of.
        time_base: seconds of a tick, of which times are multiples, where the frame rate varies.
        recipe: how the masks are made; goes in as JSON.

    Raises:
        InputError: `path` does not end in .npz.
        ValueError: `fps` or `time_base` is not positive.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: Fraction,
        framing: Framing,
        *,
        time_base: Fraction | None = None,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() != ".npz":
            raise InputError(f"{path} must end in .npz to hold a motion template")
        if fps <= 0 or (time_base is not None and time_base <= 0):
            raise ValueError(f"fps and time_base must be positive, got {fps} and {time_base}")
        self._fps, self._framing, self._time_base = fps, framing, time_base
        self._recipe = json.dumps(dict(recipe or {}), default=str).encode()
        self._files = ExitStack()
        self._held: list[np.ndarray] = []
        self._ticks: list[int] = []
        self._count = self._side = 0

    def __enter__(self) -> Self:
        scratch = self._files.enter_context(atomic_path(self._path))
        self._archive = self._files.enter_context(zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED))
        self._files.push(self._finish)  # entered last, so that it finishes before anything is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def add(self, masks: Tensor, times: Sequence[Fraction] | None = None) -> None:
        """Add masks, float (N, 1, s, s) in [0, 1], and the seconds of each if the frame rate varies.

        Raises:
            ValueError: they are not square or of another size than those before, or times are missing or no ticks.
        """
        self._add_times(len(masks), times)
        require_masks(masks)
        if masks.shape[-1] != masks.shape[-2]:
            raise ValueError(f"masks must be square, got {tuple(masks.shape)}")
        for mask in (masks[:, 0].detach().float() * 255).round().clamp(0, 255).byte().cpu().numpy():
            if self._side not in (0, len(mask)):
                raise ValueError(f"masks must be of one size, got {mask.shape} after {(self._side, self._side)}")
            self._side = len(mask)
            self._held.append(mask)
            if len(self._held) == PART:
                self._flush()

    def _add_times(self, count: int, times: Sequence[Fraction] | None) -> None:
        if self._time_base is None:
            return
        if times is None or len(times) != count:
            raise ValueError(f"times must be those of {count} frames, got {None if times is None else len(times)}")
        ticks = [time / self._time_base for time in times]
        if any(tick.denominator != 1 for tick in ticks):
            raise ValueError(f"times must be multiples of {self._time_base} s, got {times}")
        self._ticks += [tick.numerator for tick in ticks]

    def _flush(self) -> None:
        self._write(part_name(self._count // PART), np.stack(self._held))
        self._count += len(self._held)
        self._held = []

    def _finish(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is not None:
            return
        if self._held:
            self._flush()
        if not self._count:
            raise ValueError("masks must hold one or more frames, got none")
        base = (0, 1) if self._time_base is None else (self._time_base.denominator, self._time_base.numerator)
        square = self._framing
        about = [VERSION, self._count, self._side, len(self._recipe), self._fps.numerator, self._fps.denominator]
        about += [*square.size, square.top, square.left, square.side, *base]
        if self._time_base is not None:
            self._write("ticks", np.array(self._ticks, np.int64))
        self._write("recipe", np.frombuffer(self._recipe, np.uint8))
        self._write("about", np.array(about, np.int64))

    def _write(self, name: str, array: np.ndarray) -> None:
        with self._archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
            npy.write_array(stream, array, allow_pickle=False)


def save_motion(
    path: str | os.PathLike[str],
    masks: Tensor | Iterable[Tensor],
    fps: Fraction,
    framing: Framing,
    *,
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Write driving masks of an even frame rate with a `MotionWriter`: float (T, 1, s, s) in [0, 1], or batches."""
    with MotionWriter(path, fps, framing, recipe=recipe) as writer:
        for batch in [masks] if isinstance(masks, Tensor) else masks:
            writer.add(batch)
