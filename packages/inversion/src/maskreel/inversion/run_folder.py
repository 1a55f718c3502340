"""The folder of a run: what `maskreel inversion run` writes and `export`, `report` and `open_masks` read.

    RUN/run.json           the record: how the run was made
    RUN/frames/00000.png   the frames, 8-bit RGB
    RUN/masks/00000.png    the masks that each frame was to show: a palette PNG as in DAVIS, 255 = void

In the record, "sequence" is the name of the sequence, "fps" the frames per second as a fraction ("24", "30000/1001"),
"class_names" the class of every object by its number ({"1": "bear"}, null where it has none) and "frame_count" how many
frames there will be. Whatever else stands there is the run's own.

Every file appears when it is whole, and the mask of a frame before the frame: a frame that is there is done. So a run
that was stopped goes on with what `frames_done` does not name, and several processes may write into one folder.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from maskreel.common import masks as mask_tools
from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.inversion._picture import read_picture

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import torch

__all__ = ["RunFolder"]

RECORD = "run.json"
_FPS = re.compile(r"\d{1,10}(\.\d{1,20}|/\d{1,10})?")
"""Fraction would take "1e99999999" as well, and be busy with it for hours."""


class RunFolder:
    """Frames, masks and record of one run; made by `create`, or opened where it is.

    Raises:
        InputError: Opening a folder without a record; reading a file that is missing or damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.is_one(self.folder):
            raise InputError(f"{self.folder / RECORD} is missing, expected a folder that maskreel inversion run wrote")

    @classmethod
    def create(cls, folder: str | os.PathLike[str], record: Mapping[str, Any]) -> RunFolder:
        """Write the record and keep the frames that are there.

        Raises:
            ValueError: The record lacks "sequence", "fps", "class_names" or "frame_count".
        """
        if missing := [name for name in ("sequence", "fps", "class_names", "frame_count") if name not in record]:
            raise ValueError(f"record must have {missing[0]!r}, got {', '.join(record)}")
        write_json(Path(folder) / RECORD, dict(record))
        return cls(folder)

    @staticmethod
    def is_one(folder: str | os.PathLike[str]) -> bool:
        """Whether there is a record."""
        return (Path(folder) / RECORD).is_file()

    @cached_property
    def record(self) -> dict[str, Any]:
        """What stands in run.json."""
        path = self.folder / RECORD
        record = read_json(path)
        if not isinstance(record, dict):
            raise InputError(f"{path} must hold one object, got {type(record).__name__}")
        return record

    @property
    def name(self) -> str:
        """Of the sequence; that of the folder where the record has none."""
        return str(self.record.get("sequence") or self.folder.name)

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        stored = self.record.get("fps", "24")
        try:
            fps = Fraction(stored) if _FPS.fullmatch(str(stored)) else Fraction(0)
        except (ValueError, TypeError, ZeroDivisionError):
            fps = Fraction(0)
        if fps <= 0:
            raise InputError(f'{self.folder / RECORD} has fps {stored!r}, expected one like "24"')
        return fps

    @property
    def class_names(self) -> dict[int, str | None]:
        """By object number."""
        try:
            return {int(number): name for number, name in (self.record.get("class_names") or {}).items()}
        except (ValueError, AttributeError):
            raise InputError(f'{self.folder / RECORD} has class_names of another form than {{"1": "bear"}}') from None

    @property
    def frame_count(self) -> int | None:
        """How many frames there will be; None where the record does not say."""
        return self.record.get("frame_count")

    def write_frame(self, index: int, frame: torch.Tensor, labels: torch.Tensor) -> None:
        """Write frame `index`, uint8 (3, H, W) RGB, and its label map, uint8 (H, W); it is done when this returns.

        Raises:
            ValueError: The shapes do not go together.
        """
        if frame.ndim != 3 or frame.shape[0] != 3 or frame.shape[1:] != labels.shape:
            raise ValueError(
                f"frame must be (3, H, W) and labels (H, W), got {tuple(frame.shape)} and {tuple(labels.shape)}"
            )
        mask_tools.write_label_png(self._mask_file(index), labels)
        picture = Image.fromarray(frame.permute(1, 2, 0).contiguous().cpu().numpy())
        with atomic_path(self._frame_file(index)) as scratch:
            picture.save(scratch, format="PNG", compress_level=3)

    def frames_done(self) -> tuple[int, ...]:
        """Numbers of the frames that are there with their masks, in rising order."""
        numbers = [int(file.stem) for file in (self.folder / "frames").glob("*.png") if file.stem.isdecimal()]
        return tuple(number for number in sorted(numbers) if self._mask_file(number).is_file())

    def frame(self, index: int) -> torch.Tensor:
        """uint8 (3, H, W), RGB."""
        return read_picture(self._frame_file(index))

    def labels(self, index: int) -> torch.Tensor:
        """uint8 (H, W): 0 background, 255 void, else the object."""
        return mask_tools.read_label_png(self._mask_file(index))

    def _frame_file(self, index: int) -> Path:
        return self.folder / "frames" / f"{index:05d}.png"

    def _mask_file(self, index: int) -> Path:
        return self.folder / "masks" / f"{index:05d}.png"
