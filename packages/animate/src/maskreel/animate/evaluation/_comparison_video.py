"""A video of what drives and what comes out, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from maskreel.common.show import side_by_side
from maskreel.common.video import Clip, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from torch import Tensor

__all__ = ["ComparisonVideo"]


class ComparisonVideo:
    """Writes a video of titled columns; use it in a `with` block, and add one frame or more.

    Args:
        path: .mp4, .mkv, .mov or .gif.
        fps: frames per second.
    """

    def __init__(self, path: Path, fps: Fraction) -> None:
        self._path, self._fps = path, fps
        self._writer: VideoWriter | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)

    def add(self, driving: Tensor, results: Mapping[str, Tensor]) -> None:
        """Add frames: uint8 (n, 3, S, S) each."""
        columns = {"driving": driving, **results}
        frames = torch.stack(
            [
                _even(side_by_side(*(column[number] for column in columns.values()), titles=list(columns)))
                for number in range(len(driving))
            ]
        )
        if self._writer is None:
            size = (frames.shape[-2], frames.shape[-1])
            self._writer = VideoWriter(self._path, fps=self._fps, size=size).__enter__()
        self._writer.write(Clip(frames, self._fps, self._count / self._fps))
        self._count += len(frames)


def _even(picture: Tensor) -> Tensor:
    """Without an odd last row or column, which browsers do not play."""
    return picture[:, : picture.shape[1] // 2 * 2, : picture.shape[2] // 2 * 2]
