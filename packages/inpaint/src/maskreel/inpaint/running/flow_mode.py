"""The mode `flow`: chunks of a moving camera's shot, filled along optical flow, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.array_file import read_npz, write_npz
from maskreel.common.errors import InputError
from maskreel.inpaint.flow.fill import FlowFillConfig, fill_by_flow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maskreel.inpaint.flow.completer import FlowPair
    from maskreel.inpaint.flow.hole_links import PairRecorder
    from maskreel.inpaint.running.chunks import Chunk
    from maskreel.inpaint.running.parts import Parts

__all__ = ["FlowMode"]

_BEFORE, _AFTER = 12, 24  # frames around a chunk that its holes may be filled from


@dataclass(frozen=True)
class _Carry:
    """The last filled frames, from which the next chunk goes on, so that nothing jumps where chunks meet."""

    stop: int
    frames: np.ndarray
    """uint8 (T, H, W, 3)."""
    synthesised: np.ndarray
    """bool (T, H, W)."""

    @classmethod
    def of(cls, path: Path) -> _Carry:
        """Read back what `FlowMode.save` wrote."""
        arrays = read_npz(path)
        frames, synthesised = (arrays.get(name, np.empty(0)) for name in ("frames", "synthesised"))
        kinds = (frames.dtype, synthesised.dtype, frames.shape) == (np.uint8, np.bool_, (*synthesised.shape, 3))
        if not kinds or synthesised.ndim != 3 or arrays.get("stop", np.empty(0)).shape != ():
            raise InputError(f"{path} does not hold the last frames of a fill; delete the job's folder to begin anew")
        return cls(int(arrays["stop"]), frames, synthesised)


class FlowMode:
    """Fills the chunks of one shot in order.

    Args:
        config: settings of the propagation.
        parts: what measures and completes flow, and paints; see `fill_by_flow` for what None means.
        record: told of the flow between frames, by their indices in the video.
    """

    def __init__(self, config: FlowFillConfig, parts: Parts, *, record: PairRecorder | None = None) -> None:
        self._config = config
        self._parts = parts
        self._record = record
        self._carry: _Carry | None = None

    def window(self, chunk: Chunk) -> tuple[int, int]:
        """The half-open range of frames that `fill` needs."""
        return chunk.around(_BEFORE, _AFTER)

    def fill(self, chunk: Chunk, frames: np.ndarray, holes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Fill a chunk; see `TemporalMode.fill`. `frames` and `holes` cover `window(chunk)`."""
        start, _ = self.window(chunk)
        inner = slice(chunk.start - start, chunk.stop - start)
        synthesised = np.zeros_like(holes)
        if self._carry is not None and self._carry.stop == chunk.start and inner.start > 0:
            frames, holes = frames.copy(), holes.copy()
            frames[: inner.start] = self._carry.frames[-inner.start :]
            synthesised[: inner.start] = self._carry.synthesised[-inner.start :]
            holes[: inner.start] = False
        filled = fill_by_flow(
            frames,
            holes,
            self._config,
            estimator=self._parts.estimator,
            completer=self._parts.completer,
            inpainter=self._parts.inpainter,
            synthesised=synthesised,
            record=self._recorder(chunk, start),
        )
        painted = filled.synthesised[inner]
        self._carry = _Carry(chunk.stop, filled.frames[inner][-_BEFORE:], painted[-_BEFORE:])
        yield from zip(filled.frames[inner], filled.confidence[inner], strict=True)

    def _recorder(self, chunk: Chunk, start: int) -> PairRecorder | None:
        """Tells of the pairs that begin in the chunk; those around it are told of by its neighbours."""
        record = self._record
        if record is None:
            return None

        def tell(index: int, measured: FlowPair, completed: FlowPair) -> None:
            if chunk.start <= start + index < chunk.stop:
                record(start + index, measured, completed)

        return tell

    def save(self, path: Path) -> None:
        """Keep what the next chunk needs in an .npz file."""
        if self._carry is not None:
            carry = self._carry
            arrays = {"stop": carry.stop, "frames": carry.frames, "synthesised": carry.synthesised}
            write_npz(path, arrays, compress=True)

    def load(self, path: Path) -> None:
        """Go on after the chunk at whose end `save` was called.

        Raises:
            InputError: the file is damaged, or not of a fill by flow.
        """
        if path.exists():
            self._carry = _Carry.of(path)
