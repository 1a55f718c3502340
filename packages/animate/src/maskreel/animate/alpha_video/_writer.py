"""`AlphaWriter`: frames with transparency to a file or folder that appears when it is whole."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from maskreel.animate.alpha_video._target import check_alpha_target
from maskreel.common.atomic import atomic_folder
from maskreel.common.video import Clip, probe

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from types import TracebackType

    from torch import Tensor

    from maskreel.animate.alpha_video._file import AlphaFile
    from maskreel.animate.alpha_video._folder import Folder
    from maskreel.animate.alpha_video._target import Form

__all__ = ["AlphaWriter"]


class AlphaWriter:
    """Encodes frames with straight (not premultiplied) alpha as they come; use it in a `with` block.

    The file or folder appears under its name when the block ends well, and not at all if it raises.

    Args:
        path: .mov for ProRes 4444 (edit suites), .webm for VP9 (browsers), or a name without suffix for a folder of PNG
            images 00000.png, 00001.png, ..., which are exact.
        fps: frames per second; the average where the rate varies.
        size: (height, width) of the frames.
        copy_streams_from: a video whose audio and subtitle streams are copied, cut to the frames that are written; a
            folder holds none.

    Raises:
        InputError: the suffix is another, the folder is not empty, or the file cannot hold a stream to copy.
        ValueError: frames do not fit, or none was written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: Fraction,
        size: tuple[int, int],
        copy_streams_from: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path, self.fps, self.size = Path(path), fps, tuple(size)
        self._form: Form = check_alpha_target(path, copy_streams_from=copy_streams_from)
        self._source = None if copy_streams_from is None or self._form == "folder" else Path(copy_streams_from)
        self._start = probe(self._source).start if self._source is not None else Fraction(0)
        self._count = 0
        self._sink: AlphaFile | Folder | None = None
        self._files = ExitStack()

    def __enter__(self) -> Self:
        if self._form == "folder":
            from maskreel.animate.alpha_video._folder import Folder

            self._sink = Folder(self._files.enter_context(atomic_folder(self.path)))
        else:
            from maskreel.animate.alpha_video._file import AlphaFile

            self._sink = AlphaFile(self.path, self._form, self._source, self._files)
        self._files.push(self._finish)  # entered last, so that it finishes before anything is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)
        self._sink = None

    def write(self, frames: Tensor, times: Sequence[Fraction] | None = None) -> None:
        """Encode frames, which follow those written before.

        Args:
            frames: uint8 (N, 4, H, W), RGB and alpha.
            times: seconds of each where the rate varies; by default the first is shown when the source of the copied
                streams begins, or at 0, and the others follow at `fps`.
        """
        if self._sink is None:
            raise ValueError(f"the writer of {self.path} is not open; use it in a with block")
        if frames.dtype != torch.uint8 or frames.dim() != 4 or tuple(frames.shape[1:]) != (4, *self.size):
            raise ValueError(
                f"frames must be uint8 (N, 4, {self.size[0]}, {self.size[1]}), got {frames.dtype} {tuple(frames.shape)}"
            )
        if len(frames) == 0:
            return
        start = self._start + self._count / self.fps
        timestamps = None if times is None else tuple(times)
        self._sink.write(frames, Clip(frames[:, :3], self.fps, timestamps[0] if timestamps else start, timestamps))
        self._count += len(frames)

    def _finish(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is not None:
            return
        if self._count == 0:
            raise ValueError(f"no frame was written to {self.path}; give at least one")
        assert self._sink is not None
        self._sink.finish()
